"""Logarithmic loss of predicted class probabilities."""

from dataclasses import dataclass
from math import log
from typing import Self

import numpy as np

from proctor_metrics.cases import Case
from proctor_metrics.classification.probabilities import (
    ROW_SUM_RULE,
    SUM_TOLERANCE,
    check_probabilities,
)
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
class LogLoss(PerItemMetric):
    """Negative log-likelihood of each item's class: -ln(max(p_true, eps)), capped below at 0.

    Input: probabilities in [0, 1], (n_items, n_columns), each row summing to 1 within 1e-3
    (room for rounded text); anything else is refused. Values: float64 of shape (1, n_items),
    in nats, from 0 to -ln(eps), lower is better. NaN cannot occur.
    Source: Good, J. R. Stat. Soc. B 14 (1952) 107. Checked against scikit-learn.

    >>> from proctor_metrics import TableCase
    >>> case = TableCase("a", np.array([[0.25, 0.75]]), np.array([0]), ("x", "y"), (0, 1))
    >>> LogLoss().per_item(case).values.round(6)
    array([[1.386294]])
    """

    name = "log_loss"
    direction = Direction.LOWER
    case_type = CaseType.TABLE

    eps: float = 1e-15

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `eps`, the floor under a probability."""
        return cls(
            eps=parameters.number("eps", 1e-15, above=0.0, at_most=0.1),
            declared_worst=parameters.worst(),
        )

    @property
    def unit(self) -> str:
        """Return the unit of a natural logarithm."""
        return "nats"

    @property
    def definition(self) -> str:
        """Return the definition id."""
        eps, tolerance = number_text(self.eps), number_text(SUM_TOLERANCE)
        return f"log_loss.v1;eps={eps};row_sum={tolerance}"

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for zero probabilities and for row sums."""
        return (
            f"A probability below {number_text(self.eps)} counts as that much.",
            ROW_SUM_RULE,
        )

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the one label of an unlabelled metric."""
        return UNLABELLED

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return -ln(eps), the loss of a certain miss."""
        return -log(self.eps)

    def per_item(self, case: Case) -> ItemScores:
        """Score every row of the case.

        Raises:
            MetricInputError: a row is no probability distribution.
        """
        table = table_case(self, case)
        check_probabilities(self.name, table)
        said = table.prediction[np.arange(table.n_items), table.true_columns].astype(np.float64)
        probabilities = np.clip(said, self.eps, 1.0)
        # Adding zero turns the -0.0 of a certain hit into 0.0.
        return ItemScores(UNLABELLED, -np.log(probabilities)[np.newaxis, :] + 0.0)
