"""Top-k accuracy and accuracy, with the treatment of ties as part of the definition.

The hard part is ties. Sorting libraries break them by column order, so a constant predictor
can score 1 or 0 by luck of the class numbering. Here two counts decide: g, the classes that
score above the true one, and e, the other classes that score exactly the same.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self, assert_never

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import (
    Case,
    FloatArray,
    LabelCase,
    MetricInputError,
    Side,
)
from proctor_metrics.classification.placements import placements
from proctor_metrics.metric import (
    UNLABELLED,
    CaseType,
    Direction,
    ItemScores,
    PerItemMetric,
    table_case,
)
from proctor_metrics.parameters import Parameters


class Ties(StrEnum):
    """What an item scores when other classes score the same as the true one."""

    EXPECTED = "expected"
    OPTIMISTIC = "optimistic"
    PESSIMISTIC = "pessimistic"


_TIE_RULES = {
    Ties.EXPECTED: "Equal scores count as if their order were drawn at random: "
    "the item scores the chance of a hit.",
    Ties.OPTIMISTIC: "Equal scores count for the true class.",
    Ties.PESSIMISTIC: "Equal scores count against the true class.",
}


@dataclass(frozen=True)
class TopKAccuracy(PerItemMetric):
    """Chance that the true class is among the k highest scores of its row.

    With g classes above the true one and e others equal to it: expected
    clip((k - g) / (e + 1), 0, 1), optimistic [g < k], pessimistic [g + e < k].
    Input: any finite scores, (n_items, n_columns). Values: float64 of shape (1, n_items), in
    [0, 1], no unit, higher is better; flag `tied` where e > 0. A k of at least the number of
    columns scores 1. NaN cannot occur; there are no empty items.
    Source: the rule is stated above; equals scikit-learn's where nothing is tied.

    >>> from proctor_metrics import TableCase
    >>> scores = np.array([[0.5, 0.5, 0.0], [0.1, 0.7, 0.2]])
    >>> case = TableCase("a", scores, np.array([0, 2]), ("x", "y", "z"), (0, 1, 2))
    >>> TopKAccuracy(k=1).per_item(case).values
    array([[0.5, 0. ]])
    >>> TopKAccuracy(k=2).per_item(case).values
    array([[1., 1.]])
    """

    name = "top_k_accuracy"
    direction = Direction.HIGHER
    case_type = CaseType.TABLE

    k: int = 1
    ties: Ties = Ties.EXPECTED

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `k`, which is required, and `ties`."""
        return cls(
            k=parameters.integer("k", None, minimum=1),
            ties=parameters.choice("ties", Ties.EXPECTED),
            declared_worst=parameters.worst(),
        )

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return f"{self.name}.v1;k={self.k};ties={self.ties}"

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rule for ties."""
        return (_TIE_RULES[self.ties],)

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the one label of an unlabelled metric."""
        return UNLABELLED

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return 0, the value of a miss."""
        return 0.0

    def per_item(self, case: Case) -> ItemScores:
        """Score every row of the case."""
        table = table_case(self, case)
        above, equal = placements(table.prediction, table.true_columns)
        values = self._hits(above, equal)
        return ItemScores(UNLABELLED, values[np.newaxis, :], {"tied": (equal > 0)[np.newaxis, :]})

    def _hits(self, above: npt.NDArray[np.int64], equal: npt.NDArray[np.int64]) -> FloatArray:
        match self.ties:
            case Ties.EXPECTED:
                return np.clip((self.k - above) / (equal + 1), 0.0, 1.0)
            case Ties.OPTIMISTIC:
                return (above < self.k).astype(np.float64)
            case Ties.PESSIMISTIC:
                return (above + equal < self.k).astype(np.float64)
            case _ as unreachable:
                assert_never(unreachable)


@dataclass(frozen=True)
class Accuracy(TopKAccuracy):
    """Share of items whose highest score is the true class's: top-k accuracy with k = 1.

    Takes lists of classes too, where an item scores 1 or 0: scikit-learn's `accuracy_score`.
    A tie of m classes at the top, the true one among them, scores 1/m under `expected`, so a
    constant predictor gets exactly one over the number of classes.

    >>> from proctor_metrics import TableCase
    >>> case = TableCase("a", np.zeros((1, 4)), np.array([3]), tuple("abcd"), (0, 1, 2, 3))
    >>> Accuracy().per_item(case).values
    array([[0.25]])
    """

    name = "accuracy"
    case_type = CaseType.CLASSES

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `ties`."""
        return cls(ties=parameters.choice("ties", Ties.EXPECTED), declared_worst=parameters.worst())

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return f"accuracy.v1;ties={self.ties}"

    def per_item(self, case: Case) -> ItemScores:
        """Score every item of the case: a class is right or wrong, scores may be tied."""
        if not isinstance(case, LabelCase):
            return super().per_item(case)
        if case.lost:
            raise MetricInputError(
                case.case,
                Side.PREDICTION,
                "the case was not answered",
                "a missing case takes the worst value",
            )
        right = case.true_classes == case.predicted_classes
        return ItemScores(UNLABELLED, right.astype(np.float64)[np.newaxis, :])
