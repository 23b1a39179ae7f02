"""Precision, recall and F1 over classes, and balanced accuracy: pooled over a whole dataset.

Each has a value for every class; how these become one number is a parameter, and so is what a
class without any answer or item counts as. Values equal scikit-learn's.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self, assert_never

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import Case, FloatArray, LabelCase, MetricInputError, Side
from proctor_metrics.classification.class_counts import ClassCounts, as_labels, class_counts
from proctor_metrics.metric import UNLABELLED, CaseType, Direction, PooledMetric
from proctor_metrics.parameters import Parameters

_MISSING_RULE = (
    "An item of a missing case counts as answered with the class after its own: "
    "a miss, and a false positive."
)
_TIES_RULE = "Of equal class scores the first column is the answer."


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


class ClassMetric(PooledMetric):
    """A metric of classes; class scores are read as their highest column."""

    direction = Direction.HIGHER
    case_type = CaseType.CLASSES

    @property
    def unit(self) -> str:
        """Return no unit."""
        return ""

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

    def replicates(self, cases: Sequence[Case], weights: npt.NDArray[np.integer]) -> FloatArray:
        """Score each weighted resample of all items; see `PooledMetric.replicates`.

        Raises:
            MetricInputError: a case holds no classes, or the cases disagree on them.
            ValueError: there are no cases, or the weights do not fit the items.
        """
        labelled = [as_labels(self.name, case) for case in cases]
        return self._values(class_counts(labelled, weights), labelled)

    @abstractmethod
    def _values(self, counts: ClassCounts, cases: Sequence[LabelCase]) -> FloatArray:
        """Return the values, float64 of shape (n_labels, B)."""


@dataclass(frozen=True)
class BalancedAccuracy(ClassMetric):
    """Mean recall over the classes: each counts the same, however many items it has.

    Over the classes that the resample holds items of; NaN where it holds none. Input: classes,
    or class scores (n_items, n_columns). Values: float64 of shape (1,), in [0, 1], no unit,
    higher is better; one over the number of classes is what guessing gets.
    Source: Brodersen et al., ICPR (2010) 3121; Maier-Hein et al., Metrics Reloaded, Nature
    Methods 21 (2024), `ba`. Checked against scikit-learn's `balanced_accuracy_score`.

    >>> from proctor_metrics import LabelCase
    >>> answered, true = np.array([0, 0, 0, 0]), np.array([0, 0, 0, 1])
    >>> case = LabelCase("a", answered, true, ("x", "y"), (0, 1))
    >>> BalancedAccuracy().pooled([case])
    array([0.5])
    """

    name = "balanced_accuracy"

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read the parameters: there are none."""
        return cls(declared_worst=parameters.worst())

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return "ba.v1;ties=first;edge=v1"

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for absent classes, ties and missing cases."""
        return ("A class without items is left out of the mean.", _TIES_RULE, _MISSING_RULE)

    def _values(self, counts: ClassCounts, cases: Sequence[LabelCase]) -> FloatArray:
        recalls = _quotient(counts.hits, counts.true)
        return _mean(recalls, counts.true > 0)[np.newaxis, :]


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
        which = "" if self.positive is None else f";positive={self.positive}"
        return (
            f"{self.name}.v1;average={self.average}{which}"
            f";zero_division={self.zero_division};ties=first;edge=v1"
        )

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for 0/0, absent classes, ties and missing cases."""
        empty = "is left out" if self.zero_division is ZeroDivision.NAN else "counts as "
        value = "" if self.zero_division is ZeroDivision.NAN else self.zero_division.value
        rules = [f"A class whose value is 0/0 {empty}{value}."]
        if self.average is ClassAverage.MACRO:
            rules.append("A class in neither answers nor reference is left out of the mean.")
        return (*rules, _TIES_RULE, _MISSING_RULE)

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the classes, or the one label of an average."""
        if self.average is ClassAverage.PER_CLASS:
            return as_labels(self.name, case).classes
        return UNLABELLED

    def _values(self, counts: ClassCounts, cases: Sequence[LabelCase]) -> FloatArray:
        match self.average:
            case ClassAverage.PER_CLASS:
                return np.ascontiguousarray(self._by_class(counts).T)
            case ClassAverage.BINARY:
                return self._by_class(counts)[:, [self._positive(cases[0])]].T
            case ClassAverage.MICRO:
                summed = ClassCounts(*(part.sum(axis=1, keepdims=True) for part in counts))
                return self._by_class(summed).T
            case ClassAverage.MACRO:
                present = counts.true + counts.predicted > 0
                return _mean(self._by_class(counts), present)[np.newaxis, :]
            case ClassAverage.WEIGHTED:
                return _mean(self._by_class(counts), counts.true)[np.newaxis, :]
            case _ as unreachable:
                assert_never(unreachable)

    @abstractmethod
    def _by_class(self, counts: ClassCounts) -> FloatArray:
        """Return the value of each class, float64 of shape (B, n_classes)."""

    def _divide(self, above: FloatArray, below: FloatArray) -> FloatArray:
        values = np.full(above.shape, float(self.zero_division.value))
        np.divide(above, below, out=values, where=below > 0)
        return values

    def _positive(self, case: LabelCase) -> int:
        if self.positive not in case.class_values:
            raise MetricInputError(
                case.case,
                Side.TASK,
                f"the positive class of {self.name} is {self.positive}",
                f"it must be one of {list(case.class_values)}",
            )
        return case.class_values.index(self.positive)


@dataclass(frozen=True)
class Precision(AveragedClassMetric):
    """Share of the answers of a class that are right: TP / (TP + FP), averaged over classes.

    `macro`: unweighted mean over the classes found in answers or reference. `weighted`: mean
    weighted by the items of each class. `micro`: all classes' counts together, which is accuracy.
    `binary`: the class value `positive` alone. `per_class`: one label for each class.
    A class that was never answered counts as `zero_division`: 0 (default), 1, or `nan`, left out.
    Input: classes, or class scores (n_items, n_columns). Values: float64 of shape (n_labels,),
    in [0, 1], no unit, higher is better. NaN where nothing is left to average.
    Source: Maier-Hein et al., Metrics Reloaded, Nature Methods 21 (2024), `ppv`. Checked against
    scikit-learn's `precision_score`.

    >>> from proctor_metrics import LabelCase
    >>> answered, true = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    >>> case = LabelCase("a", answered, true, ("x", "y"), (0, 1))
    >>> Precision().pooled([case])
    array([0.75])
    """

    name = "precision"

    def _by_class(self, counts: ClassCounts) -> FloatArray:
        return self._divide(counts.hits, counts.predicted)


@dataclass(frozen=True)
class Recall(AveragedClassMetric):
    """Share of the items of a class that are found: TP / (TP + FN), averaged over classes.

    `macro`: unweighted mean over the classes found in answers or reference. `weighted`: mean
    weighted by the items of each class, which is accuracy, as `micro` is. `binary`: the class
    value `positive` alone. `per_class`: one label for each class.
    A class without items counts as `zero_division`: 0 (default), 1, or `nan`, left out.
    Input: classes, or class scores (n_items, n_columns). Values: float64 of shape (n_labels,),
    in [0, 1], no unit, higher is better. NaN where nothing is left to average.
    Source: Maier-Hein et al., Metrics Reloaded, Nature Methods 21 (2024), `sensitivity`. Checked
    against scikit-learn's `recall_score`.

    >>> from proctor_metrics import LabelCase
    >>> answered, true = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    >>> case = LabelCase("a", answered, true, ("x", "y"), (0, 1))
    >>> Recall().pooled([case]).round(6)
    array([0.833333])
    """

    name = "recall"

    def _by_class(self, counts: ClassCounts) -> FloatArray:
        return self._divide(counts.hits, counts.true)


@dataclass(frozen=True)
class F1Score(AveragedClassMetric):
    """Harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN), averaged over classes.

    `macro`: unweighted mean over the classes found in answers or reference. `weighted`: mean
    weighted by the items of each class. `micro`: all classes' counts together, which is accuracy.
    `binary`: the class value `positive` alone. `per_class`: one label for each class.
    A class in neither counts as `zero_division`: 0 (default), 1, or `nan`, left out.
    Input: classes, or class scores (n_items, n_columns). Values: float64 of shape (n_labels,),
    in [0, 1], no unit, higher is better. NaN where nothing is left to average.
    Source: van Rijsbergen, Information Retrieval (1979); Maier-Hein et al., Metrics Reloaded,
    Nature Methods 21 (2024), `fbeta`. Checked against scikit-learn's `f1_score`.

    >>> from proctor_metrics import LabelCase
    >>> answered, true = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    >>> case = LabelCase("a", answered, true, ("x", "y"), (0, 1))
    >>> F1Score().pooled([case]).round(6)
    array([0.733333])
    """

    name = "f1_score"

    def _by_class(self, counts: ClassCounts) -> FloatArray:
        return self._divide(2 * counts.hits, counts.predicted + counts.true)


def _quotient(above: FloatArray, below: FloatArray) -> FloatArray:
    values = np.full(above.shape, np.nan)
    np.divide(above, below, out=values, where=below > 0)
    return values


def _mean(values: FloatArray, weights: npt.NDArray[np.generic]) -> FloatArray:
    """Average over the last axis, NaN left out; NaN where no weight is left."""
    weights = np.where(np.isnan(values), 0.0, weights)
    sums = (np.where(np.isnan(values), 0.0, values) * weights).sum(axis=1)
    return _quotient(sums, np.asarray(weights.sum(axis=1)))
