"""Ratios of what was answered, was right and was there: balanced accuracy, precision and its kin.

Each has a value for every class; how these become one number is a parameter, and so is what a
class counts as whose value is 0/0. Values equal scikit-learn's where it has the metric.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from proctor_metrics.cases import FloatArray
from proctor_metrics.classification.averages import (
    MISSING_RULE,
    TIES_RULE,
    AveragedClassMetric,
    ClassMetric,
    mean_over_classes,
    quotient,
)
from proctor_metrics.classification.class_counts import ClassCounts
from proctor_metrics.metric import number_text
from proctor_metrics.parameters import Parameters


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
        return ("A class without items is left out of the mean.", TIES_RULE, MISSING_RULE)

    def _values(self, counts: ClassCounts) -> FloatArray:
        recalls = quotient(counts.hits, counts.true)
        return mean_over_classes(recalls, counts.true > 0)[np.newaxis, :]


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


@dataclass(frozen=True)
class FBeta(AveragedClassMetric):
    """Mean of precision and recall, recall weighing beta times as much, averaged over classes.

    (1 + b^2) TP / ((1 + b^2) TP + b^2 FN + FP) for b = `beta`, which must be given.
    `macro`: unweighted mean over the classes found in answers or reference. `weighted`: mean
    weighted by the items of each class. `micro`: all classes' counts together, which is accuracy.
    `binary`: the class value `positive` alone. `per_class`: one label for each class.
    A class in neither counts as `zero_division`: 0 (default), 1, or `nan`, left out.
    Input: classes, or class scores (n_items, n_columns). Values: float64 of shape (n_labels,),
    in [0, 1], no unit, higher is better. NaN where nothing is left to average.
    Source: van Rijsbergen, Information Retrieval (1979); Maier-Hein et al., Metrics Reloaded,
    Nature Methods 21 (2024), `fbeta`. Checked against scikit-learn's `fbeta_score`.

    >>> from proctor_metrics import LabelCase, resolve
    >>> answered, true = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    >>> case = LabelCase("a", answered, true, ("x", "y"), (0, 1))
    >>> metric = resolve("f_beta", {"beta": 2, "average": "binary", "positive": 1})
    >>> metric.pooled([case]).round(6)
    array([0.714286])
    """

    name = "f_beta"

    beta: float = 1.0

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `beta`, which is required, and what the other averages over classes read."""
        beta = parameters.number("beta", None, above=0.0, at_most=100.0)
        return replace(super().build(parameters), beta=beta)

    def _own_parameters(self) -> str:
        return f";beta={number_text(self.beta)}"

    def _by_class(self, counts: ClassCounts) -> FloatArray:
        square = self.beta**2
        return self._divide((1 + square) * counts.hits, counts.predicted + square * counts.true)


@dataclass(frozen=True)
class Specificity(AveragedClassMetric):
    """Share of the items of other classes not taken for this one: TN / (TN + FP), averaged.

    `macro`: unweighted mean over the classes found in answers or reference. `weighted`: mean
    weighted by the items of each class. `micro`: all classes' counts together. `binary`: the class
    value `positive` alone. `per_class`: one label for each class.
    A class that every item is of counts as `zero_division`: 0 (default), 1, or `nan`, left out.
    Input: classes, or class scores (n_items, n_columns). Values: float64 of shape (n_labels,),
    in [0, 1], no unit, higher is better. NaN where nothing is left to average.
    Source: Yerushalmy, Public Health Reports 62 (1947) 1432; Maier-Hein et al., Metrics Reloaded,
    Nature Methods 21 (2024), `specificity`. Checked against scikit-learn's `recall_score` of the
    other classes.

    >>> from proctor_metrics import LabelCase, resolve
    >>> answered, true = np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1])
    >>> case = LabelCase("a", answered, true, ("x", "y"), (0, 1))
    >>> metric = resolve("specificity", {"average": "binary", "positive": 1})
    >>> metric.pooled([case]).round(6)
    array([0.666667])
    """

    name = "specificity"

    def _by_class(self, counts: ClassCounts) -> FloatArray:
        others = counts.items - counts.true
        return self._divide(others - (counts.predicted - counts.hits), others)


@dataclass(frozen=True)
class NegativePredictiveValue(AveragedClassMetric):
    """Share of the answers of other classes that are of others: TN / (TN + FN), averaged.

    `macro`: unweighted mean over the classes found in answers or reference. `weighted`: mean
    weighted by the items of each class. `micro`: all classes' counts together. `binary`: the class
    value `positive` alone. `per_class`: one label for each class.
    A class that was answered everywhere counts as `zero_division`: 0 (default), 1, or `nan`.
    Input: classes, or class scores (n_items, n_columns). Values: float64 of shape (n_labels,),
    in [0, 1], no unit, higher is better; it depends on how common the class is. NaN where nothing
    is left to average.
    Source: Maier-Hein et al., Metrics Reloaded, Nature Methods 21 (2024), `npv`. Checked against
    scikit-learn's `precision_score` of the other classes.

    >>> from proctor_metrics import LabelCase, resolve
    >>> answered, true = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1])
    >>> case = LabelCase("a", answered, true, ("x", "y"), (0, 1))
    >>> metric = resolve("npv", {"average": "binary", "positive": 1})
    >>> metric.pooled([case]).round(6)
    array([0.666667])
    """

    name = "npv"

    def _by_class(self, counts: ClassCounts) -> FloatArray:
        negatives = counts.items - counts.predicted
        missed = counts.true - counts.hits
        return self._divide(negatives - missed, negatives)
