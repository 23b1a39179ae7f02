"""The Bayesian signed-rank test against the double sum that defines it."""

import numpy as np
import pytest

from proctor_metrics import Direction
from proctor_metrics.ranking import bayesian_signed_rank

HIGHER, LOWER = Direction.HIGHER, Direction.LOWER


def by_definition(gains: np.ndarray, rope: float, draws: int) -> np.ndarray:
    z = np.append(0.0, gains)
    generator = np.random.default_rng(0)
    weights = generator.dirichlet(np.append(0.5, np.ones(gains.size)), draws)
    sums = z[:, np.newaxis] + z
    regions = [sums > 2 * rope, np.abs(sums) <= 2 * rope, sums < -2 * rope]
    shares = np.stack([np.einsum("bi,ij,bj->b", weights, region, weights) for region in regions])
    return np.bincount(shares.argmax(axis=0), minlength=3) / draws


@pytest.mark.parametrize("rope", [0.0, 0.13, 0.4])
def test_shares_are_those_of_the_definition(rope: float) -> None:
    gains = np.random.default_rng(1).normal(0.15, 0.5, 12)
    found = bayesian_signed_rank(gains, np.zeros(12), HIGHER, rope, draws=20_000)
    # Two samples of 20,000 differ by 0.5 % of a share as one standard error.
    np.testing.assert_allclose(found, by_definition(gains, rope, 20_000), atol=0.02)
    assert sum(found) == pytest.approx(1)


def test_swapping_sides_or_direction_swaps_the_answer() -> None:
    first, second = np.random.default_rng(2).normal(size=(2, 10))
    found = bayesian_signed_rank(first, second, HIGHER, 0.1, draws=10_000)
    swapped = bayesian_signed_rank(second, first, HIGHER, 0.1, draws=10_000)
    lower = bayesian_signed_rank(first, second, LOWER, 0.1, draws=10_000)
    assert found.first_better == pytest.approx(swapped.second_better, abs=0.02)
    assert lower == swapped


def test_a_difference_as_large_as_the_rope_is_practically_the_same() -> None:
    found = bayesian_signed_rank(np.full(20, 0.3), np.full(20, 0.2), HIGHER, 0.1, draws=1000)
    assert found.practically_same == 1


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ValueError, match="no pairs of cases"):
        bayesian_signed_rank(np.ones(3), np.ones(4), HIGHER, 0.1)
    with pytest.raises(ValueError, match="missing value"):
        bayesian_signed_rank(np.array([np.nan]), np.ones(1), HIGHER, 0.1)
