"""Rules for items, and the intervals that come with a score."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from proctor.spec.ranking import BootstrapSpec
from proctor.spec.task import MetricSpec
from proctor_metrics.bca import bca_interval, jackknife_means
from proctor_runner.aggregating import aggregated, rule_words
from proctor_runner.draws import Draws

NAN = float("nan")
# Two labels over four items, the second not defined in two of them; below, each item's mean.
VALUES = np.array([[1.0, 0.0, 1.0, 1.0], [0.5, NAN, NAN, 0.0], [0.75, 0.0, 1.0, 0.5]])
ONCE = np.ones((1, 4), dtype=np.uint16)


def spec(**rule: Any) -> MetricSpec:
    return MetricSpec(id="dice", name="dice", output="o", reference="r", **rule)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, [0.75, 0.25, 0.5625]),
        ({"aggregate": "labels"}, [0.75, 0.25, 0.5]),
        ({"aggregate": "pooled"}, [0.75, 0.25, 3.5 / 6]),
        ({"aggregate": "median"}, [1.0, 0.25, 0.625]),
        ({"aggregate": "quantile", "quantile": 0.0}, [0.0, 0.0, 0.0]),
    ],
)
def test_each_rule_by_hand(rule: dict[str, Any], expected: list[float]) -> None:
    assert aggregated(spec(**rule), VALUES, ONCE)[:, 0] == pytest.approx(expected)


@pytest.mark.parametrize("rule", ["items", "labels", "pooled", "median"])
def test_a_case_drawn_twice_counts_as_two(rule: str) -> None:
    weights = np.array([[2, 0, 1, 1]], dtype=np.uint16)
    twice = VALUES[:, [0, 0, 2, 3]]
    found = aggregated(spec(aggregate=rule), VALUES, weights)
    assert found == pytest.approx(aggregated(spec(aggregate=rule), twice, ONCE))


def test_a_rule_says_itself_where_it_is_not_the_usual_one() -> None:
    assert rule_words(spec()) == ""
    words = rule_words(spec(aggregate="quantile", quantile=0.05))
    assert words == "0.05 quantile over items"


@pytest.mark.parametrize("rule", [{"aggregate": "quantile"}, {"quantile": 0.5}])
def test_a_quantile_belongs_to_its_rule(rule: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="needs a quantile, and no other rule has one"):
        spec(**rule)


def test_intervals_are_bca_over_groups_unless_percentiles_are_asked() -> None:
    values = np.random.default_rng(0).gamma(1.0, size=(1, 30))
    units = [f"group {index // 2}" for index in range(30)]
    draws = Draws(units, "sha256:0", BootstrapSpec(samples=500))
    replicates = aggregated(spec(), values, draws.weights)
    (found,) = draws.ends(values.mean(axis=1), replicates, draws.jackknife_means(values))
    expected = bca_interval(
        float(values.mean()), replicates[0], jackknife_means(values, units)[0], 0.95
    )
    assert found == pytest.approx((expected.low, expected.high))
    plain = Draws(units, "sha256:0", BootstrapSpec(samples=500, interval="percentile"))
    assert plain.jackknife_means(values) is None
    assert plain.ends(values.mean(axis=1), replicates, None) == [(None, None)]


def test_leaving_out_blocks_leaves_out_every_group_once() -> None:
    draws = Draws([f"g{index // 3}" for index in range(1200)], "sha256:0", BootstrapSpec())
    assert draws.left_out.shape == (200, 1200)
    assert (draws.left_out.sum(axis=0) == 199).all()
    few = Draws(["a", "a", "b"], "sha256:0", BootstrapSpec())
    assert few.left_out.tolist() == [[0, 0, 1], [1, 1, 0]]
