"""Average precision: the area under the precision-recall curve in its step form.

Joining the points of that curve by straight lines promises precision that no threshold has
(Davis & Goadrich, ICML 2006), so it is summed in steps, never by trapezoids.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self, assert_never

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import Case, FloatArray
from proctor_metrics.classification.scored_items import (
    average_precisions,
    check_weights,
    position_of,
    scored_items,
    table_of,
    tables_of,
)
from proctor_metrics.metric import UNLABELLED, CaseType, Direction, PooledMetric
from proctor_metrics.parameters import Parameters


class PrecisionAverage(StrEnum):
    """How classes are put together."""

    MACRO = "macro"
    PER_CLASS = "per_class"
    BINARY = "binary"


@dataclass(frozen=True)
class AveragePrecision(PooledMetric):
    """Precision averaged over the steps of recall: the sum of (R_n - R_(n-1)) P_n.

    R_n and P_n are recall and precision of "score at least s_n" for each distinct score s_n of a
    class's column, from the highest down; items of equal scores make one step. `macro`: each
    column against the rest, unweighted mean over the classes. `per_class`: the same, one label for
    each class. `binary`: the column of the class `positive` alone.
    Input: any finite scores, (n_items, n_columns). Values: float64 of shape (n_labels,), in
    [0, 1], no unit, higher is better; constant scores get the share of the class. A class without
    items, or with all of them: NaN for that class, and for the macro mean, which is over all
    classes or nothing. Missing cases count at their worst: their items of the class are never
    found, their other items score above all others; no answer is worse than that.
    Source: Maier-Hein et al., Metrics Reloaded, Nature Methods 21 (2024), `ap`. Checked against
    scikit-learn's `average_precision_score`, which gives 1 where a class has all items and 0 where
    it has none.

    >>> from proctor_metrics import TableCase
    >>> scores = np.array([[0.9, 0.1], [0.6, 0.4], [0.65, 0.35], [0.2, 0.8]])
    >>> case = TableCase("a", scores, np.array([0, 0, 1, 1]), ("x", "y"), (0, 1))
    >>> AveragePrecision(average=PrecisionAverage.BINARY, positive=1).pooled([case]).round(6)
    array([0.833333])
    """

    name = "average_precision"
    direction = Direction.HIGHER
    case_type = CaseType.TABLE

    average: PrecisionAverage = PrecisionAverage.MACRO
    positive: int | None = None

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `average` and, for `binary`, the class value `positive`."""
        average = parameters.choice("average", PrecisionAverage.MACRO)
        binary = average is PrecisionAverage.BINARY
        positive = parameters.integer("positive", None) if binary else None
        return cls(average=average, positive=positive, declared_worst=parameters.worst())

    @property
    def definition(self) -> str:
        """Return the definition id."""
        which = "" if self.positive is None else f";positive={self.positive}"
        return f"ap.v1;form=step;average={self.average}{which};ties=together;edge=v1"

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for ties, absent classes and missing cases."""
        return (
            "Items of equal scores are found together, in one step.",
            "Undefined (NaN) when a class has no item or has them all.",
            "Of a missing case items of the class are never found, others score above all.",
        )

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the classes, or the one label of an average."""
        table = table_of(self.name, case)
        if self.average is PrecisionAverage.BINARY:
            position_of(self.name, table.case, self.positive, table.class_values)
        return table.columns if self.average is PrecisionAverage.PER_CLASS else UNLABELLED

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return 0, no positive item found."""
        return 0.0

    def replicates(self, cases: Sequence[Case], weights: npt.NDArray[np.integer]) -> FloatArray:
        """Score each weighted resample of all items; see `PooledMetric.replicates`.

        Raises:
            MetricInputError: the cases disagree on columns, or `positive` is none of them.
            ValueError: there are no cases, or the weights do not fit the items.
        """
        tables = tables_of(self.name, cases)
        first = tables[0]
        check_weights(weights, sum(table.n_items for table in tables))
        columns: Sequence[int] = range(len(first.columns))
        if self.average is PrecisionAverage.BINARY:
            columns = (position_of(self.name, first.case, self.positive, first.class_values),)
        found = np.stack(
            [average_precisions(scored_items(tables, column), weights) for column in columns]
        )
        match self.average:
            case PrecisionAverage.MACRO:
                return np.asarray(found.mean(axis=0, keepdims=True))
            case PrecisionAverage.PER_CLASS | PrecisionAverage.BINARY:
                return found
            case _ as unreachable:
                assert_never(unreachable)
