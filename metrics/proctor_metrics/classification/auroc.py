"""Area under the receiver operating characteristic, pooled over all items of a dataset.

It is a statement about pairs of items, so it has no value per item or per case. One sort per
class serves the value and every bootstrap replicate: a replicate is a vector of integer
weights on the sorted items, and all sums are exact integers until the last division.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self, assert_never

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import Case, FloatArray, MetricInputError, Side, TableCase
from proctor_metrics.metric import (
    UNLABELLED,
    CaseType,
    Direction,
    PooledMetric,
)
from proctor_metrics.parameters import Parameters

# Items times replicates handled at once; bounds memory to about 32 MB for each array.
_CHUNK_ELEMENTS = 4_000_000


class Average(StrEnum):
    """How classes are put together."""

    MACRO = "macro"
    PER_CLASS = "per_class"
    BINARY = "binary"


@dataclass(frozen=True)
class Auroc(PooledMetric):
    """Chance that a random item of a class scores above a random other item, ties one half.

    `macro`: one-vs-rest for each column, unweighted mean over the classes. `per_class`: the
    same, one label for each class. `binary`: the column of the class `positive` alone.
    Input: any finite scores, (n_items, n_columns). Values: float64 of shape (n_labels,), in
    [0, 1], no unit, higher is better. Items may carry integer weights (bootstrap).
    A class without items, or with all of them: NaN for that class, and for the macro mean,
    which is over all classes or nothing. Missing cases count at their worst: their items of
    the class score below all others, their other items above all others.
    Source: Hanley & McNeil, Radiology 143 (1982) 29. Checked against scikit-learn.

    >>> from proctor_metrics import TableCase
    >>> scores = np.array([[0.9, 0.1], [0.6, 0.4], [0.65, 0.35], [0.2, 0.8]])
    >>> case = TableCase("a", scores, np.array([0, 0, 1, 1]), ("x", "y"), (0, 1))
    >>> Auroc(average=Average.BINARY, positive=1).pooled([case])
    array([0.75])
    """

    name = "auroc"
    direction = Direction.HIGHER
    case_type = CaseType.TABLE

    average: Average = Average.MACRO
    positive: int | None = None

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `average` and, for `binary`, the class value `positive`."""
        average = parameters.choice("average", Average.MACRO)
        positive = parameters.integer("positive", None) if average is Average.BINARY else None
        return cls(average=average, positive=positive, declared_worst=parameters.worst())

    @property
    def unit(self) -> str:
        """Return no unit."""
        return ""

    @property
    def definition(self) -> str:
        """Return the definition id."""
        which = "" if self.positive is None else f";positive={self.positive}"
        return f"auroc.v1;average={self.average}{which};ties=half;edge=v1"

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for ties, absent classes and missing cases."""
        return (
            "Equal scores count one half.",
            "Undefined (NaN) when a class has no item or has them all.",
            "Items of a missing case are ranked on the wrong side of all others.",
        )

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the classes, or the one label of an average."""
        if self.average is Average.PER_CLASS:
            return _table(case).columns
        return UNLABELLED

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return 0, every pair in the wrong order."""
        return 0.0

    def replicates(self, cases: Sequence[Case], weights: npt.NDArray[np.integer]) -> FloatArray:
        """Score each weighted resample of all items; see `PooledMetric.replicates`.

        Raises:
            MetricInputError: the cases disagree on columns, or `positive` is none of them.
            ValueError: there are no cases, or the weights do not fit the items.
        """
        if not cases:
            raise ValueError("auroc needs at least one case")
        tables = [_table(case) for case in cases]
        _check_same_columns(tables)
        n_items = sum(table.n_items for table in tables)
        if weights.ndim != 2 or weights.shape[1] != n_items:
            raise ValueError(f"weights of shape {weights.shape} do not fit {n_items} items")
        columns = self._columns(tables[0])
        per_class = np.stack([_one_vs_rest(tables, column, weights) for column in columns])
        match self.average:
            case Average.MACRO:
                return np.asarray(per_class.mean(axis=0, keepdims=True))
            case Average.PER_CLASS | Average.BINARY:
                return per_class
            case _ as unreachable:
                assert_never(unreachable)

    def _columns(self, table: TableCase) -> Sequence[int]:
        if self.positive is None:
            return range(len(table.columns))
        if self.positive not in table.class_values:
            raise MetricInputError(
                table.case,
                Side.TASK,
                f"the positive class of auroc is {self.positive}",
                f"it must be one of {list(table.class_values)}",
            )
        return (table.class_values.index(self.positive),)


def _table(case: Case) -> TableCase:
    if isinstance(case, TableCase):
        return case
    raise MetricInputError(
        case.case, Side.TASK, "the case holds no class scores", "auroc is computed from tables"
    )


def _check_same_columns(tables: Sequence[TableCase]) -> None:
    for table in tables:
        if table.class_values != tables[0].class_values:
            raise MetricInputError(
                table.case,
                Side.TASK,
                f"the columns are of the classes {table.class_values}",
                f"those of case {tables[0].case!r} are of {tables[0].class_values}",
            )


def _one_vs_rest(
    tables: Sequence[TableCase], column: int, weights: npt.NDArray[np.integer]
) -> FloatArray:
    """Return the area for one class in each replicate, float64 of shape (B,)."""
    positive = np.concatenate([table.true_columns == column for table in tables])
    scores = np.concatenate([table.prediction[:, column] for table in tables])
    lost = np.concatenate([np.full(table.n_items, table.lost) for table in tables])
    scores = np.where(lost, np.where(positive, -np.inf, np.inf), scores)

    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    # First item of each run of equal scores.
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    is_positive = positive[order]

    n_replicates = weights.shape[0]
    areas = np.empty(n_replicates, dtype=np.float64)
    step = max(1, _CHUNK_ELEMENTS // max(1, order.size))
    for first in range(0, n_replicates, step):
        chunk = slice(first, first + step)
        areas[chunk] = _areas(weights[chunk][:, order].astype(np.int64), is_positive, starts)
    return areas


def _areas(
    weights: npt.NDArray[np.int64],
    is_positive: npt.NDArray[np.bool_],
    starts: npt.NDArray[np.intp],
) -> FloatArray:
    positive = np.add.reduceat(weights * is_positive, starts, axis=1)
    negative = np.add.reduceat(weights * ~is_positive, starts, axis=1)
    # Twice the negatives below each run, plus those inside it, which count one half.
    below = 2 * np.cumsum(negative, axis=1) - negative
    twice_won = np.sum(positive * below, axis=1)
    twice_pairs = 2 * positive.sum(axis=1) * negative.sum(axis=1)
    areas = np.full(weights.shape[0], np.nan)
    np.divide(twice_won, twice_pairs, out=areas, where=twice_pairs > 0)
    return areas
