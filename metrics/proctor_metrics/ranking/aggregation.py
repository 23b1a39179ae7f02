"""Aggregate the cases of every submission, in the full data and in every resample at once.

A resample is a vector of integer weights: how often each case was drawn. A mean is then a matrix
product, and a quantile needs one sort for all resamples.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from proctor_metrics.bootstrap import replicate_means
from proctor_metrics.cases import FloatArray
from proctor_metrics.metric import Direction
from proctor_metrics.ranking.ranks import Missing

Weights = npt.NDArray[np.integer]

# Elements of a temporary array; small ones stay in the cache and need no new memory each time.
_CHUNK_ELEMENTS = 32_768


class Statistic(StrEnum):
    """What the values of the cases are put together by."""

    MEAN = "mean"
    QUANTILE = "quantile"


@dataclass(frozen=True)
class Aggregate:
    """A statistic over cases.

    Attributes:
        statistic: mean or quantile.
        q: which quantile, in [0, 1]: 0 the smallest value, 0.5 the median, 1 the largest.
    """

    statistic: Statistic = Statistic.MEAN
    q: float = 0.5

    def __post_init__(self) -> None:
        """Refuse a quantile that is none.

        Raises:
            ValueError: `q` is outside [0, 1].
        """
        if not 0 <= self.q <= 1:
            raise ValueError(f"q is {self.q}; a quantile lies between 0 and 1")

    @property
    def words(self) -> str:
        """Return it as a noun phrase, such as `median`."""
        if self.statistic is Statistic.MEAN:
            return "mean"
        named = {0.0: "minimum", 0.5: "median", 1.0: "maximum"}
        return named.get(self.q, f"{100 * self.q:g} % quantile")

    def over(
        self, values: FloatArray, weights: Weights, direction: Direction, missing: Missing
    ) -> FloatArray:
        """Aggregate over the last axis, once for each vector of weights.

        Args:
            values: float64 of shape (n, n_cases).
            weights: integers of shape (B, n_cases): how often each case counts.
            direction: which end is better; decides on which end a missing value lies.
            missing: unless dropped, a missing value is worse than every value, so a mean with
                one is undefined (NaN) and a quantile only where it falls on one.

        Returns:
            float64 of shape (n, B); NaN where there is no aggregate.

        >>> values = np.array([[1.0, 2.0, np.nan]])
        >>> once = np.ones((1, 3), dtype=np.int64)
        >>> Aggregate().over(values, once, Direction.HIGHER, Missing.LAST)
        array([[nan]])
        >>> Aggregate().over(values, once, Direction.HIGHER, Missing.DROP)
        array([[1.5]])
        >>> Aggregate(Statistic.QUANTILE).over(values, once, Direction.HIGHER, Missing.LAST)
        array([[1.]])
        """
        absent = np.isnan(values)
        if self.statistic is Statistic.MEAN:
            means = replicate_means(values, weights)
            if missing is not Missing.DROP and absent.any():
                means[absent @ (weights != 0).T] = np.nan
            return means
        if missing is Missing.DROP:
            return _quantiles(values, weights, absent, self.q)
        worst = -np.inf if direction is Direction.HIGHER else np.inf
        found = _quantiles(np.where(absent, worst, values), weights, np.zeros_like(absent), self.q)
        return np.where(found == worst, np.nan, found)


MEAN = Aggregate()


def _quantiles(
    values: FloatArray, weights: Weights, absent: npt.NDArray[np.bool_], q: float
) -> FloatArray:
    """Return the quantiles by linear interpolation (type 7 of Hyndman and Fan 1996)."""
    result = np.empty((values.shape[0], weights.shape[0]))
    step = max(1, _CHUNK_ELEMENTS // max(1, weights.shape[1]))
    for row in range(values.shape[0]):
        present = np.flatnonzero(~absent[row])
        order = present[np.argsort(values[row, present], kind="stable")]
        ordered = values[row, order]
        for first in range(0, weights.shape[0], step):
            chunk = weights[first : first + step]
            result[row, first : first + step] = _weighted_quantiles(ordered, chunk[:, order], q)
    return result


def _weighted_quantiles(ordered: FloatArray, weights: Weights, q: float) -> FloatArray:
    """Return the quantile of sorted values, each as often there as its weight says."""
    if ordered.size == 0:
        return np.full(weights.shape[0], np.nan)
    counted = np.cumsum(weights, axis=1, dtype=np.int32)
    total = counted[:, -1]
    place = np.maximum(total - 1, 0) * q
    # 0.1 * 30 is more than 3 in floating point and must still be the fourth value.
    lower = np.floor(place + 1e-9).astype(np.int32)
    fraction = np.clip(place - lower, 0.0, 1.0)
    fraction[fraction < 1e-9] = 0.0
    upper = np.minimum(lower + (fraction > 0), np.maximum(total - 1, 0))
    low = ordered[np.minimum(_positions(counted, lower), ordered.size - 1)]
    high = ordered[np.minimum(_positions(counted, upper), ordered.size - 1)]
    with np.errstate(invalid="ignore"):
        between = low * (1 - fraction) + high * fraction
    found = np.where((low == high) | (fraction == 0), low, between)
    return np.where(total > 0, found, np.nan)


def _positions(counted: npt.NDArray[np.int32], places: npt.NDArray[np.int32]) -> Weights:
    """Return where the value at a place is, given how many values there are up to each."""
    return np.asarray(np.count_nonzero(counted <= places[:, np.newaxis], axis=1))
