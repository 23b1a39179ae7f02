"""The error in the middle and the largest one, over all items of a dataset.

One sort serves the value and every bootstrap replicate: a replicate is a vector of weights on the
sorted errors, so its cost is one pass over the items.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import Case, FloatArray
from proctor_metrics.regression.kinds import PooledErrorMetric

# Items times replicates handled at once; bounds memory to about 32 MB for each array.
_CHUNK_ELEMENTS = 4_000_000

_Statistic = Callable[[FloatArray, npt.NDArray[np.int64]], FloatArray]


@dataclass(frozen=True)
class MedianAbsoluteError(PooledErrorMetric):
    """Median of the absolute errors |p - r| of all items, for each column.

    Input: finite numbers, (n_items, n_columns). Values: float64 of shape (n_columns,), in the unit
    of the numbers, from 0 without upper bound, lower is better. Of an even number of items it is
    the mean of the middle two. Items may carry integer weights (bootstrap). NaN without items. The
    worst value must be declared: it is the error of every item of a missing case. Source: Hyndman
    & Koehler, Int. J. Forecasting 22 (2006) 679. Checked against scikit-learn's
    `median_absolute_error`.

    >>> from proctor_metrics import ValueCase
    >>> case = ValueCase("a", np.array([[1.0], [4.0], [9.0]]), np.zeros((3, 1)), ("age",))
    >>> MedianAbsoluteError(declared_worst=100.0).pooled([case])
    array([4.])
    """

    name = "median_absolute_error"

    def replicates(self, cases: Sequence[Case], weights: npt.NDArray[np.integer]) -> FloatArray:
        """Score each weighted resample of all items; see `PooledMetric.replicates`.

        Raises:
            MetricInputError: a case holds no numbers.
            ValueError: there are no cases, or the weights do not fit the items.
        """
        return _of_sorted(self._all_errors(cases, weights), weights, _medians)


@dataclass(frozen=True)
class MaxError(PooledErrorMetric):
    """Largest absolute error |p - r| of all items, for each column.

    Input: finite numbers, (n_items, n_columns). Values: float64 of shape (n_columns,), in the unit
    of the numbers, from 0 without upper bound, lower is better. Items may carry integer weights
    (bootstrap); an interval of a maximum tells little beyond the value itself. NaN without items.
    The worst value must be declared: it is the error of every item of a missing case. Source:
    Chebyshev (1854). Checked against scikit-learn's `max_error`.

    >>> from proctor_metrics import ValueCase
    >>> case = ValueCase("a", np.array([[1.0], [4.0], [9.0]]), np.zeros((3, 1)), ("age",))
    >>> MaxError(declared_worst=100.0).pooled([case])
    array([9.])
    """

    name = "max_error"

    def replicates(self, cases: Sequence[Case], weights: npt.NDArray[np.integer]) -> FloatArray:
        """Score each weighted resample of all items; see `PooledMetric.replicates`.

        Raises:
            MetricInputError: a case holds no numbers.
            ValueError: there are no cases, or the weights do not fit the items.
        """
        return _of_sorted(self._all_errors(cases, weights), weights, _largest)


def _of_sorted(
    errors: FloatArray, weights: npt.NDArray[np.integer], statistic: _Statistic
) -> FloatArray:
    """Return a statistic of each column in each replicate, float64 of shape (n_columns, B)."""
    n_replicates, n_items = weights.shape
    found = np.full((errors.shape[0], n_replicates), np.nan)
    if n_items == 0:
        return found
    step = max(1, _CHUNK_ELEMENTS // n_items)
    for index, column in enumerate(errors):
        order = np.argsort(column, kind="stable")
        ordered = column[order]
        for first in range(0, n_replicates, step):
            chunk = slice(first, first + step)
            below = np.cumsum(weights[chunk][:, order], axis=1, dtype=np.int64)
            values = statistic(ordered, below)
            found[index, chunk] = np.where(below[:, -1] > 0, values, np.nan)
    return found


def _medians(ordered: FloatArray, below: npt.NDArray[np.int64]) -> FloatArray:
    counts = below[:, -1]
    low, high = (counts - 1) // 2, counts // 2
    return 0.5 * _at(ordered, below, low) + 0.5 * _at(ordered, below, high)


def _largest(ordered: FloatArray, below: npt.NDArray[np.int64]) -> FloatArray:
    return _at(ordered, below, below[:, -1] - 1)


def _at(
    ordered: FloatArray, below: npt.NDArray[np.int64], place: npt.NDArray[np.int64]
) -> FloatArray:
    """Return the value at a place, from 0, of each resample put in order."""
    index = np.count_nonzero(below <= place[:, np.newaxis], axis=1)
    values: FloatArray = ordered[np.minimum(index, ordered.size - 1)]
    return values
