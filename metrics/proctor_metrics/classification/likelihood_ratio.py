"""How much a positive answer changes the odds."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import numpy as np

from proctor_metrics.cases import Case, FloatArray, LabelCase
from proctor_metrics.classification.averages import (
    BINARY_MISSING_RULE,
    TIES_RULE,
    ClassMetric,
    quotient,
)
from proctor_metrics.classification.class_counts import (
    ClassCounts,
    against_the_rest,
    as_labels,
)
from proctor_metrics.metric import UNLABELLED
from proctor_metrics.parameters import Parameters


class Correction(StrEnum):
    """What is done for a ratio without a false alarm; `haldane` adds one half to each count."""

    HALDANE = "haldane"
    NONE = "none"


@dataclass(frozen=True)
class PositiveLikelihoodRatio(ClassMetric):
    """How much more likely a positive answer is for a positive item: TPR / FPR.

    A ratio of 1 says nothing. Without a false positive it is infinite, and a perfect model would
    have no place on a board; `haldane` adds one half to each of the four counts, which keeps it
    finite; `none` leaves it undefined.
    Input: classes, or class scores (n_items, n_columns), and the class value `positive`; all
    others are the rest. Values: float64 of shape (1,), from 0 without upper bound, no unit, higher
    is better. NaN where the reference holds no positive item, or no other.
    Source: Deeks & Altman, BMJ 329 (2004) 168; Maier-Hein et al., Metrics Reloaded, Nature Methods
    21 (2024), `lr+`; correction: Haldane, Ann. Hum. Genet. 20 (1956) 309. Checked against
    scikit-learn's `class_likelihood_ratios`.

    >>> from proctor_metrics import LabelCase
    >>> answered, true = np.array([0, 0, 1, 1, 1]), np.array([0, 0, 0, 1, 1])
    >>> case = LabelCase("a", answered, true, ("x", "y"), (0, 1))
    >>> PositiveLikelihoodRatio(positive=1, correction=Correction.NONE).pooled([case])
    array([3.])
    >>> PositiveLikelihoodRatio(positive=1).pooled([case]).round(6)
    array([2.222222])
    """

    name = "positive_likelihood_ratio"

    positive: int = 1
    correction: Correction = Correction.HALDANE

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read the class value `positive`, which is required, and `correction`."""
        return cls(
            positive=parameters.integer("positive", None),
            correction=parameters.choice("correction", Correction.HALDANE),
            declared_worst=parameters.worst(),
        )

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return (
            f"lr_plus.v1;positive={self.positive};correction={self.correction};ties=first;edge=v1"
        )

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for no false positive, single classes, ties and missing cases."""
        none = "Undefined (NaN) without a false positive."
        half = "One half is added to each of the four counts."
        return (
            half if self.correction is Correction.HALDANE else none,
            "Undefined (NaN) where the reference holds no positive item, or no other.",
            TIES_RULE,
            BINARY_MISSING_RULE,
        )

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the one label of an unlabelled metric."""
        self._labelled(case)
        return UNLABELLED

    def _labelled(self, case: Case) -> LabelCase:
        return against_the_rest(self.name, as_labels(self.name, case), self.positive)

    def _values(self, counts: ClassCounts) -> FloatArray:
        hits, answers = counts.hits[:, 1], counts.predicted[:, 1]
        there, others = counts.true[:, 1], counts.true[:, 0]
        more = 0.5 if self.correction is Correction.HALDANE else 0.0
        sensitivity = quotient(hits + more, there + 2 * more)
        false_alarms = quotient(answers - hits + more, others + 2 * more)
        ratio = quotient(sensitivity, false_alarms)
        return np.where((there > 0) & (others > 0), ratio, np.nan)[np.newaxis, :]
