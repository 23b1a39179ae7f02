"""What acting on probabilities is worth, with false alarms at the price a threshold implies."""

from dataclasses import dataclass
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


@dataclass(frozen=True)
class NetBenefit(PerItemMetric):
    """Worth of acting on every item whose probability reaches the threshold: an item's share.

    A positive item acted upon counts 1, another one -t / (1 - t) for the threshold t, one left
    alone 0; the mean over items is TP / n - FP / n t / (1 - t).
    Input: probabilities in [0, 1], (n_items, n_columns), each row summing to 1 within 1e-3; the
    column of the class value `positive` is compared, and a probability of exactly t is acted upon.
    Values: float64 of shape (1, n_items), from -t / (1 - t) to 1, no unit, higher is better; 0 is
    acting never. NaN cannot occur. Every item of a missing case counts as a false alarm.
    Source: Vickers & Elkin, Med. Decis. Making 26 (2006) 565; Maier-Hein et al., Metrics
    Reloaded, Nature Methods 21 (2024), `nb`. Checked against scikit-learn's confusion matrix.

    >>> from proctor_metrics import TableCase
    >>> scores = np.array([[0.7, 0.3], [0.7, 0.3], [0.9, 0.1]])
    >>> case = TableCase("a", scores, np.array([1, 0, 1]), ("x", "y"), (0, 1))
    >>> NetBenefit(positive=1, threshold=0.2).per_item(case).values
    array([[ 1.  , -0.25,  0.  ]])
    """

    name = "net_benefit"
    direction = Direction.HIGHER
    case_type = CaseType.TABLE

    positive: int = 1
    threshold: float = 0.5

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read the class value `positive` and the `threshold`; both are required."""
        return cls(
            positive=parameters.integer("positive", None),
            threshold=parameters.number("threshold", None, above=0.0, at_most=0.999999),
            declared_worst=parameters.worst(),
        )

    @property
    def definition(self) -> str:
        """Return the definition id."""
        sums = f"row_sum={number_text(SUM_TOLERANCE)}"
        return f"nb.v1;positive={self.positive};threshold={number_text(self.threshold)};{sums}"

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for the threshold and for row sums."""
        return ("A probability that equals the threshold is acted upon.", ROW_SUM_RULE)

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the one label of an unlabelled metric."""
        table = table_of(self.name, case)
        position_of(self.name, table.case, self.positive, table.class_values)
        return UNLABELLED

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return the value of a false alarm."""
        return -self.threshold / (1 - self.threshold)

    def per_item(self, case: Case) -> ItemScores:
        """Score every row of the case.

        Raises:
            MetricInputError: a row is no probability distribution, or `positive` is no class.
        """
        table = table_case(self, case)
        column = position_of(self.name, table.case, self.positive, table.class_values)
        check_probabilities(self.name, table)
        acted = table.prediction[:, column].astype(np.float64) >= self.threshold
        worth = np.where(table.true_columns == column, 1.0, -self.threshold / (1 - self.threshold))
        return ItemScores(UNLABELLED, np.where(acted, worth, 0.0)[np.newaxis, :])
