"""Which submission beats which: paired one-sided Wilcoxon tests over all ordered pairs.

The p-values equal those of R's `wilcox.test(paired = TRUE, exact = FALSE)` and
`p.adjust(method = "holm")`, on which challengeR's test-based ranking stands (Wiesenfarth et al.
2021, doi:10.1038/s41598-021-82017-6).
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from os import cpu_count

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import FloatArray
from proctor_metrics.metric import Direction
from proctor_metrics.ranking.aggregation import Weights
from proctor_metrics.ranking.ranks import Missing

# Pairs times cases times draws from which a second thread pays.
_WORTH_THREADS = 5_000_000

# P-values held at once; bounds their memory to some 32 MB.
_CHUNK_ELEMENTS = 4_000_000


class Adjustment(StrEnum):
    """How p-values are adjusted for the number of tests, n (n - 1)."""

    HOLM = "holm"
    BONFERRONI = "bonferroni"
    NONE = "none"


@dataclass(frozen=True, eq=False)
class _Pairs:
    """The differences of all pairs of submissions, sorted by size once for all resamples."""

    n: int
    members: npt.NDArray[np.int64]
    order: npt.NDArray[np.int32]
    sign: npt.NDArray[np.int8]
    starts_run: npt.NDArray[np.bool_]
    ends: npt.NDArray[np.int64]


def p_values(
    values: FloatArray, direction: Direction, missing: Missing = Missing.LAST
) -> FloatArray:
    """Test for every ordered pair whether the row is better than the column.

    One-sided paired Wilcoxon signed-rank test by its normal approximation: differences of zero
    are left out, equal ones share their midrank, variance is corrected for ties and the statistic
    for continuity. Differences are compared as they are, bit by bit, as R and SciPy do.

    Args:
        values: float64 of shape (n, n_cases).
        direction: which end is better.
        missing: a missing value loses to any value by more than any other difference, and two
            missing values are equal; or the case is dropped for the pair.

    Returns:
        float64 of shape (n, n); NaN on the diagonal, 1 where no difference is left.

    >>> values = np.array([[9.0, 8.0, 9.0, 7.0, 9.0], [5.0, 6.0, 7.0, 6.0, 4.0]])
    >>> p_values(values, Direction.HIGHER).round(4)
    array([[   nan, 0.029 ],
           [0.9849,    nan]])
    """
    pairs = _pairs(values, direction, missing)
    once = np.ones((1, values.shape[1]), dtype=np.int32)
    each = _drawn_p_values(pairs, once)[0]
    result = np.full((pairs.n, pairs.n), np.nan)
    first, second = pairs.members.T
    result[first, second] = each[:, 0]
    result[second, first] = each[:, 1]
    return result


def adjusted(p: FloatArray, adjustment: Adjustment) -> FloatArray:
    """Adjust p-values for their number; NaN is no test and stays (Holm 1979).

    Args:
        p: float64 of any shape.
        adjustment: the method.

    >>> adjusted(np.array([0.01, np.nan, 0.02, 0.03]), Adjustment.HOLM)
    array([0.03,  nan, 0.04, 0.04])
    """
    if adjustment is Adjustment.NONE:
        return p
    result = np.full(p.shape, np.nan)
    tested = ~np.isnan(p)
    raw = p[tested]
    if adjustment is Adjustment.BONFERRONI:
        result[tested] = np.minimum(raw * raw.size, 1.0)
        return result
    order = np.argsort(raw, kind="stable")
    stepped = np.maximum.accumulate(raw[order] * (raw.size - np.arange(raw.size)))
    stepped_back = np.empty(raw.shape)
    stepped_back[order] = np.minimum(stepped, 1.0)
    result[tested] = stepped_back
    return result


def share_beaten(
    values: FloatArray,
    direction: Direction,
    weights: Weights,
    alpha: float = 0.05,
    adjustment: Adjustment = Adjustment.HOLM,
    missing: Missing = Missing.LAST,
) -> FloatArray:
    """Return the share of its rivals that each submission beats significantly.

    Args:
        values: float64 of shape (n, n_cases).
        direction: which end is better.
        weights: integers of shape (B, n_cases): how often each case counts.
        alpha: an adjusted p-value of at most this is significant.
        adjustment: how p-values are adjusted within one resample.
        missing: as in `p_values`.

    Returns:
        float64 of shape (n, B), in [0, 1]; 0 without rivals.
    """
    if values.shape[0] == 1:
        return np.zeros((1, weights.shape[0]))
    pairs = _pairs(values, direction, missing)
    drawn = weights.astype(np.int32)
    shares = np.zeros((pairs.n, weights.shape[0]))
    step = max(1, _CHUNK_ELEMENTS // max(1, pairs.members.size))
    parts = [slice(first, first + step) for first in range(0, weights.shape[0], step)]
    for part in parts:
        beaten = _significant(_drawn_p_values(pairs, drawn[part]), alpha, adjustment)
        for side in (0, 1):
            # A submission's wins are summed by its place among the pairs' members.
            wins = np.zeros((pairs.n, beaten.shape[0]))
            np.add.at(wins, pairs.members[:, side], beaten[:, :, side].T)
            shares[:, part] += wins
    return shares / (pairs.n - 1)


def _significant(p: FloatArray, alpha: float, adjustment: Adjustment) -> npt.NDArray[np.bool_]:
    """Return which of the tests of each resample are significant.

    Args:
        p: float64 of shape (B, n_pairs, 2).
        alpha: an adjusted p-value of at most this is significant.
        adjustment: how p-values are adjusted within a resample.
    """
    n_tests = p.shape[1] * 2
    if adjustment is Adjustment.NONE:
        return np.asarray(p <= alpha)
    if adjustment is Adjustment.BONFERRONI:
        return np.asarray(p * n_tests <= alpha)
    ordered = np.sort(p.reshape(p.shape[0], n_tests), axis=1)
    passes = ordered * (n_tests - np.arange(n_tests)) <= alpha
    # Holm stops at the first test that fails; equal p-values pass or fail together.
    rejected = np.where(passes.all(axis=1), n_tests, passes.argmin(axis=1))
    largest = ordered[np.arange(p.shape[0]), np.maximum(rejected - 1, 0)]
    largest[rejected == 0] = -1.0
    return np.asarray(p <= largest[:, np.newaxis, np.newaxis])


def _drawn_p_values(pairs: _Pairs, weights: npt.NDArray[np.int32]) -> FloatArray:
    """Return the p-values of all pairs in every resample, of shape (B, n_pairs, 2)."""
    from proctor_metrics.ranking.signed_rank_kernel import signed_rank_p_values

    p = np.empty((weights.shape[0], pairs.ends.size, 2))

    def fill(part: slice) -> None:
        signed_rank_p_values(
            pairs.order, pairs.sign, pairs.starts_run, pairs.ends, weights[part], p[part]
        )

    threads = cpu_count() or 1
    if threads == 1 or pairs.order.size * weights.shape[0] < _WORTH_THREADS:
        fill(slice(None))
        return p
    edges = np.linspace(0, weights.shape[0], threads + 1).astype(int)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(fill, [slice(first, last) for first, last in pairwise(edges)]))
    return p


def _pairs(values: FloatArray, direction: Direction, missing: Missing) -> _Pairs:
    n, n_cases = values.shape
    first, second = np.triu_indices(n, k=1)
    gains = values if direction is Direction.HIGHER else -values
    if missing is not Missing.DROP:
        gains = np.where(np.isnan(gains), -np.inf, gains)
    with np.errstate(invalid="ignore"):
        difference = gains[first] - gains[second]
    # Two missing values are equal, and so is a pair with a dropped one: no difference to count.
    difference = np.where(np.isnan(difference), 0.0, difference)
    size = np.abs(difference)
    # Zeros are sorted to the end, behind infinite differences, and cut off.
    size[size == 0] = np.nan
    order = np.argsort(size, axis=1, kind="stable").astype(np.int32)
    ordered = np.take_along_axis(size, order.astype(np.intp), axis=1)
    starts_run = np.zeros(ordered.shape, dtype=np.bool_)
    starts_run[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    sign = np.sign(np.take_along_axis(difference, order.astype(np.intp), axis=1)).astype(np.int8)
    return _Pairs(
        n=n,
        members=np.column_stack([first, second]).astype(np.int64),
        order=order,
        sign=sign,
        starts_run=starts_run,
        ends=(n_cases - np.isnan(ordered).sum(axis=1)).astype(np.int64),
    )
