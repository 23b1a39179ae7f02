"""Area under the receiver operating characteristic, pooled over all items of a dataset.

It is a statement about pairs of items, so it has no value per item or per case.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import permutations
from typing import Self, assert_never

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import Case, FloatArray, TableCase
from proctor_metrics.classification.scored_items import (
    check_weights,
    position_of,
    roc_areas,
    scored_items,
    table_of,
    tables_of,
)
from proctor_metrics.metric import (
    UNLABELLED,
    CaseType,
    Direction,
    PooledMetric,
)
from proctor_metrics.parameters import Parameters


class Average(StrEnum):
    """How classes are put together."""

    MACRO = "macro"
    PER_CLASS = "per_class"
    BINARY = "binary"
    ONE_VS_ONE = "one_vs_one"


@dataclass(frozen=True)
class Auroc(PooledMetric):
    """Chance that a random item of a class scores above a random other item, ties one half.

    `macro`: one-vs-rest for each column, unweighted mean over the classes. `per_class`: the
    same, one label for each class. `binary`: the column of the class `positive` alone.
    `one_vs_one`: the unweighted mean over all ordered pairs of classes of the chance that an item
    of the first scores higher, in the first's column, than one of the second; unlike `macro` it
    does not depend on how common the classes are.
    Input: any finite scores, (n_items, n_columns). Values: float64 of shape (n_labels,), in
    [0, 1], no unit, higher is better. Items may carry integer weights (bootstrap); all scores
    equal: 0.5. A class without items, or with all of them: NaN for that class, and for a mean,
    which is over all classes or nothing. Missing cases count at their worst: their items of
    the class score below all others, their other items above all others.
    Source: Hanley & McNeil, Radiology 143 (1982) 29; one-vs-one: Hand & Till, Machine Learning
    45 (2001) 171. Checked against scikit-learn. A closed-form interval beside the bootstrap's is
    in `proctor_metrics.classification.delong`.

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
        table = table_of(self.name, case)
        if self.average is Average.BINARY:
            position_of(self.name, table.case, self.positive, table.class_values)
        return table.columns if self.average is Average.PER_CLASS else UNLABELLED

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
        tables = tables_of(self.name, cases)
        check_weights(weights, sum(table.n_items for table in tables))
        match self.average:
            case Average.MACRO:
                return _mean(_one_vs_rest(tables, range(len(tables[0].columns)), weights))
            case Average.PER_CLASS:
                return np.stack(list(_one_vs_rest(tables, range(len(tables[0].columns)), weights)))
            case Average.BINARY:
                first = tables[0]
                column = position_of(self.name, first.case, self.positive, first.class_values)
                return np.stack(list(_one_vs_rest(tables, (column,), weights)))
            case Average.ONE_VS_ONE:
                return _mean(_one_vs_one(tables, weights))
            case _ as unreachable:
                assert_never(unreachable)


def _one_vs_rest(
    tables: Sequence[TableCase], columns: Sequence[int], weights: npt.NDArray[np.integer]
) -> Iterator[FloatArray]:
    for column in columns:
        items = scored_items(tables, column)
        positive, negative = np.flatnonzero(items.positive), np.flatnonzero(~items.positive)
        yield roc_areas(items.scores, positive, negative, weights)


def _one_vs_one(
    tables: Sequence[TableCase], weights: npt.NDArray[np.integer]
) -> Iterator[FloatArray]:
    n_classes = len(tables[0].columns)
    scored = [scored_items(tables, column) for column in range(n_classes)]
    members = [np.flatnonzero(items.positive) for items in scored]
    for one, other in permutations(range(n_classes), 2):
        yield roc_areas(scored[one].scores, members[one], members[other], weights)


def _mean(areas: Iterator[FloatArray]) -> FloatArray:
    """Return the mean over classes or pairs, float64 of shape (1, B)."""
    found = list(areas)
    return np.mean(found, axis=0, keepdims=True) if found else np.full((1, 1), np.nan)
