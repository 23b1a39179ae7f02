"""F-score of boxes: by hand, against a count of every pair, and what is refused."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proctor_metrics import MetricParameterError, resolve
from proctor_metrics.cases import BoxCase, ReferenceBoxes, Role

POINTS = {"match": "center_distance", "distance": 3.0}


def points(found: list[tuple[float, float]], there: list[float], n_items: int = 1) -> BoxCase:
    """Make a case of points on a line: (score, x) found, x there, all in item 0."""
    rows = np.array([[0, 1, score, x, 0] for score, x in found]).reshape(-1, 5)
    reference = ReferenceBoxes.of_rows([[0, 1, x, 0] for x in there], 2)
    return BoxCase("c", rows, reference, n_items, ("cell",), (1,))


def f_score(case: BoxCase, **parameters: object) -> float:
    return float(resolve("detection_f_score", POINTS | parameters).pooled([case])[0])


def test_f1_by_hand() -> None:
    """One pair, one wrong, two overlooked: 2 / (2 + 1 + 2)."""
    case = points([(0.9, 0), (0.8, 50)], [2, 100, 200])
    assert f_score(case) == pytest.approx(2 / 5)
    assert f_score(case, beta=2) == pytest.approx(5 / (5 + 1 + 8))


def test_the_best_scored_first_or_the_most_pairs() -> None:
    """The best takes the reference between both, and the other is left with none."""
    case = points([(0.9, 10), (0.8, 7)], [9, 12.5])
    assert f_score(case) == pytest.approx(0.5)
    assert f_score(case, assignment="optimal") == pytest.approx(1.0)


def test_distance_includes_its_end() -> None:
    assert f_score(points([(1, 0)], [3])) == 1.0
    assert f_score(points([(1, 0)], [3.0001])) == 0.0


def test_boxes_below_the_least_score_are_left_out() -> None:
    case = points([(0.9, 0), (0.2, 50)], [0])
    assert f_score(case, least_score=0.2) == pytest.approx(2 / 3)
    assert f_score(case, least_score=0.3) == 1.0


def test_empties_of_a_set_and_of_items() -> None:
    nothing, overlooked, wrong = points([], []), points([], [0]), points([(1, 0)], [])
    assert np.isnan(f_score(nothing))
    assert f_score(overlooked) == f_score(wrong) == 0
    metric = resolve("item_detection_f_score", POINTS)
    for case, value, flag in (
        (nothing, 1, "both_empty"),
        (overlooked, 0, "prediction_empty"),
        (wrong, 0, "reference_empty"),
    ):
        found = metric.per_item(case)  # type: ignore[attr-defined]
        assert found.values.tolist() == [[value]]
        assert [name for name, raised in found.flags.items() if raised.any()] == [flag]


def test_classes_are_pooled_averaged_or_told_apart() -> None:
    """Class a: one right; b: one wrong; c: nowhere."""
    rows = np.array([[0, 1, 0.5, 0, 0], [0, 2, 0.5, 0, 0]])
    there = ReferenceBoxes.of_rows([[0, 1, 0, 0]], 2)
    case = BoxCase("c", rows, there, 1, ("a", "b", "c"), (1, 2, 3))
    assert f_score(case) == pytest.approx(2 / 3)
    assert f_score(case, average="macro") == 0.5
    each = resolve("detection_f_score", POINTS | {"average": "per_class"}).pooled([case])
    np.testing.assert_array_equal(each, [1, 0, np.nan])


def test_what_is_to_be_ignored_is_neither_right_nor_wrong() -> None:
    there = ReferenceBoxes.of_rows([[0, 1, 0, 0], [0, 1, 50, 0], [0, 1, 90, 0]], 2)
    roles = np.array([Role.COUNTED, Role.IGNORED, Role.CROWD], dtype=np.int64)
    there = ReferenceBoxes(
        there.items, there.classes, there.places, roles, there.sizes, there.radii
    )
    rows = np.array([[0, 1, 0.9 - x / 1000, x, 0] for x in (0, 50, 51, 90, 91)])
    case = BoxCase("c", rows, there, 1, ("cell",), (1,))
    # The second on an ignored reference is wrong, the second in a crowd is not.
    assert f_score(case) == pytest.approx(2 / 3)
    # Without regard to scores, whatever lies on something ignored is left out.
    assert f_score(case, assignment="optimal") == 1.0


def test_a_point_within_a_box_meets_it() -> None:
    there = ReferenceBoxes.of_rows([[0, 1, 0, 0, 4, 2]], 4)
    for x, expected in ((4.0, 1.0), (4.1, 0.0)):
        case = BoxCase("c", np.array([[0, 1, 1, x, 2.0]]), there, 1, ("cell",), (1,))
        assert resolve("detection_f_score", {"match": "inside"}).pooled([case])[0] == expected


def test_a_missing_case_counts_as_wrong_and_overlooked() -> None:
    """One right; then two overlooked and two wrong, and one wrong in an empty item."""
    there = ReferenceBoxes.of_rows([[0, 1, 0, 0], [0, 1, 9, 0]], 2)
    lost = BoxCase.missing("lost", there, 2, ("cell",), (1,))
    metric = resolve("detection_f_score", POINTS)
    assert metric.pooled([points([(1, 0)], [0]), lost])[0] == pytest.approx(2 / (2 + 3 + 2))


def test_replicates_count_an_item_so_often_as_it_was_drawn() -> None:
    cases = [points([(1, 0)], [0]), points([(1, 0), (1, 90)], [50])]
    weights = np.array([[1, 1], [2, 0], [0, 2], [3, 1]])
    found = resolve("detection_f_score", POINTS).replicates(cases, weights)
    np.testing.assert_allclose(found, [[2 / 5, 1, 0, 6 / 9]])


@settings(max_examples=60, deadline=None)
@given(
    found=st.lists(st.integers(0, 12), max_size=5), there=st.lists(st.integers(0, 12), max_size=5)
)
def test_optimal_finds_as_many_pairs_as_any_way_to_pair(found: list[int], there: list[int]) -> None:
    case = points([(1.0, x) for x in found], [float(x) for x in there])
    short, long = sorted((found, there), key=len)
    most = max(
        sum(abs(a - b) <= 3 for a, b in zip(short, chosen, strict=True))
        for chosen in itertools.permutations(long, len(short))
    )
    value = f_score(case, assignment="optimal")
    if found or there:
        assert value == pytest.approx(2 * most / (len(found) + len(there)))
    assert np.isnan(value) or f_score(case) <= value + 1e-12


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"match": "center_distance"}, "parameter 'distance': is required"),
        ({"distance": 3}, "parameter 'distance': is unknown"),
        ({"match": "radius", "iou": 0.5}, "parameter 'iou': is unknown"),
        ({"iou": 0}, "parameter 'iou': is 0; it must be a number above 0 and at most 1"),
        ({"assignment": "first"}, "'greedy', 'first_choice', 'optimal', 'hits'"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(
    parameters: dict[str, object], message: str
) -> None:
    with pytest.raises(MetricParameterError, match=message):
        resolve("detection_f_score", parameters)
