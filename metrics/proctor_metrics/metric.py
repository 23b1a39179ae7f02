"""What every metric offers, whatever it measures.

A metric is a value: built once from its parameters by the registry, frozen, without state.
Two kinds exist. A `PerItemMetric` gives one number for each item, so means, ranks and
bootstraps are made from its numbers alone. A `PooledMetric` is defined on a set of items
only and makes its own replicates. A metric knows no task, no file and no submission.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import (
    BoolArray,
    Case,
    FloatArray,
    IntArray,
    MaskCase,
    MetricInputError,
    Side,
    TableCase,
)
from proctor_metrics.parameters import Parameters

UNLABELLED = ("all",)


class Kind(StrEnum):
    """How a metric comes to its number."""

    PER_ITEM = "per_item"
    POOLED = "pooled"


class Direction(StrEnum):
    """Which end of the scale is better."""

    HIGHER = "higher"
    LOWER = "lower"


class CaseType(StrEnum):
    """Which cases a metric takes.

    `classes` are lists of classes or tables of class scores, `objects` maps of instances or masks.
    """

    MASK = "mask"
    TABLE = "table"
    CLASSES = "classes"
    VALUES = "values"
    TEXT = "text"
    BOXES = "boxes"
    SURVIVAL = "survival"
    MULTILABEL = "multilabel"
    GIVEN = "given"
    INSTANCES = "instances"
    OBJECTS = "objects"
    IMAGE = "image"


@dataclass(frozen=True, eq=False)
class ItemScores:
    """The scores of one case, in columns.

    Attributes:
        labels: names of the labels, `("all",)` for a metric without labels.
        values: float64 of shape (n_labels, n_items).
        flags: name of a flag to booleans of the shape of `values`; a flag that is nowhere
            raised may be absent. Used: `both_empty`, `prediction_empty`, `reference_empty`,
            `undefined` (the value is NaN), `tied`.
    """

    labels: tuple[str, ...]
    values: FloatArray
    flags: Mapping[str, BoolArray] = field(default_factory=dict)


@dataclass(frozen=True)
class Metric(ABC):
    """One metric with all its parameters fixed.

    Attributes:
        name: what the registry knows it by.
        aliases: other names that the registry takes for it.
        kind: per item or pooled.
        direction: which end is better.
        unit: unit of the values, empty for a ratio.
        case_type: which cases it takes.
        mean_over_labels: whether a mean over its labels means something.
        declared_worst: the worst value that the task declares, or None.
    """

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    kind: ClassVar[Kind]
    direction: ClassVar[Direction]
    case_type: ClassVar[CaseType]
    mean_over_labels: ClassVar[bool] = True

    declared_worst: float | None = field(default=None, kw_only=True)

    @classmethod
    @abstractmethod
    def build(cls, parameters: Parameters) -> Self:
        """Build the metric from what a task says of it.

        Raises:
            MetricParameterError: a parameter is missing or out of range.
        """

    @property
    def unit(self) -> str:
        """Return the unit of the values, empty for a number without one."""
        return ""

    @property
    @abstractmethod
    def definition(self) -> str:
        """Return the definition without the declared worst value."""

    @property
    def definition_id(self) -> str:
        """Return a stable string that holds everything that can change a score."""
        if self.declared_worst is None:
            return self.definition
        return f"{self.definition};worst={number_text(self.declared_worst)}"

    @property
    @abstractmethod
    def edge_rules(self) -> tuple[str, ...]:
        """Return short sentences for the board: empties, ties, undefined values."""

    @abstractmethod
    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the labels that this metric gives values for on such a case."""

    def can_rank(self, label: str) -> bool:
        """Tell whether values of this label are in order: a signed one is best in the middle."""
        return True

    @property
    def can_be_undefined(self) -> bool:
        """Tell whether an answered case may have no value, so that it cannot be ranked in it."""
        return False

    @abstractmethod
    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return the worst value where the task declares none."""

    def worst(self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]) -> float:
        """Return the value that every label and item of a missing case takes.

        Args:
            reference_shape: shape of the reference array.
            spacing_mm: spacing of the reference; empty for tables.
        """
        if self.declared_worst is not None:
            return self.declared_worst
        return self.natural_worst(reference_shape, spacing_mm)


class PerItemMetric(Metric):
    """A metric that gives one number for each item."""

    kind = Kind.PER_ITEM

    @abstractmethod
    def per_item(self, case: Case) -> ItemScores:
        """Score every item of a case.

        Raises:
            MetricInputError: the case is of the wrong type or breaks a rule of the metric.
        """


class PooledMetric(Metric):
    """A metric that is defined on a set of items."""

    kind = Kind.POOLED

    @abstractmethod
    def replicates(self, cases: Sequence[Case], weights: npt.NDArray[np.integer]) -> FloatArray:
        """Score each weighted resample.

        Args:
            cases: cases in the order of the dataset; lost ones by `TableCase.missing`.
            weights: integers of shape (B, n_items) over the items of all cases in order.

        Returns:
            float64 of shape (n_labels, B); NaN where the metric is undefined.
        """

    def compact(self, case: Case) -> Case:
        """Return what of a case `replicates` needs, so that not all of it has to be kept."""
        return case

    def pooled(self, cases: Sequence[Case], weights: IntArray | None = None) -> FloatArray:
        """Score all items of all cases at once.

        Args:
            cases: cases in the order of the dataset; lost ones by `TableCase.missing`.
            weights: integers of shape (n_items,); each item counts once where there are none.

        Returns:
            float64 of shape (n_labels,); NaN where the metric is undefined.
        """
        if weights is None:
            weights = np.ones(sum(case.n_items for case in cases), dtype=np.int64)
        return self.replicates(cases, weights[np.newaxis, :])[:, 0]


def mask_case(metric: Metric, case: Case) -> MaskCase:
    """Return the case as a mask case.

    Raises:
        MetricInputError: it is another kind of case.
    """
    if isinstance(case, MaskCase):
        return case
    raise MetricInputError(
        case.case, Side.TASK, "the case holds no masks", f"{metric.name} is computed from masks"
    )


def table_case(metric: Metric, case: Case) -> TableCase:
    """Return the case as a table case that was answered.

    Raises:
        MetricInputError: it is another kind of case, or a lost one.
    """
    if not isinstance(case, TableCase):
        raise MetricInputError(
            case.case,
            Side.TASK,
            "the case holds no class scores",
            f"{metric.name} is computed from tables",
        )
    if case.lost:
        raise MetricInputError(
            case.case,
            Side.PREDICTION,
            "the case was not answered",
            "a missing case takes the worst value",
        )
    return case


def number_text(value: float) -> str:
    """Write a number in the one form used in definition ids.

    >>> number_text(95.0), number_text(0.5), number_text(1e-15)
    ('95', '0.5', '1e-15')
    """
    if math.isfinite(value) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return repr(float(value))
