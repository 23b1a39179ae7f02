"""What a case of boxes takes, and what is said of one that is not sound."""

from __future__ import annotations

import numpy as np
import pytest

from proctor_metrics import MetricInputError
from proctor_metrics.cases import BoxCase, ReferenceBoxes, Side

THERE = [[0, 1, 0, 0, 4, 2]]
FOUND = [[0, 1, 0.5, 0, 0, 4, 2]]


def case(found=FOUND, there=THERE, numbers=4, classes=("cell",), values=(1,)) -> BoxCase:
    rows = np.array(found, dtype=np.float64).reshape(len(found), -1)
    return BoxCase("c", rows, ReferenceBoxes.of_rows(there, numbers), 2, classes, values)


def test_a_sound_case_holds_its_rows_in_order() -> None:
    made = case([[1, 1, 0.5, 0, 0, 1, 1], [0, 1, 0.2, 0, 0, 1, 1], [0, 1, 0.9, 0, 0, 1, 1]])
    assert made.prediction[:, :3].tolist() == [[0, 1, 0.9], [0, 1, 0.2], [1, 1, 0.5]]
    assert (made.n_items, made.n_axes, made.lost) == (2, 2, False)


@pytest.mark.parametrize(
    ("change", "side", "says"),
    [
        ({"found": [[2, 1, 0.5, 0, 0, 1, 1]]}, Side.PREDICTION, "items are numbered from 0 to 1"),
        ({"found": [[0.5, 1, 0.5, 0, 0, 1, 1]]}, Side.PREDICTION, "row 0 of the prediction names"),
        ({"found": [[0, 2, 0.5, 0, 0, 1, 1]]}, Side.PREDICTION, "class values are"),
        ({"found": [[0, 1, np.inf, 0, 0, 1, 1]]}, Side.PREDICTION, "every score must be finite"),
        ({"found": [[0, 1, 0.5, 0, 0, np.nan, 1]]}, Side.PREDICTION, "place must be finite"),
        ({"found": [[0, 1, 0.5, 2, 0, 1, 1]]}, Side.PREDICTION, "x0 is at most x1"),
        ({"found": [[0, 1, 0.5, 2, 0, 1]]}, Side.PREDICTION, "a place in 2 axes"),
        ({"there": [[0, 1, 3, 0, 1, 1]]}, Side.REFERENCE, "x0 is at most x1"),
        ({"there": [[7, 1, 0, 0, 1, 1]]}, Side.REFERENCE, "items are numbered"),
        ({"there": [[0, 1, 0, 0, 1]], "numbers": 3}, Side.PREDICTION, "a place in 3 axes"),
        ({"there": [[0, 1, 0, 0, 1, 1, 1]], "numbers": 5}, Side.REFERENCE, "a box 4 or 6"),
        ({"classes": ("a", "b"), "values": (1, 1)}, Side.TASK, "a value of its own"),
    ],
)
def test_what_is_not_sound_is_said_with_whose_it_is_to_mend(change, side, says) -> None:
    with pytest.raises(MetricInputError, match=says) as caught:
        case(**change)
    assert caught.value.side is side
