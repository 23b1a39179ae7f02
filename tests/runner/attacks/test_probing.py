"""Row 44: what scores tell of hidden labels, and what rounding and quotas leave of it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import pytest

from proctor_platform.rights import Feedback

ITEMS = 200
CLIP = 1e-15
QUOTA = 50


def shown(digits: int | None) -> Feedback:
    return Feedback(hidden=False, board_only=False, private=False, digits=digits)


def readable_labels(digits: int, clip: float = CLIP) -> int:
    """Return how many labels one answer tells under a log loss, over all ways they may fall.

    Each probed item is answered with a probability whose two losses differ by a power of two times
    the smallest step that rounding leaves to be seen; all others with one half. Every sum of the
    differences is then another number on the board.
    """
    feedback = shown(digits)
    most = math.log((1 - clip) / clip)
    step = 10.0**-digits * ITEMS
    for count in range(1, 20):
        differences = [step * 2**power for power in range(count)]
        if differences[-1] > most:
            return count - 1
        seen = set()
        for labels in itertools.product((0, 1), repeat=count):
            loss = (ITEMS - count) * math.log(2)
            for label, difference in zip(labels, differences, strict=True):
                sure = 1 / (1 + math.exp(-difference))
                loss -= math.log(sure if label else 1 - sure)
            seen.add(feedback.of(loss / ITEMS))
        if len(seen) < 2**count:
            return count - 1
    return 20


@pytest.mark.parametrize(("digits", "most"), [(2, 5), (3, 8), (4, 12)])
def test_row_44_an_answer_tells_few_labels_and_fewer_digits_fewer(
    digits: int, most: int, measured: Callable[[str], None]
) -> None:
    told = readable_labels(digits)

    # The attack works; what bounds it is that it needs a submission for each few labels.
    assert 1 <= told <= most
    assert readable_labels(digits, clip=1e-3) <= told
    measured(
        f"{told} labels a submission at {digits} digits: {told * QUOTA} of a public split by"
        f" {QUOTA} submissions, none of a private one"
    )
