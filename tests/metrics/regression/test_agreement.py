"""Bland and Altman's bias and limits: by hand, and drawn again item by item."""

import numpy as np
import pytest

from proctor_metrics import PooledMetric, ValueCase, resolve
from proctor_metrics.bootstrap import draw_weights

LABELS = ("bias", "lower_limit", "upper_limit", "furthest_limit")


def metric() -> PooledMetric:
    found = resolve("bland_altman", {})
    assert isinstance(found, PooledMetric)
    return found


def test_bias_and_limits_are_those_worked_out_by_hand() -> None:
    # Differences -1, 0 and 4: mean 1, deviation sqrt(7).
    case = ValueCase("a", np.array([[0.0], [2], [7]]), np.array([[1.0], [2], [3]]), ("q",))
    reach = 1.96 * 7**0.5
    assert metric().labels(case) == LABELS
    assert metric().pooled([case]) == pytest.approx([1, 1 - reach, 1 + reach, 1 + reach])


def test_a_replicate_is_the_value_of_the_drawn_items() -> None:
    generator = np.random.default_rng(1)
    predicted, true = generator.normal(1e6, 1, size=(2, 30, 2))
    case = ValueCase("a", predicted, true, ("x", "y"))
    weights = draw_weights([str(index) for index in range(30)], "sha256:0", 20, 0)
    found = metric().replicates([case], weights)
    assert metric().labels(case) == tuple(
        f"{column}.{label}" for column in "xy" for label in LABELS
    )
    for draw in range(20):
        drawn = np.repeat(np.arange(30), weights[draw])
        for index in range(2):
            differences = (predicted - true)[drawn, index]
            bias, reach = differences.mean(), 1.96 * differences.std(ddof=1)
            expected = [bias, bias - reach, bias + reach, max(abs(bias - reach), bias + reach)]
            assert found[4 * index : 4 * index + 4, draw] == pytest.approx(expected, rel=1e-9)


def test_only_the_furthest_limit_can_rank() -> None:
    assert [label for label in LABELS if metric().can_rank(label)] == ["furthest_limit"]
    assert not metric().mean_over_labels


def test_one_item_has_no_limits() -> None:
    case = ValueCase("a", np.array([[1.0]]), np.array([[2.0]]), ("q",))
    assert np.isnan(metric().pooled([case])).all()


def test_a_missing_case_is_answered_with_the_far_end_of_the_range() -> None:
    answered = ValueCase("a", np.array([[0.0], [5]]), np.array([[0.0], [5]]), ("q",))
    lost = ValueCase.missing("b", np.array([[9.0], [2.0]]), ("q",))
    adverse = ValueCase("b", np.array([[0.0], [9]]), np.array([[9.0], [2]]), ("q",))
    assert (metric().pooled([answered, lost]) == metric().pooled([answered, adverse])).all()
