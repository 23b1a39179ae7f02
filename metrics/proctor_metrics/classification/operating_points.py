"""One property of a binary decision where another is held: the best that any threshold reaches.

Only thresholds that exist are considered, never a point between two of them, so what is reported
can be had. The hard part is rounding: a tenth of 10 items must not be missed by 1e-16.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import BoolArray, Case, FloatArray
from proctor_metrics.classification.averages import quotient
from proctor_metrics.classification.scored_items import (
    ThresholdCounts,
    check_weights,
    position_of,
    scored_items,
    table_of,
    tables_of,
    threshold_counts,
)
from proctor_metrics.metric import (
    UNLABELLED,
    CaseType,
    Direction,
    PooledMetric,
    number_text,
)
from proctor_metrics.parameters import Parameters

# Of the number of items: what a product of floats may be off.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class OperatingPointMetric(PooledMetric):
    """The best of one property over all thresholds where another is at least `target`."""

    direction = Direction.HIGHER
    case_type = CaseType.TABLE
    held: ClassVar[str]
    key: ClassVar[str]

    positive: int = 1
    target: float = 0.9

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read the class value `positive` and what is held; both are required."""
        return cls(
            positive=parameters.integer("positive", None),
            target=parameters.number(cls.held, None, above=0.0, at_most=1.0),
            declared_worst=parameters.worst(),
        )

    @property
    def definition(self) -> str:
        """Return the definition id."""
        target = number_text(self.target)
        return f"{self.key}.v1;positive={self.positive};{self.held}={target};edge=v1"

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for thresholds, single classes and missing cases."""
        return (
            "Items of equal scores are on one side of a threshold; nothing is interpolated.",
            "Undefined (NaN) where the reference holds no positive item, or no other.",
            "Items of a missing case are ranked on the wrong side of all others.",
        )

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the one label of an unlabelled metric."""
        table = table_of(self.name, case)
        position_of(self.name, table.case, self.positive, table.class_values)
        return UNLABELLED

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return 0."""
        return 0.0

    def replicates(self, cases: Sequence[Case], weights: npt.NDArray[np.integer]) -> FloatArray:
        """Score each weighted resample of all items; see `PooledMetric.replicates`.

        Raises:
            MetricInputError: the cases disagree on columns, or `positive` is none of them.
            ValueError: there are no cases, or the weights do not fit the items.
        """
        tables = tables_of(self.name, cases)
        check_weights(weights, sum(table.n_items for table in tables))
        first = tables[0]
        column = position_of(self.name, first.case, self.positive, first.class_values)
        found = np.full((1, weights.shape[0]), np.nan)
        for counts in threshold_counts(scored_items(tables, column), weights):
            positives, negatives = counts.true_positives[:, -1], counts.false_positives[:, -1]
            defined = (positives > 0) & (negatives > 0)
            best = self._best(counts, positives[:, np.newaxis], negatives[:, np.newaxis])
            found[0, counts.rows][defined] = best[defined]
        return found

    @abstractmethod
    def _best(
        self, counts: ThresholdCounts, positives: FloatArray, negatives: FloatArray
    ) -> FloatArray:
        """Return the best value of each replicate; the numbers of items are columns."""

    def _sensitive_enough(self, counts: ThresholdCounts, positives: FloatArray) -> BoolArray:
        return np.asarray(counts.true_positives >= positives * (self.target - _ROUNDING))


@dataclass(frozen=True)
class SensitivityAtSpecificity(OperatingPointMetric):
    """Largest sensitivity of any threshold whose specificity is at least `specificity`.

    The threshold above every score, which finds nothing, is one of them: the value is always
    defined. Input: any finite scores, (n_items, n_columns), of which the column of the class value
    `positive` is compared. Values: float64 of shape (1,), in [0, 1], no unit, higher is better;
    constant scores get 0. NaN where the reference holds no positive item, or no other. Missing
    cases count at their worst: positive items score below all others, the rest above them.
    Source: Maier-Hein et al., Metrics Reloaded, Nature Methods 21 (2024), `sens@spec`. Checked
    against scikit-learn's `roc_curve`.

    >>> from proctor_metrics import TableCase
    >>> scores = np.array([[0.1, 0.9], [0.4, 0.6], [0.35, 0.65], [0.8, 0.2]])
    >>> case = TableCase("a", scores, np.array([1, 1, 0, 0]), ("x", "y"), (0, 1))
    >>> SensitivityAtSpecificity(positive=1, target=1.0).pooled([case])
    array([0.5])
    """

    name = "sensitivity_at_specificity"
    held = "specificity"
    key = "sens@spec"

    def _best(
        self, counts: ThresholdCounts, positives: FloatArray, negatives: FloatArray
    ) -> FloatArray:
        left_alone = negatives - counts.false_positives
        allowed = left_alone >= negatives * (self.target - _ROUNDING)
        most = np.max(np.where(allowed, counts.true_positives, 0.0), axis=1)
        return quotient(most, positives[:, 0])


@dataclass(frozen=True)
class SpecificityAtSensitivity(OperatingPointMetric):
    """Largest specificity of any threshold whose sensitivity is at least `sensitivity`.

    The threshold at the lowest score, which finds everything, is one of them: the value is always
    defined. Input: any finite scores, (n_items, n_columns), of which the column of the class value
    `positive` is compared. Values: float64 of shape (1,), in [0, 1], no unit, higher is better;
    constant scores get 0. NaN where the reference holds no positive item, or no other. Missing
    cases count at their worst: positive items score below all others, the rest above them.
    Source: Maier-Hein et al., Metrics Reloaded, Nature Methods 21 (2024), `spec@sens`. Checked
    against scikit-learn's `roc_curve`.

    >>> from proctor_metrics import TableCase
    >>> scores = np.array([[0.1, 0.9], [0.4, 0.6], [0.35, 0.65], [0.8, 0.2]])
    >>> case = TableCase("a", scores, np.array([1, 1, 0, 0]), ("x", "y"), (0, 1))
    >>> SpecificityAtSensitivity(positive=1, target=1.0).pooled([case])
    array([0.5])
    """

    name = "specificity_at_sensitivity"
    held = "sensitivity"
    key = "spec@sens"

    def _best(
        self, counts: ThresholdCounts, positives: FloatArray, negatives: FloatArray
    ) -> FloatArray:
        enough = self._sensitive_enough(counts, positives)
        fewest = np.min(np.where(enough, counts.false_positives, np.inf), axis=1)
        return 1 - quotient(fewest, negatives[:, 0])


@dataclass(frozen=True)
class PpvAtSensitivity(OperatingPointMetric):
    """Largest precision (PPV) of any threshold whose sensitivity is at least `sensitivity`.

    The threshold at the lowest score is one of them: the value is always defined. Input: any finite
    scores, (n_items, n_columns), of which the column of the class value `positive` is compared.
    Values: float64 of shape (1,), in (0, 1], no unit, higher is better; constant scores get the
    share of the class. NaN where the reference holds no positive item, or no other. Missing cases
    count at their worst: positive items score below all others, the rest above them.
    Source: Maier-Hein et al., Metrics Reloaded, Nature Methods 21 (2024), `ppv@sens`. Checked
    against scikit-learn's `precision_recall_curve`.

    >>> from proctor_metrics import TableCase
    >>> scores = np.array([[0.1, 0.9], [0.4, 0.6], [0.35, 0.65], [0.8, 0.2]])
    >>> case = TableCase("a", scores, np.array([1, 1, 0, 0]), ("x", "y"), (0, 1))
    >>> PpvAtSensitivity(positive=1, target=1.0).pooled([case]).round(6)
    array([0.666667])
    """

    name = "ppv_at_sensitivity"
    held = "sensitivity"
    key = "ppv@sens"

    def _best(
        self, counts: ThresholdCounts, positives: FloatArray, negatives: FloatArray
    ) -> FloatArray:
        called = counts.true_positives + counts.false_positives
        precision = np.divide(
            counts.true_positives, called, out=np.zeros_like(called), where=called > 0
        )
        return np.asarray((precision * self._sensitive_enough(counts, positives)).max(axis=1))
