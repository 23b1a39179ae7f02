"""FROC by hand, against a count at every threshold, and what must not change it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proctor_metrics import MetricInputError, MetricParameterError, resolve
from proctor_metrics.cases import BoxCase, ReferenceBoxes, Role

RATES = [0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0]


def case_of(
    found: list[tuple[int, float, float]],
    there: list[tuple[int, float, float]],
    n_items: int,
    ignored: tuple[int, ...] = (),
) -> BoxCase:
    """Make a case of points on a line: (item, score, x) found, (item, x, radius) there."""
    roles = np.zeros(len(there), dtype=np.int64)
    roles[list(ignored)] = Role.IGNORED
    table = np.array(there, dtype=np.float64).reshape(-1, 3)
    reference = ReferenceBoxes(
        table[:, 0].astype(np.int64),
        np.ones(len(there), dtype=np.int64),
        np.column_stack([table[:, 1], np.zeros((len(there), 2))]),
        roles,
        np.full(len(there), np.nan),
        table[:, 2],
    )
    rows = np.array([[item, 1, score, x, 0, 0] for item, score, x in found]).reshape(-1, 6)
    return BoxCase("c", rows, reference, n_items, ("nodule",), (1,))


def counted(case: BoxCase) -> list[float]:
    """Count hits and false positives at every threshold, and read the curve by `np.interp`."""
    there, rows = case.reference, case.prediction
    meets = [
        [
            item == there.items[index] and abs(x - there.places[index, 0]) <= there.radii[index]
            for index in range(len(there.items))
        ]
        for item, _, _, x, _, _ in rows
    ]
    counts = there.roles == Role.COUNTED
    false, right = [0.0], [0.0]
    for threshold in sorted(set(rows[:, 2]), reverse=True):
        used = [index for index in range(len(rows)) if rows[index, 2] >= threshold]
        false.append(sum(not any(meets[index]) for index in used) / case.n_items)
        right.append(
            sum(
                any(meets[index][one] for index in used)
                for one in range(len(there.items))
                if counts[one]
            )
            / counts.sum()
        )
    return [float(np.interp(rate, false, right)) for rate in RATES]


def test_the_curve_by_hand() -> None:
    """Two scans, two nodules: found at once, then a false positive, then the other."""
    case = case_of([(0, 0.9, 1), (1, 0.8, 50), (1, 0.7, 4)], [(0, 0, 2), (1, 5, 2)], 2)
    each = resolve("froc", {"labels": "rates"})
    assert each.labels(case) == tuple(f"fppi={rate:g}" for rate in RATES)
    np.testing.assert_array_equal(each.pooled([case]), [0.5, 0.5, 1, 1, 1, 1, 1])
    assert resolve("froc", {}).pooled([case])[0] == pytest.approx(6 / 7)
    assert resolve("sensitivity_at_fppi", {"fppi": 0.4}).pooled([case])[0] == 0.5


def test_equal_scores_are_one_threshold_and_the_curve_is_straight_between() -> None:
    """One threshold takes a hit and a false positive: at half its rate, half its sensitivity."""
    case = case_of([(0, 0.5, 0), (0, 0.5, 50)], [(0, 0, 1)], 1)
    assert resolve("sensitivity_at_fppi", {"fppi": 0.5}).pooled([case])[0] == 0.5
    assert resolve("sensitivity_at_fppi", {"fppi": 1}).pooled([case])[0] == 1.0


def test_a_second_box_on_one_nodule_is_left_out_or_false() -> None:
    case = case_of([(0, 0.9, 0), (0, 0.8, 1), (0, 0.7, 50)], [(0, 0, 2), (0, 50, 2)], 1)
    assert resolve("sensitivity_at_fppi", {"fppi": 0.5}).pooled([case])[0] == 1.0
    greedy = resolve("sensitivity_at_fppi", {"fppi": 0.5, "assignment": "greedy"})
    assert greedy.pooled([case])[0] == 0.5


def test_one_box_may_find_two_nodules() -> None:
    case = case_of([(0, 0.9, 1)], [(0, 0, 2), (0, 2, 2)], 1)
    assert resolve("froc", {}).pooled([case])[0] == 1.0
    assert resolve("froc", {"assignment": "greedy"}).pooled([case])[0] == 0.5


def test_a_finding_to_ignore_costs_nothing() -> None:
    case = case_of([(0, 0.9, 50), (0, 0.8, 0)], [(0, 0, 2), (0, 50, 2)], 1, ignored=(1,))
    assert resolve("sensitivity_at_fppi", {"fppi": 0.1}).pooled([case])[0] == 1.0


def test_empties() -> None:
    metric = resolve("froc", {})
    assert metric.pooled([case_of([], [(0, 0, 1)], 1)])[0] == 0
    assert np.isnan(metric.pooled([case_of([(0, 0.5, 0)], [], 1)])[0])
    assert np.isnan(metric.pooled([case_of([], [], 1)])[0])


def test_a_missing_case_is_false_above_every_threshold() -> None:
    """One false positive of two items comes first, so nothing is found below 0.5 an item."""
    answered = case_of([(0, 0.9, 0)], [(0, 0, 1)], 1)
    lost = BoxCase.missing("lost", case_of([], [], 1).reference, 1, ("nodule",), (1,))
    metric = resolve("froc", {"labels": "rates"})
    np.testing.assert_array_equal(metric.pooled([answered, lost])[:3], [0, 0, 1])


def test_a_radius_is_asked_for_where_it_counts() -> None:
    case = case_of([(0, 0.5, 0)], [(0, 0, float("nan"))], 1)
    with pytest.raises(MetricInputError, match="needs a positive one for each") as caught:
        resolve("froc", {}).pooled([case])
    assert caught.value.side == "reference"


def test_classes_are_told_apart_on_request() -> None:
    there = ReferenceBoxes.of_rows([[0, 1, 0, 0], [0, 2, 9, 9]], 2)
    rows = np.array([[0, 1, 0.9, 0, 0], [0, 1, 0.8, 9, 9.0]])
    case = BoxCase("c", rows, there, 1, ("a", "b"), (1, 2))
    metric = resolve("froc", {"match": "center_distance", "distance": 1, "labels": "classes"})
    assert metric.labels(case) == ("a", "b")
    np.testing.assert_array_equal(metric.pooled([case]), [1, 0])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"assignment": "optimal"}, "one of 'hits', 'greedy'"),
        ({"rates": [1, 0.5]}, "a list of numbers above 0 in ascending order"),
        ({"rates": []}, "a list of numbers above 0 in ascending order"),
        ({"rates": 8}, "a list of numbers above 0 in ascending order"),
    ],
)
def test_parameters_that_make_no_curve_are_refused(
    parameters: dict[str, object], message: str
) -> None:
    with pytest.raises(MetricParameterError, match=message):
        resolve("froc", parameters)


POINTS = st.tuples(st.integers(0, 3), st.integers(1, 6).map(lambda n: n / 8), st.integers(0, 20))
NODULES = st.tuples(st.integers(0, 3), st.integers(0, 20), st.sampled_from([1.0, 3.0]))


@settings(max_examples=60, deadline=None)
@given(
    found=st.lists(POINTS, max_size=14),
    there=st.lists(NODULES, min_size=2, max_size=6),
    order=st.randoms(use_true_random=False),
)
def test_every_threshold_is_counted(
    found: list[tuple[int, float, float]], there: list[tuple[int, float, float]], order
) -> None:
    case = case_of(found, there, 4, ignored=(1,))
    values = resolve("froc", {"labels": "rates"}).pooled([case])
    np.testing.assert_allclose(values, counted(case), atol=1e-12)
    assert (np.diff(values) >= -1e-12).all()
    mixed = list(found)
    order.shuffle(mixed)
    again = resolve("froc", {"labels": "rates"}).pooled([case_of(mixed, there, 4, ignored=(1,))])
    np.testing.assert_array_equal(again, values)


def test_a_weight_counts_an_item_so_often() -> None:
    parts = [
        case_of([(0, 0.9, 0), (0, 0.6, 40)], [(0, 0, 1)], 1),
        case_of([(0, 0.8, 40), (0, 0.7, 9)], [(0, 9, 1), (0, 20, 1)], 1),
    ]
    metric = resolve("froc", {})
    weights = np.array([[1, 1], [2, 0], [0, 2], [1, 2]])
    found = metric.replicates(parts, weights)[0]
    for weight, value in zip(weights, found, strict=True):
        copies = [part for part, count in zip(parts, weight, strict=True) for _ in range(count)]
        assert value == pytest.approx(metric.pooled(copies)[0], abs=1e-12)
