"""DeLong's variance: against the definition pair by pair, and against simulated data."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from proctor_metrics.classification.delong import delong_areas


def by_definition(
    scores: npt.NDArray[np.float64], positive: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Return the covariance from the matrix of all pairs, as the paper writes it."""
    high, low = scores[:, positive], scores[:, ~positive]
    won = (high[:, :, None] > low[:, None, :]) + 0.5 * (high[:, :, None] == low[:, None, :])
    m, n = high.shape[1], low.shape[1]
    return np.atleast_2d(np.cov(won.mean(axis=2))) / m + np.atleast_2d(np.cov(won.mean(axis=1))) / n


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 12), st.integers(2, 12), st.integers(1, 3))
def test_areas_and_covariance_are_those_of_all_pairs(
    seed: int, n_positive: int, n_negative: int, n_models: int
) -> None:
    generator = np.random.default_rng(seed)
    # Few values, many ties.
    scores = generator.integers(0, 6, (n_models, n_positive + n_negative)).astype(np.float64)
    positive = generator.permutation(np.arange(n_positive + n_negative) < n_positive)
    found = delong_areas(scores, positive)
    expected = [roc_auc_score(positive, row) for row in scores]
    np.testing.assert_allclose(found.areas, expected, rtol=1e-13)
    np.testing.assert_allclose(found.covariance, by_definition(scores, positive), atol=1e-14)


def test_the_interval_lies_within_the_scale_and_narrows_with_the_level() -> None:
    generator = np.random.default_rng(0)
    positive = np.arange(40) < 20
    found = delong_areas((generator.normal(size=40) + 2 * positive)[np.newaxis], positive)
    wide, narrow = found.interval(0, 0.99), found.interval(0, 0.8)
    assert 0 < wide.low < narrow.low < found.areas[0] < narrow.high < wide.high < 1


def test_an_interval_is_undefined_where_nothing_can_be_said() -> None:
    positive = np.array([True, True, False, False])
    perfect = delong_areas(np.array([[4.0, 3.0, 2.0, 1.0]]), positive)
    assert perfect.areas.tolist() == [1.0]
    assert np.isnan([perfect.interval(0).low, perfect.interval(0).high]).all()
    lonely = delong_areas(np.array([[2.0, 1.0, 3.0]]), np.array([True, False, False]))
    assert lonely.areas.tolist() == [0.5]
    assert np.isnan(lonely.interval(0).low)
    one_sided = delong_areas(np.array([[2.0, 1.0]]), np.array([True, True]))
    assert np.isnan(one_sided.areas).all()
    assert np.isnan(one_sided.interval(0).high)


def test_constant_scores_are_one_half_without_doubt() -> None:
    found = delong_areas(np.zeros((1, 6)), np.arange(6) < 3)
    assert found.areas.tolist() == [0.5]
    assert (found.interval(0).low, found.interval(0).high) == (0.5, 0.5)


def test_a_model_is_compared_with_itself_and_with_a_better_one() -> None:
    generator = np.random.default_rng(1)
    positive = np.arange(200) < 100
    worse = generator.normal(size=200)
    better = worse + 1.5 * positive
    found = delong_areas(np.stack([worse, better, better]), positive)
    assert np.isnan(found.p_value(1, 2))
    assert found.p_value(0, 1) == found.p_value(1, 0) < 1e-6


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(3,\) do not fit"):
        delong_areas(np.zeros(3), np.array([True, False, True]))
    with pytest.raises(ValueError, match="every item needs one"):
        delong_areas(np.array([[np.nan, 1.0]]), np.array([True, False]))
    found = delong_areas(np.array([[0.2, 0.1, 0.3, 0.0]]), np.array([True, True, False, False]))
    with pytest.raises(ValueError, match="between 0 and 1"):
        found.interval(0, 95)


def coverage(simulations: int, n_items: int) -> float:
    """Return how often the 95 % interval holds the true area of two normal distributions."""
    generator = np.random.default_rng(2)
    positive = np.arange(n_items) < n_items // 2
    # Two unit normals a distance of 1.19 apart have an area of 0.8.
    true_area = 0.8
    shift = 1.1902
    held = 0
    for _ in range(simulations):
        scores = generator.normal(size=(1, n_items)) + shift * positive
        interval = delong_areas(scores, positive).interval(0)
        held += bool(interval.low <= true_area <= interval.high)
    return held / simulations


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    assert 0.92 <= coverage(400, 50) <= 0.98


@pytest.mark.slow
@pytest.mark.parametrize("n_items", [20, 50, 200])
def test_the_interval_covers_within_two_points(n_items: int) -> None:
    assert 0.93 <= coverage(2000, n_items) <= 0.98
