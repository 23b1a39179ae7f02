"""Which submission is ahead by more than chance where ranks within cases decide.

The test of BraTS (Bakas et al. 2018, arXiv:1811.02629, section 2.4): where two submissions are
alike, it is chance which of them has which rank in a case, so that their ranks may change sides.
"""

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import FloatArray

# Units up to which every way to change sides is looked at, and how many ways else.
_MOST_EXACT = 12
_WAYS = 10_000
_FEWEST_WAYS = 1_000

# Pairs times units times ways up to which the test is worth its time, a second or two.
_MOST_WORK = 2_000_000_000
_CHUNK = 500
_TOLERANCE = 1e-9


def permutation_p_values(
    ranks: FloatArray, groups: tuple[str, ...] = (), seed: int = 0
) -> FloatArray | None:
    """Test for every ordered pair whether the row has better ranks than the column.

    One-sided paired permutation test: p is the share of all ways to exchange the two submissions'
    ranks, unit by unit, that put the row at least as far ahead as it is. A unit is a group of
    cases, or a case. Up to 12 units all ways are counted; for more, 10,000 drawn ones and the one
    that is, as Phipson and Smyth (2010) have it, so that no p is 0.

    Args:
        ranks: float64 of shape (n, n_cases), in a case its mean rank over columns, lower is
            better; NaN where there is none, which leaves the case out for the pair.
        groups: the group of each case (a patient); empty where each case is its own.
        seed: of the drawn ways.

    Returns:
        float64 of shape (n, n), NaN on the diagonal; None where even 1,000 ways would take long.

    >>> permutation_p_values(np.array([[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]]))
    array([[  nan, 0.125],
           [1.   ,   nan]])
    """
    n = ranks.shape[0]
    first, second = np.triu_indices(n, k=1)
    gains = _by_unit(np.nan_to_num(ranks[second] - ranks[first]), groups)
    n_units = gains.shape[1]
    exact = n_units <= _MOST_EXACT
    affordable = _MOST_WORK // max(1, gains.size)
    if affordable < (1 << n_units if exact else _FEWEST_WAYS):
        return None
    n_ways = 1 << n_units if exact else min(_WAYS, affordable)
    ahead = gains.sum(axis=1)
    slack = _TOLERANCE * np.maximum(1.0, np.abs(ahead))
    counts = np.zeros((2, first.size), dtype=np.int64)
    generator = np.random.default_rng(seed)
    for start in range(0, n_ways, _CHUNK):
        size = min(_CHUNK, n_ways - start)
        sums = _sides(start, size, n_units, None if exact else generator) @ gains.T
        counts[0] += np.count_nonzero(sums >= ahead - slack, axis=0)
        counts[1] += np.count_nonzero(sums <= ahead + slack, axis=0)
    p = counts / n_ways if exact else (counts + 1) / (n_ways + 1)
    result = np.full((n, n), np.nan)
    result[first, second], result[second, first] = p
    return result


def _by_unit(gains: FloatArray, groups: tuple[str, ...]) -> FloatArray:
    if not groups:
        return gains
    names, unit = np.unique(np.array(groups), return_inverse=True)
    sums = np.zeros((gains.shape[0], names.size))
    np.add.at(sums.T, unit, gains.T)
    return sums


def _sides(
    start: int, size: int, n_units: int, generator: np.random.Generator | None
) -> npt.NDArray[np.float64]:
    """Return ways to change sides, 1 or -1 for each unit: all in their order, or drawn."""
    if generator is not None:
        return np.asarray(2.0 * generator.integers(0, 2, (size, n_units)) - 1.0)
    numbers = np.arange(start, start + size)[:, np.newaxis]
    return np.asarray(1.0 - 2.0 * ((numbers >> np.arange(n_units)) & 1))
