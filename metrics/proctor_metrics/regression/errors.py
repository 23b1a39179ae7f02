"""Errors of predicted numbers: MAE and MSE for each item, RMSE and R2 over a whole dataset.

Several columns are several quantities: each is a label of its own, and the mean over labels is
scikit-learn's `uniform_average`. No number is so wrong that none could be worse, so what a missing
case costs is declared by the task; R2 alone knows a natural answer to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from proctor_metrics.bootstrap import replicate_means
from proctor_metrics.cases import Case, FloatArray, ValueCase
from proctor_metrics.metric import Direction
from proctor_metrics.parameters import Parameters
from proctor_metrics.regression.kinds import (
    ROUNDING,
    ItemErrorMetric,
    PooledErrorMetric,
    PooledNumbersMetric,
    undefined_for_few,
)


@dataclass(frozen=True)
class MeanAbsoluteError(ItemErrorMetric):
    """Absolute error |p - r| of each number; the aggregate is their mean, MAE.

    Input: finite numbers, (n_items, n_columns). Values: float64 of shape (n_columns, n_items), in
    the unit of the numbers, from 0 without upper bound, lower is better. NaN cannot occur.
    The worst value must be declared. Source: Willmott & Matsuura, Climate Research 30 (2005) 79.
    Checked against scikit-learn's `mean_absolute_error`.

    >>> from proctor_metrics import ValueCase
    >>> case = ValueCase("a", np.array([[1.0], [4.0]]), np.array([[3.0], [4.0]]), ("age",))
    >>> MeanAbsoluteError(declared_worst=100.0).per_item(case).values
    array([[2., 0.]])
    """

    name = "mae"

    def _errors(self, differences: FloatArray, values: ValueCase) -> FloatArray:
        return np.abs(differences)


@dataclass(frozen=True)
class MeanSquaredError(ItemErrorMetric):
    """Squared error (p - r)^2 of each number; the aggregate is their mean, MSE.

    Input: finite numbers, (n_items, n_columns). Values: float64 of shape (n_columns, n_items), in
    the square of the numbers' unit, from 0 without upper bound, lower is better. NaN cannot occur.
    The worst value must be declared, as a square. Source: Gauss, Theoria combinationis (1823).
    Checked against scikit-learn's `mean_squared_error`.

    >>> from proctor_metrics import ValueCase
    >>> case = ValueCase("a", np.array([[1.0], [4.0]]), np.array([[3.0], [4.0]]), ("age",))
    >>> MeanSquaredError(declared_worst=100.0).per_item(case).values
    array([[4., 0.]])
    """

    name = "mse"

    def _errors(self, differences: FloatArray, values: ValueCase) -> FloatArray:
        return differences**2


@dataclass(frozen=True)
class RootMeanSquaredError(PooledErrorMetric):
    """Root of the mean squared error over all items, for each column.

    Input: finite numbers, (n_items, n_columns). Values: float64 of shape (n_columns,), in the unit
    of the numbers, from 0 without upper bound, lower is better. Items may carry integer weights
    (bootstrap). NaN without items. The worst value must be declared: it is the error of every item
    of a missing case. Source: Gauss, Theoria combinationis (1823). Checked against scikit-learn's
    `root_mean_squared_error`.

    >>> from proctor_metrics import ValueCase
    >>> case = ValueCase("a", np.array([[1.0], [4.0]]), np.array([[3.0], [4.0]]), ("age",))
    >>> RootMeanSquaredError(declared_worst=100.0).pooled([case]).round(6)
    array([1.414214])
    """

    name = "rmse"

    def replicates(self, cases: Sequence[Case], weights: npt.NDArray[np.integer]) -> FloatArray:
        """Score each weighted resample of all items; see `PooledMetric.replicates`.

        Raises:
            MetricInputError: a case holds no numbers.
            ValueError: there are no cases, or the weights do not fit the items.
        """
        return np.sqrt(replicate_means(self._all_errors(cases, weights) ** 2, weights))


@dataclass(frozen=True)
class CoefficientOfDetermination(PooledNumbersMetric):
    """R2: 1 - sum (p - r)^2 / sum (r - mean of r)^2 over all items, for each column.

    Input: finite numbers, (n_items, n_columns). Values: float64 of shape (n_columns,), at most 1,
    without lower bound, no unit, higher is better; always answering the mean scores 0. Items may
    carry integer weights (bootstrap). A reference of equal numbers: 1 for exact answers, else 0,
    as scikit-learn has it. NaN for fewer than two items. An item of a missing case counts as
    answered with that end of the reference's range that lies further from it.
    Source: Wright, J. Agric. Res. 20 (1921) 557; the formula is scikit-learn's `r2_score`, which
    it is checked against.

    >>> from proctor_metrics import ValueCase
    >>> predicted, true = np.array([[1.0], [2.0], [4.0]]), np.array([[1.0], [2.0], [3.0]])
    >>> CoefficientOfDetermination().pooled([ValueCase("a", predicted, true, ("age",))])
    array([0.5])
    """

    name = "r2"
    direction = Direction.HIGHER

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read the parameters: there are none."""
        return cls(declared_worst=parameters.worst())

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return "r2.v1;edge=v1"

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for equal numbers and for missing cases."""
        return (
            "Each column is a label of its own.",
            "Where all reference values are equal, exact answers score 1 and others 0.",
            "An item of a missing case counts as answered with the end of the reference's range"
            " that lies further from it.",
        )

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return 0, the value of an answer that knows the mean alone."""
        return 0.0

    def replicates(self, cases: Sequence[Case], weights: npt.NDArray[np.integer]) -> FloatArray:
        """Score each weighted resample of all items; see `PooledMetric.replicates`.

        Raises:
            MetricInputError: a case holds no numbers.
            ValueError: there are no cases, or the weights do not fit the items.
        """
        prediction, reference = self._answers(cases, weights)
        errors = prediction - reference
        # Deviations from the mean of all, so that squares of large numbers do not cancel.
        deviations = reference - reference.mean(axis=1, keepdims=True)
        residual = replicate_means(errors**2, weights)
        squares = replicate_means(deviations**2, weights)
        variance = squares - replicate_means(deviations, weights) ** 2
        varied = variance > ROUNDING * squares
        equal = np.where(residual == 0, 1.0, 0.0)
        values = np.where(varied, 1 - residual / np.where(varied, variance, 1.0), equal)
        return undefined_for_few(values, weights)
