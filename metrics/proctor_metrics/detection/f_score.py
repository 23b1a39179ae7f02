"""F-score of detections at one limit of closeness: over a whole set, or of each item.

What counts are integers, right, wrong and overlooked boxes of each item and class, so that any
sum of items is exact and a bootstrap is one matrix product.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import Case, FloatArray
from proctor_metrics.detection.assignment import Assignment
from proctor_metrics.detection.box_metric import (
    SHARED_RULES,
    BoxMetric,
    read_closeness,
    rule_text,
)
from proctor_metrics.detection.closeness import Closeness, Criterion
from proctor_metrics.detection.matching import Matches, MatchRule, matches
from proctor_metrics.detection.pooling import defined_means, pool
from proctor_metrics.metric import (
    UNLABELLED,
    ItemScores,
    PerItemMetric,
    PooledMetric,
    number_text,
)
from proctor_metrics.parameters import Parameters

_HALF_IOU = Closeness(Criterion.IOU, 0.5)


class Average(StrEnum):
    """How classes are put together."""

    MICRO = "micro"
    MACRO = "macro"
    PER_CLASS = "per_class"


class _Counts(NamedTuple):
    """Boxes of each item and class: float64 of shape (n_items, n_classes)."""

    right: FloatArray
    wrong: FloatArray
    overlooked: FloatArray


@dataclass(frozen=True)
class _FScore(BoxMetric):
    """What the pooled metric and that of each item share."""

    beta: float = 1.0
    by: Closeness = _HALF_IOU
    assignment: Assignment = Assignment.GREEDY
    least_score: float | None = None
    average: Average = Average.MICRO

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `beta` (1), `match`, `iou` (0.5), `distance`, `assignment`, `least_score`, \
`average`."""
        return cls(
            beta=parameters.number("beta", 1.0, above=0, at_most=100),
            by=read_closeness(parameters, Criterion.IOU),
            assignment=parameters.choice("assignment", Assignment.GREEDY),
            least_score=parameters.optional_number("least_score", above=-1e9, at_most=1e9),
            average=parameters.choice("average", Average.MICRO),
            declared_worst=parameters.worst(),
        )

    @property
    def rule(self) -> MatchRule:
        """Return what decides about pairs."""
        return MatchRule((self.by,), self.assignment, least_score=self.least_score)

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return (
            f"{self.name}.v1;beta={number_text(self.beta)}{rule_text(self.rule)}"
            f";average={self.average};edge=v1"
        )

    @property
    @abstractmethod
    def _empty_rule(self) -> str:
        """Return the sentence about nothing to find and nothing found."""

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for pairs, empties, ties and missing cases."""
        return (self.assignment_rule, self._empty_rule, *SHARED_RULES)

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the classes, or the one label of an average."""
        names = self.class_names(case)
        return names if self.average is Average.PER_CLASS else UNLABELLED

    def _scores(self, counts: _Counts) -> FloatArray:
        """Return float64 of shape (n, n_labels) from counts of shape (n, n_classes)."""
        if self.average is Average.MICRO:
            counts = _Counts(*(part.sum(axis=1, keepdims=True) for part in counts))
        square = self.beta**2
        right = (1 + square) * counts.right
        total = right + counts.wrong + square * counts.overlooked
        scores = np.divide(right, total, out=np.full(right.shape, np.nan), where=total > 0)
        return defined_means(scores, 1) if self.average is Average.MACRO else np.asarray(scores)


@dataclass(frozen=True)
class DetectionFScore(_FScore, PooledMetric):
    """F-score of all boxes of a set: (1 + b2) TP / ((1 + b2) TP + FP + b2 FN), b2 = beta squared.

    A box is right (TP) if it is paired with a reference of its item and class, else wrong (FP);
    a reference without a pair is overlooked (FN). Pairs are made by `match` (`iou` from 0.5 on,
    `center_distance` up to `distance` in the units of the places, within the reference's
    `radius`, or `inside` its box) and `assignment`. Boxes scored below `least_score` are left
    out. `micro`: all classes in one count; `macro`: mean over the classes that have a box on
    either side; `per_class`: a label each.
    Input: boxes or points in 2-D or 3-D. Values: float64 of shape (n_labels,), in [0, 1], no
    unit, higher is better. Nothing to find and nothing found: NaN. One of the two: 0.
    Source: Maier-Hein, Reinke et al., Nature Methods 21 (2024) 195, "F-beta score" of object
    detection. Checked against a count of every pair.

    >>> from proctor_metrics.cases import BoxCase, ReferenceBoxes
    >>> there = ReferenceBoxes.of_rows([[0, 1, 0, 0, 10, 10], [0, 1, 20, 20, 30, 30]], 4)
    >>> found = np.array([[0, 1, 0.9, 0, 0, 10, 8], [0, 1, 0.8, 50, 50, 60, 60]])
    >>> DetectionFScore().pooled([BoxCase("a", found, there, 1, ("cell",), (1,))])
    array([0.5])
    """

    name = "detection_f_score"

    @property
    def _empty_rule(self) -> str:
        return "Undefined (NaN) where nothing is to be found and nothing is found; else 0."

    def replicates(self, cases: Sequence[Case], weights: npt.NDArray[np.integer]) -> FloatArray:
        """Score each weighted resample of all items; see `PooledMetric.replicates`.

        Raises:
            MetricInputError: a case holds no boxes, or others than the rule needs.
            ValueError: there are no cases, or the weights do not fit the items.
        """
        counts = _counts(pool(self, cases, weights))
        # Sums of integers that a float64 holds exactly.
        drawn = weights.astype(np.float64)
        return np.ascontiguousarray(self._scores(_Counts(*(drawn @ part for part in counts))).T)


@dataclass(frozen=True)
class ItemDetectionFScore(_FScore, PerItemMetric):
    """F-score of the boxes of each item; its mean weighs every item alike, however full it is.

    As `detection_f_score`, counted in each item by itself. Values: float64 of shape
    (n_labels, n_items), in [0, 1], no unit, higher is better. Nothing to find and nothing found:
    1, flagged `both_empty`. Nothing to find, but something found, or the reverse: 0, flagged.
    `macro`: mean over the classes that have a box on either side in that item.

    >>> from proctor_metrics.cases import BoxCase, ReferenceBoxes
    >>> there = ReferenceBoxes.of_rows([[0, 1, 0, 0, 10, 10]], 4)
    >>> found = np.array([[0, 1, 0.9, 0, 0, 10, 8], [2, 1, 0.8, 50, 50, 60, 60]])
    >>> ItemDetectionFScore().per_item(BoxCase("a", found, there, 3, ("cell",), (1,))).values
    array([[1., 1., 0.]])
    """

    name = "item_detection_f_score"

    @property
    def _empty_rule(self) -> str:
        return "1 where nothing is to be found and nothing is found; else 0 where either is so."

    def per_item(self, case: Case) -> ItemScores:
        """Score every item; see `PerItemMetric.per_item`."""
        counts = _counts(matches(self.box_case(case), self.rule))
        scores = self._scores(counts).T
        flags = {}
        if self.average is not Average.PER_CLASS:
            counts = _Counts(*(part.sum(axis=1, keepdims=True) for part in counts))
        found = (counts.right + counts.wrong > 0).T
        there = (counts.right + counts.overlooked > 0).T
        flags = {
            "both_empty": ~found & ~there,
            "prediction_empty": ~found & there,
            "reference_empty": found & ~there,
        }
        return ItemScores(self.labels(case), np.where(np.isnan(scores), 1.0, scores), flags)


def _counts(found: Matches) -> _Counts:
    """Count the boxes of each item and class."""
    n_items, n_classes = found.to_find.shape
    groups = found.items * n_classes + found.classes

    def count(amounts: npt.NDArray[np.generic]) -> FloatArray:
        sums = np.bincount(groups, weights=amounts, minlength=n_items * n_classes)
        return np.asarray(sums, dtype=np.float64).reshape(n_items, n_classes)

    right = count(found.hits[0])
    return _Counts(right, count(found.wrong[0]), found.to_find - right)
