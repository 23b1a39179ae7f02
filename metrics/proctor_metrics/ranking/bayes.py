"""How probable it is that one submission is better than another, and by more than matters.

An extra beside the tests: it answers with probabilities, and it can say that two are practically
the same, which no p-value does. Bayesian signed-rank test: Benavoli, Mangili, Corani, Zaffalon and
Ruggeri 2014 (ICML); Benavoli, Corani, Demsar and Zaffalon 2017 (JMLR 18(77)), section 4.2.
"""

from typing import NamedTuple

import numpy as np

from proctor_metrics.cases import FloatArray
from proctor_metrics.metric import Direction
from proctor_metrics.ranking.ranks import quantized

# Elements of a temporary array; bounds memory to about 32 MB for each.
_CHUNK_ELEMENTS = 4_000_000


class Beliefs(NamedTuple):
    """Probabilities that sum to 1."""

    first_better: float
    practically_same: float
    second_better: float


def bayesian_signed_rank(
    first: FloatArray,
    second: FloatArray,
    direction: Direction,
    rope: float,
    *,
    draws: int = 50_000,
    seed: int = 0,
) -> Beliefs:
    """Compare two submissions case by case.

    A draw of the Dirichlet process weighs the differences z_0 = 0 (with prior strength 1/2), z_1,
    ..., z_n, and asks which is the most probable of (z_i + z_j) / 2 above the rope, within, and
    below. The answer is the share of draws in which each wins.

    Args:
        first: float64 of shape (n_cases,).
        second: float64 of the same shape.
        direction: which end is better.
        rope: half the width of the region of practical equivalence, in the unit of the values;
            differences of exactly this size lie within.
        draws: number of draws.
        seed: seed of the draws.

    Raises:
        ValueError: there are no cases, a value is missing, or the rope is negative.

    >>> found = bayesian_signed_rank(np.full(30, 0.9), np.full(30, 0.8), Direction.HIGHER, 0.01)
    >>> found.first_better > 0.99
    True
    """
    if first.shape != second.shape or first.ndim != 1 or first.size == 0:
        raise ValueError(f"values of shapes {first.shape} and {second.shape} are no pairs of cases")
    gains = first - second if direction is Direction.HIGHER else second - first
    if np.isnan(gains).any() or rope < 0:
        raise ValueError("a missing value or a negative rope leaves nothing to compare")
    ordered = np.sort(np.append(gains, 0.0))
    prior = int(np.searchsorted(ordered, 0.0))
    # Rounded, since 0.3 - 0.2 must not lie outside a rope of 0.1 by the last bit.
    sums = quantized(ordered[:, np.newaxis] + ordered)
    limit = float(quantized(np.array([2 * rope]))[0])
    # For each i the differences are sorted, so each of the three regions is a stretch of j.
    above = np.count_nonzero(sums <= limit, axis=1)
    below = np.count_nonzero(sums < -limit, axis=1)
    wins = np.zeros(3)
    bits = np.random.PCG64(seed)
    step = max(1, _CHUNK_ELEMENTS // ordered.size)
    for start in range(0, draws, step):
        weights = _dirichlet(bits, min(step, draws - start), ordered.size, prior)
        cumulated = np.concatenate(
            [np.zeros((weights.shape[0], 1)), np.cumsum(weights, axis=1)], axis=1
        )
        worse = (weights * cumulated[:, below]).sum(axis=1)
        better = (weights * (cumulated[:, -1:] - cumulated[:, above])).sum(axis=1)
        shares = np.column_stack([better, 1 - better - worse, worse])
        largest = shares >= shares.max(axis=1, keepdims=True) - 1e-12
        wins += (largest / largest.sum(axis=1, keepdims=True)).sum(axis=0)
    return Beliefs(*(wins / draws).tolist())


def _dirichlet(bits: np.random.PCG64, rows: int, columns: int, prior: int) -> FloatArray:
    """Draw weights: exponential for each difference, gamma of shape 1/2 for the prior's."""

    def uniform(count: int) -> FloatArray:
        # Raw bits alone have a stream that NumPy promises; one half more keeps zero out.
        return np.asarray(((bits.random_raw(count) >> np.uint64(11)) + 0.5) * 2.0**-53)

    gamma = -np.log(uniform(rows * columns)).reshape(rows, columns)
    gamma[:, prior] *= np.cos(2 * np.pi * uniform(rows)) ** 2
    return np.asarray(gamma / gamma.sum(axis=1, keepdims=True))
