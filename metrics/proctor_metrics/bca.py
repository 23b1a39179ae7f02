"""Confidence intervals by the bias-corrected and accelerated bootstrap (BCa; Efron 1987).

A percentile interval takes the middle of the replicates. BCa moves its two ends by how far the
estimate lies from their median (bias) and by how its error grows with it (acceleration, from
leaving out each group in turn). The hard part is few groups: replicates spread by (n - 1) / n too
little and the normal quantile is too small, so 95 % intervals of 20 items cover 92 %. The ends are
therefore those of a level widened to Student's t (Hesterberg 2015, arXiv:1411.5279, section 5.3).

Over 2,000 simulations 95 % intervals of 20, 50 and 200 normal, beta and mildly skewed values cover
93 to 97 %. What resampling cannot mend: 20 items of which nine in ten are right cover 86 %, for
where all are right no draw has a wrong one, and 20 values of a heavy tail (lognormal of sigma 1)
88 %.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit

from proctor_metrics.bootstrap import Interval
from proctor_metrics.cases import FloatArray


class Ends(NamedTuple):
    """The two ends of intervals, float64 of shape (m,)."""

    low: FloatArray
    high: FloatArray


def bca_interval(
    estimate: float,
    replicates: FloatArray,
    jackknife: FloatArray,
    level: float,
    *,
    widened: bool = True,
) -> Interval:
    """Return the BCa interval of one estimate; any statistic, pooled metrics included.

    NaN replicates and jackknife values are left out, and the former counted.

    Args:
        estimate: the statistic of the full data.
        replicates: float64 of shape (B,), of resamples by group.
        jackknife: float64 of shape (n_groups,): the statistic without each group.
        level: share of the intervals that should hold the truth, in (0, 1).
        widened: whether the ends are widened for few groups.

    Returns:
        The interval; NaN ends where the estimate or all replicates are NaN.

    Raises:
        ValueError: the level is out of range.
    """
    defined = replicates[~np.isnan(replicates)]
    if defined.size == 0 or np.isnan(estimate):
        return Interval(float("nan"), float("nan"), int(defined.size), int(replicates.size))
    kept = jackknife[~np.isnan(jackknife)]
    ends = bca_ends(
        np.array([estimate]),
        defined[np.newaxis],
        kept[np.newaxis],
        level,
        widened=widened,
    )
    return Interval(
        float(ends.low[0]), float(ends.high[0]), int(defined.size), int(replicates.size)
    )


def bca_ends(
    estimates: FloatArray,
    replicates: FloatArray,
    jackknife: FloatArray,
    level: float,
    *,
    widened: bool = True,
) -> Ends:
    """Return BCa intervals of many estimates at once; nothing may be NaN.

    Args:
        estimates: float64 of shape (m,).
        replicates: float64 of shape (m, B).
        jackknife: float64 of shape (m, n_groups).
        level: share of the intervals that should hold the truth, in (0, 1).
        widened: whether the ends are widened for few groups.

    Raises:
        ValueError: the level is out of range.
    """
    if not 0 < level < 1:
        raise ValueError(f"the level of an interval is {level}; it must lie between 0 and 1")
    n_groups = jackknife.shape[1]
    tail = (1 - level) / 2
    if widened and n_groups > 1:
        reach = -stdtrit(n_groups - 1, tail) * np.sqrt(n_groups / (n_groups - 1))
    else:
        reach = -ndtri(tail)
    bias = ndtri(_share_below(replicates, estimates))
    acceleration = _acceleration(jackknife)
    ordered = np.sort(replicates, axis=1)
    return Ends(
        _quantiles(ordered, _moved(bias, acceleration, -reach)),
        _quantiles(ordered, _moved(bias, acceleration, reach)),
    )


def jackknife_means(values: FloatArray, groups: Sequence[str]) -> FloatArray:
    """Return the mean of each label without each group in turn.

    Args:
        values: float64 of shape (n_labels, n_items); NaN is left out.
        groups: the group of each item.

    Returns:
        float64 of shape (n_labels, n_groups), groups by name; NaN where nothing is left.

    Raises:
        ValueError: the numbers of items differ.

    >>> jackknife_means(np.array([[1.0, 3.0, 5.0]]), ["a", "a", "b"])
    array([[5., 2.]])
    """
    if values.ndim != 2 or values.shape[1] != len(groups):
        raise ValueError(f"values of shape {values.shape} do not fit {len(groups)} groups entries")
    names, which = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    defined = ~np.isnan(values)
    sums = np.zeros((values.shape[0], names.size))
    counts = np.zeros((values.shape[0], names.size))
    for label in range(values.shape[0]):
        filled = np.where(defined[label], values[label], 0.0)
        sums[label] = np.bincount(which, filled, minlength=names.size)
        counts[label] = np.bincount(which, defined[label], minlength=names.size)
    left_sums = sums.sum(axis=1, keepdims=True) - sums
    left_counts = counts.sum(axis=1, keepdims=True) - counts
    means = np.full(left_sums.shape, np.nan)
    np.divide(left_sums, left_counts, out=means, where=left_counts > 0)
    return means


def _share_below(replicates: FloatArray, estimates: FloatArray) -> FloatArray:
    """Return the share of replicates below the estimate, equal ones half; never 0 nor 1."""
    at = estimates[:, np.newaxis]
    below = (replicates < at).mean(axis=1) + (replicates == at).mean(axis=1) / 2
    least = 0.5 / replicates.shape[1]
    return np.asarray(np.clip(below, least, 1 - least))


def _acceleration(jackknife: FloatArray) -> FloatArray:
    deviations = jackknife.mean(axis=1, keepdims=True) - jackknife
    scale = 6 * (deviations**2).sum(axis=1) ** 1.5
    found = np.zeros(jackknife.shape[0])
    np.divide((deviations**3).sum(axis=1), scale, out=found, where=scale > 0)
    return found


def _moved(bias: FloatArray, acceleration: FloatArray, reach: float) -> FloatArray:
    """Return which quantile of the replicates an end is."""
    shifted = bias + reach
    slope = 1 - acceleration * shifted
    # Past its pole the correction has no meaning; the outermost replicate is the end then.
    moved = np.where(slope > 0, bias + shifted / np.where(slope > 0, slope, 1), np.sign(reach) * 40)
    return np.asarray(ndtr(moved))


def _quantiles(ordered: FloatArray, q: FloatArray) -> FloatArray:
    """Return a quantile of each sorted row, by linear interpolation."""
    place = q * (ordered.shape[1] - 1)
    lower = np.floor(place).astype(np.intp)
    upper = np.minimum(lower + 1, ordered.shape[1] - 1)
    rows = np.arange(ordered.shape[0])
    low, high = ordered[rows, lower], ordered[rows, upper]
    return np.asarray(low + (high - low) * (place - lower))
