"""What metrics of answered classes share: counts of a whole dataset, and averages over classes.

How the values of the classes become one number is a parameter, and so is what a class counts as
whose value is 0/0.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self, assert_never

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import Case, FloatArray, LabelCase
from proctor_metrics.classification.class_counts import (
    ClassCounts,
    against_the_rest,
    as_labels,
    class_counts,
)
from proctor_metrics.metric import UNLABELLED, CaseType, Direction, PooledMetric
from proctor_metrics.parameters import Parameters

MISSING_RULE = (
    "An item of a missing case counts as answered with the class after its own: "
    "a miss, and a false positive."
)
BINARY_MISSING_RULE = "An item of a missing case counts as answered wrongly."
TIES_RULE = "Of equal class scores the first column is the answer."


class ClassAverage(StrEnum):
    """How the values of the classes become one."""

    MACRO = "macro"
    WEIGHTED = "weighted"
    MICRO = "micro"
    BINARY = "binary"
    PER_CLASS = "per_class"


class ZeroDivision(StrEnum):
    """What a class counts as whose value is 0/0; with `nan` it is left out of the mean."""

    ZERO = "0"
    ONE = "1"
    NAN = "nan"


class AnswersMetric(PooledMetric):
    """A metric of answered classes; class scores are read as their highest column."""

    direction = Direction.HIGHER
    case_type = CaseType.CLASSES

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the one label of an average."""
        return UNLABELLED

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return 0, no item right."""
        return 0.0

    def compact(self, case: Case) -> Case:
        """Return the answered classes alone, which is what is counted."""
        return as_labels(self.name, case)


class ClassMetric(AnswersMetric):
    """A metric that the counts of each class are enough for."""

    def replicates(self, cases: Sequence[Case], weights: npt.NDArray[np.integer]) -> FloatArray:
        """Score each weighted resample of all items; see `PooledMetric.replicates`.

        Raises:
            MetricInputError: a case holds no classes, or the cases disagree on them.
            ValueError: there are no cases, or the weights do not fit the items.
        """
        labelled = [self._labelled(case) for case in cases]
        return self._values(class_counts(labelled, weights))

    def _labelled(self, case: Case) -> LabelCase:
        """Return the case as it is counted."""
        return as_labels(self.name, case)

    @abstractmethod
    def _values(self, counts: ClassCounts) -> FloatArray:
        """Return the values, float64 of shape (n_labels, B)."""


@dataclass(frozen=True)
class AveragedClassMetric(ClassMetric):
    """A ratio of counts for every class, and their average."""

    average: ClassAverage = ClassAverage.MACRO
    positive: int | None = None
    zero_division: ZeroDivision = ZeroDivision.ZERO

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `average`, `zero_division` and, for `binary`, the class value `positive`."""
        average = parameters.choice("average", ClassAverage.MACRO)
        binary = average is ClassAverage.BINARY
        return cls(
            average=average,
            positive=parameters.integer("positive", None) if binary else None,
            zero_division=parameters.choice("zero_division", ZeroDivision.ZERO),
            declared_worst=parameters.worst(),
        )

    @property
    def definition(self) -> str:
        """Return the definition id."""
        # Edge rules v2: an item of a lost case was once answered with the class after its own,
        # which of three classes or more let some negative items off.
        binary = self.average is ClassAverage.BINARY
        which = f";positive={self.positive}" if binary else ""
        return (
            f"{self.name}.v1{self._own_parameters()};average={self.average}{which}"
            f";zero_division={self.zero_division};ties=first;edge={'v2' if binary else 'v1'}"
        )

    def _own_parameters(self) -> str:
        """Return what else belongs to the definition, beginning with a semicolon."""
        return ""

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for 0/0, absent classes, ties and missing cases."""
        empty = "is left out" if self.zero_division is ZeroDivision.NAN else "counts as "
        value = "" if self.zero_division is ZeroDivision.NAN else self.zero_division.value
        rules = [f"A class whose value is 0/0 {empty}{value}."]
        if self.average is ClassAverage.MACRO:
            rules.append("A class in neither answers nor reference is left out of the mean.")
        binary = self.average is ClassAverage.BINARY
        return (*rules, TIES_RULE, BINARY_MISSING_RULE if binary else MISSING_RULE)

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the classes, or the one label of an average."""
        classes = self._labelled(case).classes
        return classes if self.average is ClassAverage.PER_CLASS else UNLABELLED

    def _labelled(self, case: Case) -> LabelCase:
        labelled = as_labels(self.name, case)
        if self.average is ClassAverage.BINARY:
            return against_the_rest(self.name, labelled, self.positive)
        return labelled

    def _values(self, counts: ClassCounts) -> FloatArray:
        match self.average:
            case ClassAverage.PER_CLASS:
                return np.ascontiguousarray(self._by_class(counts).T)
            case ClassAverage.BINARY:
                # The second of two classes: see `against_the_rest`.
                return self._by_class(counts)[:, [1]].T
            case ClassAverage.MICRO:
                summed = ClassCounts(*(part.sum(axis=1, keepdims=True) for part in counts))
                return self._by_class(summed).T
            case ClassAverage.MACRO:
                present = counts.true + counts.predicted > 0
                return mean_over_classes(self._by_class(counts), present)[np.newaxis, :]
            case ClassAverage.WEIGHTED:
                return mean_over_classes(self._by_class(counts), counts.true)[np.newaxis, :]
            case _ as unreachable:
                assert_never(unreachable)

    @abstractmethod
    def _by_class(self, counts: ClassCounts) -> FloatArray:
        """Return the value of each class, float64 of shape (B, n_classes)."""

    def _divide(self, above: FloatArray, below: FloatArray) -> FloatArray:
        values = np.full(above.shape, float(self.zero_division.value))
        np.divide(above, below, out=values, where=below > 0)
        return values


def quotient(above: FloatArray, below: FloatArray) -> FloatArray:
    """Divide, NaN where there is nothing to divide by."""
    values = np.full(above.shape, np.nan)
    np.divide(above, below, out=values, where=below > 0)
    return values


def mean_over_classes(values: FloatArray, weights: npt.NDArray[np.generic]) -> FloatArray:
    """Average over the last axis, NaN left out; NaN where no weight is left."""
    weights = np.where(np.isnan(values), 0.0, weights)
    sums = (np.where(np.isnan(values), 0.0, values) * weights).sum(axis=1)
    return quotient(sums, np.asarray(weights.sum(axis=1)))
