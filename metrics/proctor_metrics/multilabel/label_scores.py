"""How well the scores of each label order the items: AUROC and average precision by label."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import Case, FloatArray
from proctor_metrics.classification.scored_items import (
    ScoredItems,
    at_its_worst,
    average_precisions,
    check_weights,
    roc_areas,
)
from proctor_metrics.metric import UNLABELLED, CaseType, Direction, PooledMetric
from proctor_metrics.multilabel.answers import multilabel_case, multilabel_cases
from proctor_metrics.parameters import Parameters


class ScoreAverage(StrEnum):
    """How the values of the labels become one."""

    MACRO = "macro"
    PER_LABEL = "per_label"


@dataclass(frozen=True)
class LabelScoreMetric(PooledMetric):
    """A statement about the order of the items by the scores of one label."""

    direction = Direction.HIGHER
    case_type = CaseType.MULTILABEL
    key: ClassVar[str]
    ties: ClassVar[str]
    ties_rule: ClassVar[str]
    missing_rule: ClassVar[str]

    average: ScoreAverage = ScoreAverage.MACRO

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `average`, over labels."""
        return cls(
            average=parameters.choice("average", ScoreAverage.MACRO),
            declared_worst=parameters.worst(),
        )

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return f"{self.key}.v1;average={self.average};ties={self.ties};edge=v1"

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for ties, labels without items and missing cases."""
        return (
            self.ties_rule,
            "Undefined (NaN) when a label holds for no item, or for all.",
            self.missing_rule,
        )

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the labels, or the one label of an average."""
        columns = multilabel_case(self.name, case).columns
        return columns if self.average is ScoreAverage.PER_LABEL else UNLABELLED

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return 0, the worst order."""
        return 0.0

    def replicates(self, cases: Sequence[Case], weights: npt.NDArray[np.integer]) -> FloatArray:
        """Score each weighted resample of all items; see `PooledMetric.replicates`.

        Raises:
            MetricInputError: the cases disagree on labels, or hold none.
            ValueError: there are no cases, or the weights do not fit the items.
        """
        found = multilabel_cases(self.name, cases)
        scores = np.concatenate([case.prediction for case in found])
        true = np.concatenate([case.reference for case in found])
        lost = np.concatenate([np.full(case.n_items, case.lost) for case in found])
        check_weights(weights, lost.size)
        by_label = np.stack(
            [
                self._value(at_its_worst(scores[:, label], true[:, label], lost), weights)
                for label in range(true.shape[1])
            ]
        )
        if self.average is ScoreAverage.PER_LABEL:
            return by_label
        return np.asarray(by_label.mean(axis=0, keepdims=True))

    @abstractmethod
    def _value(self, items: ScoredItems, weights: npt.NDArray[np.integer]) -> FloatArray:
        """Return the value of one label in each replicate, float64 of shape (B,)."""


@dataclass(frozen=True)
class MultilabelAuroc(LabelScoreMetric):
    """Chance that a random item with a label scores above one without it, ties one half.

    `macro`: unweighted mean over the labels. `per_label`: one value for each label.
    Input: any finite scores, (n_items, n_labels). Values: float64 of shape (n_labels,), in [0, 1],
    no unit, higher is better; constant scores get 0.5. A label that holds for no item or for all:
    NaN for that label, and for the macro mean, which is over all labels or nothing. Missing cases
    count at their worst: their items with the label score below all others, the rest above.
    Source: Hanley & McNeil, Radiology 143 (1982) 29. Checked against scikit-learn.

    >>> from proctor_metrics import MultilabelCase
    >>> scores, true = np.array([[0.9], [0.4], [0.4], [0.1]]), np.array([[1], [1], [0], [0]])
    >>> MultilabelAuroc().pooled([MultilabelCase("a", scores, true, ("x",))])
    array([0.875])
    """

    name = "multilabel_auroc"
    key = "multilabel_auroc"
    ties = "half"
    ties_rule = "Equal scores count one half."
    missing_rule = "Items of a missing case are ranked on the wrong side of all others."

    def _value(self, items: ScoredItems, weights: npt.NDArray[np.integer]) -> FloatArray:
        positive, negative = np.flatnonzero(items.positive), np.flatnonzero(~items.positive)
        return roc_areas(items.scores, positive, negative, weights)


@dataclass(frozen=True)
class MultilabelAveragePrecision(LabelScoreMetric):
    """Precision averaged over the steps of recall of each label; see `average_precision`.

    `macro`: unweighted mean over the labels, often called mAP. `per_label`: one value for each.
    Input: any finite scores, (n_items, n_labels). Values: float64 of shape (n_labels,), in [0, 1],
    no unit, higher is better; constant scores get the share of the label. A label that holds for no
    item or for all: NaN for that label, and for the macro mean, which is over all labels or
    nothing. Missing cases count at their worst: their items with the label are never found, the
    rest score above all others. Checked against scikit-learn's `average_precision_score`.
    Source: Maier-Hein et al., Metrics Reloaded, Nature Methods 21 (2024), `ap`.

    >>> from proctor_metrics import MultilabelCase
    >>> scores, true = np.array([[0.9], [0.6], [0.5], [0.1]]), np.array([[1], [0], [1], [0]])
    >>> case = MultilabelCase("a", scores, true, ("x",))
    >>> MultilabelAveragePrecision().pooled([case]).round(6)
    array([0.833333])
    """

    name = "multilabel_average_precision"
    key = "multilabel_ap"
    ties = "together"
    ties_rule = "Items of equal scores are found together, in one step."
    missing_rule = "Of a missing case items with the label are never found, others score above all."

    def _value(self, items: ScoredItems, weights: npt.NDArray[np.integer]) -> FloatArray:
        return average_precisions(items, weights)
