"""What the answers cost, against the best answer that never looks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from proctor_metrics.cases import (
    UNANSWERED,
    Case,
    FloatArray,
    LabelCase,
    MetricInputError,
    Side,
)
from proctor_metrics.classification.averages import TIES_RULE, AnswersMetric, quotient
from proctor_metrics.classification.class_counts import (
    as_labels,
    check_same_classes,
    membership,
    weighted_sums,
)
from proctor_metrics.classification.scored_items import check_weights
from proctor_metrics.metric import UNLABELLED, Direction, number_text
from proctor_metrics.parameters import Parameters


@dataclass(frozen=True)
class ExpectedCost(AnswersMetric):
    """Mean cost of the answers over that of the best answer that never looks at an item.

    The sum of C(i, j) over the items, of class i and answered with j, divided by the smallest sum
    that any one answer for every item has. `costs` is C, a row for each class and a column for each
    answer in ascending order of the class values; without it a wrong answer costs 1.
    Input: classes, or class scores (n_items, n_columns). Values: float64 of shape (1,), from 0
    without upper bound, no unit, lower is better; 1 is worth nothing. NaN where one answer for
    every item costs nothing, as where the reference holds a single class. An item of a missing
    case costs the most there is for its class.
    Source: Ferrer, arXiv 2209.05355; Maier-Hein et al., Metrics Reloaded, Nature Methods 21 (2024),
    `ec`. Checked against the confusion matrix of scikit-learn.

    >>> from proctor_metrics import LabelCase
    >>> answered, true = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1])
    >>> case = LabelCase("a", answered, true, ("x", "y"), (0, 1))
    >>> ExpectedCost().pooled([case])
    array([0.5])
    >>> ExpectedCost(costs=((0.0, 1.0), (5.0, 0.0))).pooled([case])
    array([2.5])
    """

    name = "expected_cost"
    direction = Direction.LOWER

    costs: tuple[tuple[float, ...], ...] | None = None

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `costs`, a row for each class and a column for each answer."""
        costs = parameters.square_matrix("costs")
        if costs is not None and any(costs[index][index] for index in range(len(costs))):
            raise parameters.error("costs", "must have zeros on its diagonal: a right answer")
        return cls(costs=costs, declared_worst=parameters.worst())

    @property
    def definition(self) -> str:
        """Return the definition id."""
        rows = [",".join(number_text(cell) for cell in row) for row in self.costs or ()]
        costs = "/".join(rows) if rows else "equal"
        return f"ec.v1;costs={costs};norm=best_constant;ties=first;edge=v1"

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for single classes, ties and missing cases."""
        return (
            "Undefined (NaN) where one answer for every item costs nothing.",
            TIES_RULE,
            "An item of a missing case costs the most there is for its class.",
        )

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the one label of an unlabelled metric."""
        self._matrix(as_labels(self.name, case))
        return UNLABELLED

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return infinity: the best constant answer may cost next to nothing."""
        return float("inf")

    def replicates(self, cases: Sequence[Case], weights: npt.NDArray[np.integer]) -> FloatArray:
        """Score each weighted resample of all items; see `PooledMetric.replicates`.

        Raises:
            MetricInputError: a case holds no classes, the cases disagree on them, or the costs are
                of another number of classes.
            ValueError: there are no cases, or the weights do not fit the items.
        """
        labelled = [as_labels(self.name, case) for case in cases]
        check_same_classes(labelled)
        check_weights(weights, sum(case.n_items for case in labelled))
        costs = self._matrix(labelled[0])
        true = np.concatenate([case.true_classes for case in labelled])
        answered = np.concatenate([case.predicted_classes for case in labelled])
        lost = answered == UNANSWERED
        by_item = np.where(lost, costs.max(axis=1)[true], costs[true, np.where(lost, 0, answered)])
        members = sparse.vstack(
            [
                membership(true, np.arange(true.size), len(costs), true.size),
                sparse.csr_array(by_item[np.newaxis, :]),
            ],
            format="csr",
        )
        sums = weighted_sums(members, weights)
        best_constant = (sums[:, :-1] @ costs).min(axis=1)
        return quotient(sums[:, -1], best_constant)[np.newaxis, :]

    def _matrix(self, case: LabelCase) -> FloatArray:
        """Return the costs in the order of the case's classes."""
        n_classes = len(case.classes)
        if self.costs is None:
            return 1 - np.eye(n_classes)
        if len(self.costs) != n_classes:
            raise MetricInputError(
                case.case,
                Side.TASK,
                f"the costs are of {len(self.costs)} classes",
                f"the task has {n_classes}: {list(case.classes)}",
            )
        places = np.argsort(np.argsort(case.class_values))
        return np.asarray(self.costs)[np.ix_(places, places)]
