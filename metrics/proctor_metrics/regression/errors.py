"""Errors of predicted numbers: MAE and MSE for each item, RMSE and R2 over a whole dataset.

Several columns are several quantities: each is a label of its own, and the mean over labels is
scikit-learn's `uniform_average`. No number is so wrong that none could be worse, so what a missing
case costs is declared by the task; R2 alone knows a natural answer to it.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from proctor_metrics.bootstrap import replicate_means
from proctor_metrics.cases import Case, FloatArray, MetricInputError, Side, ValueCase
from proctor_metrics.metric import (
    UNLABELLED,
    CaseType,
    Direction,
    ItemScores,
    Metric,
    PerItemMetric,
    PooledMetric,
    number_text,
)
from proctor_metrics.parameters import Parameters

# A variance this small beside the mean square is rounding of equal numbers.
_ROUNDING = 1e-12


def value_case(metric: Metric, case: Case) -> ValueCase:
    """Return the case as one of numbers.

    Raises:
        MetricInputError: it is another kind of case.
    """
    if isinstance(case, ValueCase):
        return case
    raise MetricInputError(
        case.case, Side.TASK, "the case holds no numbers", f"{metric.name} compares numbers"
    )


def _labels(metric: Metric, case: Case) -> tuple[str, ...]:
    columns = value_case(metric, case).columns
    return UNLABELLED if len(columns) == 1 else columns


def _declared_worst(parameters: Parameters, what: str) -> float:
    worst = parameters.worst()
    if worst is None:
        raise parameters.error(
            "worst",
            f"{what} has no natural worst value; declare `worst` on the metric, above any answer"
            " that should beat a missing one",
        )
    return worst


class ItemErrorMetric(PerItemMetric):
    """An error of each number, whose worst value the task declares."""

    direction = Direction.LOWER
    case_type = CaseType.VALUES

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read the parameters: there are none but the worst value, which is required."""
        return cls(declared_worst=_declared_worst(parameters, "an error"))

    @property
    def unit(self) -> str:
        """Return no unit: what the numbers are of is the task's to say."""
        return ""

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return f"{self.name}.v1"

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rule for several columns."""
        return ("Each column is a label of its own.",)

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the columns, or the one label of a single column."""
        return _labels(self, case)

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return infinity; a worst value is always declared."""
        return float("inf")

    def per_item(self, case: Case) -> ItemScores:
        """Score every row of the case.

        Raises:
            MetricInputError: the case holds no numbers, or was not answered.
        """
        values = value_case(self, case)
        if values.lost:
            raise MetricInputError(
                case.case,
                Side.PREDICTION,
                "the case was not answered",
                "a missing case takes the worst value",
            )
        errors = self._errors(values.prediction - values.reference)
        return ItemScores(self.labels(case), np.ascontiguousarray(errors.T))

    @abstractmethod
    def _errors(self, differences: FloatArray) -> FloatArray:
        """Return the error of each difference."""


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

    def _errors(self, differences: FloatArray) -> FloatArray:
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

    def _errors(self, differences: FloatArray) -> FloatArray:
        return differences**2


class PooledNumbersMetric(PooledMetric):
    """A statistic of all numbers of a dataset, a label for each column."""

    case_type = CaseType.VALUES

    @property
    def unit(self) -> str:
        """Return no unit: what the numbers are of is the task's to say."""
        return ""

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the columns, or the one label of a single column."""
        return _labels(self, case)

    def _tables(
        self, cases: Sequence[Case], weights: npt.NDArray[np.integer]
    ) -> tuple[list[ValueCase], FloatArray]:
        """Return the cases and all reference values, float64 of shape (n_columns, n_items)."""
        if not cases:
            raise ValueError(f"{self.name} needs at least one case")
        tables = [value_case(self, case) for case in cases]
        reference = np.concatenate([table.reference for table in tables]).T
        if weights.ndim != 2 or weights.shape[1] != reference.shape[1]:
            raise ValueError(
                f"weights of shape {weights.shape} do not fit {reference.shape[1]} items"
            )
        return tables, reference


@dataclass(frozen=True)
class RootMeanSquaredError(PooledNumbersMetric):
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
    direction = Direction.LOWER

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read the parameters: there are none but the worst value, which is required."""
        return cls(declared_worst=_declared_worst(parameters, "an error"))

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return "rmse.v1"

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for several columns and for missing cases."""
        error = "inf" if self.declared_worst is None else number_text(self.declared_worst)
        return (
            "Each column is a label of its own.",
            f"Every item of a missing case counts with an error of {error}.",
        )

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return infinity; a worst value is always declared."""
        return float("inf")

    def replicates(self, cases: Sequence[Case], weights: npt.NDArray[np.integer]) -> FloatArray:
        """Score each weighted resample of all items; see `PooledMetric.replicates`.

        Raises:
            MetricInputError: a case holds no numbers.
            ValueError: there are no cases, or the weights do not fit the items.
        """
        tables, _ = self._tables(cases, weights)
        worst = self.worst((), ())
        errors = [
            np.full(table.reference.shape, worst)
            if table.lost
            else table.prediction - table.reference
            for table in tables
        ]
        return np.sqrt(replicate_means(np.concatenate(errors).T ** 2, weights))


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
        tables, reference = self._tables(cases, weights)
        low, high = reference.min(axis=1), reference.max(axis=1)
        errors = np.concatenate(
            [
                np.maximum(table.reference - low, high - table.reference)
                if table.lost
                else table.prediction - table.reference
                for table in tables
            ]
        ).T
        # Deviations from the mean of all, so that squares of large numbers do not cancel.
        deviations = reference - reference.mean(axis=1, keepdims=True)
        residual = replicate_means(errors**2, weights)
        squares = replicate_means(deviations**2, weights)
        variance = squares - replicate_means(deviations, weights) ** 2
        varied = variance > _ROUNDING * squares
        equal = np.where(residual == 0, 1.0, 0.0)
        values = np.where(varied, 1 - residual / np.where(varied, variance, 1.0), equal)
        few = weights.sum(axis=1) < 2
        return np.where(few[np.newaxis, :], np.nan, values)
