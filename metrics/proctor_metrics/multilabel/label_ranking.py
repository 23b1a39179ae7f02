"""How well the scores of an item order its labels."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from proctor_metrics.cases import Case
from proctor_metrics.metric import UNLABELLED, CaseType, Direction, ItemScores, PerItemMetric
from proctor_metrics.multilabel.answers import answered_case, multilabel_case
from proctor_metrics.parameters import Parameters


@dataclass(frozen=True)
class LabelRankingAveragePrecision(PerItemMetric):
    """Mean over the labels of an item of the share of true ones among those scored as high.

    For a true label with score s: true labels with at least s over all labels with at least s, so
    equal scores count against the answer. Input: any finite scores, (n_items, n_labels). Values:
    float64 of shape (1, n_items), in (0, 1], no unit, higher is better. An item for which no label
    holds, or all do, has no order to get right: NaN, flag `undefined`, left out of means; of a
    missing case it takes the worst value like the others.
    Source: Schapire & Singer, Machine Learning 39 (2000) 135. Checked against scikit-learn's
    `label_ranking_average_precision_score`, which gives 1 in place of NaN.

    >>> from proctor_metrics import MultilabelCase
    >>> scores = np.array([[0.9, 0.5, 0.2], [0.3, 0.3, 0.1]])
    >>> true = np.array([[1, 0, 1], [1, 0, 0]])
    >>> case = MultilabelCase("a", scores, true, ("x", "y", "z"))
    >>> LabelRankingAveragePrecision().per_item(case).values.round(6)
    array([[0.833333, 0.5     ]])
    """

    name = "label_ranking_average_precision"
    direction = Direction.HIGHER
    case_type = CaseType.MULTILABEL

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read the parameters: there are none."""
        return cls(declared_worst=parameters.worst())

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return "lrap.v1;ties=against;edge=v1"

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for ties and for items without an order."""
        return (
            "Equal scores count against the answer.",
            "An item for which no label holds, or all do, is left out (NaN).",
        )

    @property
    def can_be_undefined(self) -> bool:
        """Tell that an item without an order has no value."""
        return True

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the one label of an unlabelled metric."""
        multilabel_case(self.name, case)
        return UNLABELLED

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return 0, which no order reaches."""
        return 0.0

    def per_item(self, case: Case) -> ItemScores:
        """Score every row of the case.

        Raises:
            MetricInputError: the case holds no label scores, or was not answered.
        """
        found = answered_case(self.name, case)
        order = np.argsort(-found.prediction, axis=1, kind="stable")
        scores = np.take_along_axis(found.prediction, order, axis=1)
        true = np.take_along_axis(found.reference, order, axis=1)
        n_labels = scores.shape[1]
        # The last place of each run of equal scores, from the right.
        last = np.ones(scores.shape, dtype=np.bool_)
        last[:, :-1] = scores[:, 1:] != scores[:, :-1]
        places = np.where(last, np.arange(n_labels), n_labels)
        ends = np.minimum.accumulate(places[:, ::-1], axis=1)[:, ::-1]
        as_high = np.take_along_axis(np.cumsum(true, axis=1), ends, axis=1)
        n_true = true.sum(axis=1)
        ordered = (n_true > 0) & (n_true < n_labels)
        precision = np.where(true, as_high / (ends + 1), 0.0).sum(axis=1)
        values = np.full(n_true.shape, np.nan)
        np.divide(precision, n_true, out=values, where=ordered)
        return ItemScores(UNLABELLED, values[np.newaxis, :], {"undefined": ~ordered[np.newaxis, :]})
