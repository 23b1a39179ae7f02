"""BCa intervals: SciPy's, degenerate data, and how often they hold the truth."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from proctor_metrics.bca import bca_ends, bca_interval, jackknife_means
from proctor_metrics.bootstrap import draw_weights, replicate_means
from proctor_metrics.cases import FloatArray

NAN = float("nan")


def test_without_widening_the_ends_are_scipys() -> None:
    sample = np.random.default_rng(0).gamma(2.0, size=25)
    known = stats.bootstrap((sample,), np.mean, n_resamples=999, method="BCa", rng=1)
    jackknife = jackknife_means(sample[np.newaxis], [f"{i:02}" for i in range(25)])[0]
    found = bca_interval(
        float(sample.mean()), known.bootstrap_distribution, jackknife, 0.95, widened=False
    )
    assert found.low == pytest.approx(known.confidence_interval.low, rel=1e-12)
    assert found.high == pytest.approx(known.confidence_interval.high, rel=1e-12)


def test_jackknife_values_are_means_of_what_is_left() -> None:
    values = np.array([[1.0, 2.0, NAN, 6.0], [NAN, NAN, NAN, 1.0]])
    found = jackknife_means(values, ["b", "b", "a", "a"])
    np.testing.assert_array_equal(found, [[1.5, 6.0], [NAN, 1.0]])


def test_what_has_no_spread_has_no_width_and_what_has_no_value_no_interval() -> None:
    same = bca_interval(0.5, np.full(100, 0.5), np.full(9, 0.5), 0.95)
    assert (same.low, same.high, same.n_used) == (0.5, 0.5, 100)
    nothing = bca_interval(NAN, np.full(100, NAN), np.full(9, NAN), 0.95)
    assert np.isnan([nothing.low, nothing.high]).all()
    assert (nothing.n_used, nothing.n_total) == (0, 100)
    some = bca_interval(0.5, np.array([0.4, NAN, 0.6]), np.array([0.5, NAN]), 0.95)
    assert (some.n_used, some.n_total) == (2, 3)
    with pytest.raises(ValueError, match="must lie between 0 and 1"):
        bca_interval(0.5, np.ones(5), np.ones(5), 95)


def test_a_single_group_gives_the_replicates_alone() -> None:
    found = bca_interval(0.0, np.linspace(-1, 1, 101), np.array([0.0]), 0.9)
    assert found.low == pytest.approx(-0.9)
    assert found.high == pytest.approx(0.9)


def test_an_estimate_outside_all_replicates_keeps_its_interval_inside_them() -> None:
    replicates = np.linspace(0.0, 1.0, 200)
    found = bca_interval(2.0, replicates, np.linspace(0, 1, 20) ** 3, 0.95)
    assert 0.0 <= found.low <= found.high <= 1.0


def coverage(draw: Callable[..., FloatArray], truth: float, n: int, simulations: int) -> float:
    """Return how often the interval of a mean holds the truth."""
    weights = draw_weights([f"{i:03}" for i in range(n)], "sha256:simulation", 1000, 0)
    samples = draw(size=(simulations, n))
    ends = bca_ends(
        samples.mean(axis=1),
        replicate_means(samples, weights),
        jackknife_means(samples, [f"{i:03}" for i in range(n)]),
        0.95,
    )
    return float(((ends.low <= truth) & (truth <= ends.high)).mean())


@pytest.mark.parametrize("n", [20, 50])
def test_nineteen_of_twenty_intervals_hold_the_truth(n: int) -> None:
    """500 simulations have a standard error of 1 %, so three of them are allowed for."""
    generator = np.random.default_rng(n)
    found = coverage(lambda size: generator.beta(8, 2, size), 0.8, n, 500)
    assert 0.92 <= found <= 0.98


@pytest.mark.slow
@pytest.mark.parametrize("n", [20, 50, 200])
@pytest.mark.parametrize("name", ["normal", "scores", "distances", "skewed scores"])
def test_coverage_over_two_thousand_simulations(name: str, n: int) -> None:
    generator = np.random.default_rng([n, len(name)])
    draws: dict[str, tuple[Callable[..., FloatArray], float]] = {
        "normal": (lambda size: generator.normal(size=size), 0.0),
        "scores": (lambda size: generator.beta(8, 2, size), 0.8),
        "distances": (lambda size: generator.lognormal(0, 0.5, size), float(np.exp(0.125))),
        "skewed scores": (lambda size: generator.beta(2, 0.5, size), 0.8),
    }
    draw, truth = draws[name]
    assert 0.93 <= coverage(draw, truth, n, 2000) <= 0.97


@pytest.mark.slow
def test_intervals_of_grouped_items_hold_the_truth_when_groups_are_drawn() -> None:
    """Slices of a patient are alike; drawn one by one they seem to be more than they are."""
    n_groups, of_each, simulations = 30, 5, 2000
    generator = np.random.default_rng(2)
    patients = generator.normal(size=(simulations, n_groups, 1))
    noise = generator.normal(0, 0.5, (simulations, n_groups, of_each))
    items = (patients + noise).reshape(simulations, -1)
    found = {}
    for name, groups in {
        "patients": [f"{i // of_each:03}" for i in range(items.shape[1])],
        "slices": [f"{i:03}" for i in range(items.shape[1])],
    }.items():
        weights = draw_weights(groups, "sha256:simulation", 1000, 0)
        ends = bca_ends(
            items.mean(axis=1),
            replicate_means(items, weights),
            jackknife_means(items, groups),
            0.95,
        )
        found[name] = float(((ends.low <= 0) & (ends.high >= 0)).mean())
    assert 0.93 <= found["patients"] <= 0.97
    assert found["slices"] < 0.75
