"""The quadratic score of predicted class probabilities."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import numpy as np

from proctor_metrics.cases import Case
from proctor_metrics.classification.probabilities import (
    ROW_SUM_RULE,
    SUM_TOLERANCE,
    check_probabilities,
)
from proctor_metrics.classification.scored_items import position_of, table_of
from proctor_metrics.metric import (
    UNLABELLED,
    CaseType,
    Direction,
    ItemScores,
    PerItemMetric,
    number_text,
    table_case,
)
from proctor_metrics.parameters import Parameters


class BrierForm(StrEnum):
    """Over which classes squares are summed."""

    ALL_CLASSES = "all_classes"
    BINARY = "binary"


@dataclass(frozen=True)
class BrierScore(PerItemMetric):
    """Squared distance of each item's probabilities from what happened.

    `all_classes`: the sum over classes k of (p_k - y_k)^2, with y_k = 1 for the item's class and 0
    for the others: Brier's own form, from 0 to 2. `binary`: (p - y)^2 of the class value
    `positive` alone, from 0 to 1, which for two classes is half of the former.
    Input: probabilities in [0, 1], (n_items, n_columns), each row summing to 1 within 1e-3
    (room for rounded text); anything else is refused. Values: float64 of shape (1, n_items), no
    unit, lower is better. NaN cannot occur. A missing case takes 2, or 1 where binary.
    Source: Brier, Monthly Weather Review 78 (1950) 1; Maier-Hein et al., Metrics Reloaded, Nature
    Methods 21 (2024), `bs`. Checked against scikit-learn's `brier_score_loss`.

    >>> from proctor_metrics import TableCase
    >>> case = TableCase("a", np.array([[0.25, 0.75]]), np.array([0]), ("x", "y"), (0, 1))
    >>> BrierScore().per_item(case).values
    array([[1.125]])
    """

    name = "brier_score"
    direction = Direction.LOWER
    case_type = CaseType.TABLE

    form: BrierForm = BrierForm.ALL_CLASSES
    positive: int | None = None

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `form` and, for `binary`, the class value `positive`."""
        form = parameters.choice("form", BrierForm.ALL_CLASSES)
        positive = parameters.integer("positive", None) if form is BrierForm.BINARY else None
        return cls(form=form, positive=positive, declared_worst=parameters.worst())

    @property
    def definition(self) -> str:
        """Return the definition id."""
        which = "" if self.positive is None else f";positive={self.positive}"
        return f"bs.v1;form={self.form}{which};row_sum={number_text(SUM_TOLERANCE)}"

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rule for row sums."""
        return (ROW_SUM_RULE,)

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the one label of an unlabelled metric."""
        table = table_of(self.name, case)
        if self.form is BrierForm.BINARY:
            position_of(self.name, table.case, self.positive, table.class_values)
        return UNLABELLED

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return the score of certainty in a wrong class."""
        return 1.0 if self.form is BrierForm.BINARY else 2.0

    def per_item(self, case: Case) -> ItemScores:
        """Score every row of the case.

        Raises:
            MetricInputError: a row is no probability distribution, or `positive` is no class.
        """
        table = table_case(self, case)
        check_probabilities(self.name, table)
        if self.form is BrierForm.BINARY:
            column = position_of(self.name, table.case, self.positive, table.class_values)
            happened = (table.true_columns == column).astype(np.float64)
            squares = (table.prediction[:, column] - happened) ** 2
            return ItemScores(UNLABELLED, squares[np.newaxis, :])
        misses = table.prediction.astype(np.float64)
        misses[np.arange(table.n_items), table.true_columns] -= 1
        return ItemScores(UNLABELLED, np.einsum("ij,ij->i", misses, misses)[np.newaxis, :])
