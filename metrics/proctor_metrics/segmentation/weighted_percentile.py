"""The percentile of weighted distances: the first at which the cumulated weight reaches a share."""

import numpy as np

from proctor_metrics.cases.faults import FloatArray

_ROUNDING = 1e-12
_BINS = 1 << 14


def weighted_percentile(distances: FloatArray, weights: FloatArray, percent: float) -> float:
    """Return the smallest distance up to which lies `percent` of the whole weight.

    Only the distances of one narrow bin are sorted: which bin it is follows from the weight of
    each.

    Args:
        distances: float64 of shape (n,), from 0; at least one.
        weights: float64 of shape (n,), above 0.
        percent: in (0, 100].

    >>> weighted_percentile(np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.0, 2.0]), 75.0)
    2.0
    """
    longest = float(distances.max())
    if longest == 0:
        return 0.0
    bins = (distances * (_BINS / longest)).astype(np.intp)
    cumulated = np.cumsum(np.bincount(bins, weights))
    # The slack keeps a weight that reaches the share exactly from missing it by rounding.
    wanted = percent / 100 * (1 - _ROUNDING) * cumulated[-1]
    reached = int(np.searchsorted(cumulated, wanted))
    inside = np.flatnonzero(bins == reached)
    order = inside[np.lexsort((weights[inside], distances[inside]))]
    before = cumulated[reached - 1] if reached else 0.0
    within = np.searchsorted(np.cumsum(weights[order]), wanted - before)
    return float(distances[order[min(int(within), order.size - 1)]])
