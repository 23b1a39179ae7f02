"""The two kinds of metric of numbers: an error of each, and a statistic of all of a dataset.

Several columns are several quantities, so each is a label of its own. What an item of a missing
case counts as is the hard part of a statistic: where numbers have no worst, the task declares an
error; where the scale of the reference is known, the far end of its range is the answer that nobody
would give.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

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

ROUNDING = 1e-12
"""A variance this small beside the mean square is rounding of equal numbers."""


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


def declared_worst_of(parameters: Parameters, what: str) -> float:
    """Return the worst value that the task declares, of a metric that has none by nature.

    Raises:
        MetricParameterError: none is declared.
    """
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
        return cls(declared_worst=declared_worst_of(parameters, "an error"))

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
        errors = self._errors(values.prediction - values.reference, values)
        return ItemScores(self.labels(case), np.ascontiguousarray(errors.T))

    @abstractmethod
    def _errors(self, differences: FloatArray, values: ValueCase) -> FloatArray:
        """Return the error of each difference, p - r, of the case."""


class PooledNumbersMetric(PooledMetric):
    """A statistic of all numbers of a dataset, a label for each column."""

    case_type = CaseType.VALUES

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

    def _answers(self, cases: Sequence[Case], weights: npt.NDArray[np.integer]) -> "Answers":
        """Return all numbers, with the far end of the reference's range where none was given."""
        tables, reference = self._tables(cases, weights)
        low, high = reference.min(axis=1), reference.max(axis=1)
        prediction = np.concatenate(
            [
                np.where(high - table.reference > table.reference - low, high, low)
                if table.lost
                else table.prediction
                for table in tables
            ]
        ).T
        return Answers(prediction, reference)


class PooledErrorMetric(PooledNumbersMetric):
    """A statistic of all errors, whose worst value the task declares."""

    direction = Direction.LOWER

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read the parameters: there are none but the worst value, which is required."""
        return cls(declared_worst=declared_worst_of(parameters, "an error"))

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return f"{self.name}.v1"

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

    def _all_errors(self, cases: Sequence[Case], weights: npt.NDArray[np.integer]) -> FloatArray:
        """Return every error without its sign, float64 of shape (n_columns, n_items)."""
        tables, _ = self._tables(cases, weights)
        worst = self.worst((), ())
        return np.concatenate(
            [
                np.full(table.reference.shape, worst)
                if table.lost
                else np.abs(table.prediction - table.reference)
                for table in tables
            ]
        ).T


class Answers(NamedTuple):
    """All numbers of a dataset, float64 of shape (n_columns, n_items) each."""

    prediction: FloatArray
    reference: FloatArray


def undefined_for_few(values: FloatArray, weights: npt.NDArray[np.integer]) -> FloatArray:
    """Return the values, NaN where a resample holds fewer than two items."""
    few = weights.sum(axis=1) < 2
    return np.where(few[np.newaxis, :], np.nan, values)
