"""F1 of each label over a whole dataset, and its averages over labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self, assert_never

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import Case, FloatArray
from proctor_metrics.classification.averages import ZeroDivision, mean_over_classes
from proctor_metrics.classification.scored_items import check_weights, chunks
from proctor_metrics.metric import (
    UNLABELLED,
    CaseType,
    Direction,
    PooledMetric,
    number_text,
)
from proctor_metrics.multilabel.answers import (
    MISSING_RULE,
    answered_labels,
    multilabel_case,
    multilabel_cases,
    threshold_rule,
)
from proctor_metrics.parameters import Parameters


class LabelAverage(StrEnum):
    """How the values of the labels become one."""

    MACRO = "macro"
    MICRO = "micro"
    PER_LABEL = "per_label"


@dataclass(frozen=True)
class MultilabelF1(PooledMetric):
    """F1 of each label over all items: 2 TP / (2 TP + FP + FN), averaged over labels.

    `macro`: unweighted mean over the labels. `micro`: all labels' counts together. `per_label`: one
    value for each label. A label is answered where its score is at least `threshold`, 0.5 by
    default. One that is neither answered nor true in any item counts as `zero_division`: `nan`
    (default), left out of the mean, 0 or 1.
    Input: finite scores, (n_items, n_labels). Values: float64 of shape (n_labels,), in [0, 1], no
    unit, higher is better. NaN where nothing is left to average. In every item of a missing case
    every label counts as answered wrongly. The mean over items is `samples_f1`.
    Source: Zhang & Zhou, IEEE Trans. Knowl. Data Eng. 26 (2014) 1819. Checked against
    scikit-learn's `f1_score`, whose `zero_division` is 0 by default.

    >>> from proctor_metrics import MultilabelCase
    >>> scores, true = np.array([[0.9, 0.2], [0.9, 0.6]]), np.array([[1, 0], [0, 1]])
    >>> case = MultilabelCase("a", scores, true, ("x", "y"))
    >>> MultilabelF1(average=LabelAverage.PER_LABEL).pooled([case]).round(6)
    array([0.666667, 1.      ])
    """

    name = "multilabel_f1"
    direction = Direction.HIGHER
    case_type = CaseType.MULTILABEL

    average: LabelAverage = LabelAverage.MACRO
    threshold: float = 0.5
    zero_division: ZeroDivision = ZeroDivision.NAN

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `average`, `zero_division` and `threshold`, the least score of an answer."""
        return cls(
            average=parameters.choice("average", LabelAverage.MACRO),
            threshold=parameters.number("threshold", 0.5, above=-1e9, at_most=1e9),
            zero_division=parameters.choice("zero_division", ZeroDivision.NAN),
            declared_worst=parameters.worst(),
        )

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return (
            f"multilabel_f1.v1;average={self.average};threshold={number_text(self.threshold)}"
            f";zero_division={self.zero_division};edge=v1"
        )

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for what is answered, 0/0 and missing cases."""
        empty = (
            "is left out"
            if self.zero_division is ZeroDivision.NAN
            else f"counts as {self.zero_division.value}"
        )
        return (
            threshold_rule(self.threshold),
            f"A label that is neither answered nor true in any item {empty}.",
            MISSING_RULE,
        )

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the labels, or the one label of an average."""
        columns = multilabel_case(self.name, case).columns
        return columns if self.average is LabelAverage.PER_LABEL else UNLABELLED

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return 0, no label right."""
        return 0.0

    def replicates(self, cases: Sequence[Case], weights: npt.NDArray[np.integer]) -> FloatArray:
        """Score each weighted resample of all items; see `PooledMetric.replicates`.

        Raises:
            MetricInputError: the cases disagree on labels, or hold none.
            ValueError: there are no cases, or the weights do not fit the items.
        """
        found = multilabel_cases(self.name, cases)
        true = np.concatenate([case.reference for case in found])
        answered = np.concatenate([answered_labels(case, self.threshold) for case in found])
        check_weights(weights, true.shape[0])
        hits = (answered & true).astype(np.float64)
        either = answered.astype(np.float64) + true
        by_label = np.empty((weights.shape[0], true.shape[1]))
        together = np.empty((weights.shape[0], 1))
        for rows in chunks(weights, true.shape[0]):
            drawn = weights[rows].astype(np.float64)
            right, claims = 2 * (drawn @ hits), drawn @ either
            by_label[rows] = self._divide(right, claims)
            together[rows] = self._divide(
                right.sum(axis=1, keepdims=True), claims.sum(axis=1, keepdims=True)
            )
        match self.average:
            case LabelAverage.PER_LABEL:
                return np.ascontiguousarray(by_label.T)
            case LabelAverage.MICRO:
                return together.T
            case LabelAverage.MACRO:
                return mean_over_classes(by_label, np.ones(by_label.shape))[np.newaxis, :]
            case _ as unreachable:
                assert_never(unreachable)

    def _divide(self, above: FloatArray, below: FloatArray) -> FloatArray:
        values = np.full(above.shape, float(self.zero_division.value))
        np.divide(above, below, out=values, where=below > 0)
        return values
