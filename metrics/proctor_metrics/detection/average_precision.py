"""Average precision of detections: COCO's mean over ten IoU, and that at one IoU.

Defined on a whole set: the boxes of all items are put in the order of their scores, and
precision and recall are read after each. The hard part is the replicates. Matching does not
depend on who was drawn, so a replicate is one running sum of weights over that order, and only
the boxes that find something have a precision of interest.
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import BoolArray, Case, FloatArray, MetricInputError, Side
from proctor_metrics.detection.assignment import Assignment
from proctor_metrics.detection.box_metric import (
    ORDER_RULE,
    SHARED_RULES,
    BoxMetric,
    rule_text,
)
from proctor_metrics.detection.closeness import Closeness, Criterion
from proctor_metrics.detection.matching import Matches, MatchRule
from proctor_metrics.detection.pooling import CHUNK_ELEMENTS, ClassAverage, defined_means, pool
from proctor_metrics.metric import UNLABELLED, PooledMetric
from proctor_metrics.parameters import Parameters

_COCO_IOU = tuple(np.linspace(0.5, 0.95, 10).tolist())
_COCO_RECALLS = np.linspace(0, 1, 101)


class Area(StrEnum):
    """Which references count, by their area in square pixels, ends included.

    `all` has no end; COCO's own lies at a square of 1e5 pixels, which in micrometers, or in space,
    is no size at all. `small` is at most 32 x 32, `medium` from there to 96 x 96, `large` from
    there on.
    """

    ALL = "all"
    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


_RANGES = {
    Area.ALL: (0.0, np.inf),
    Area.SMALL: (0.0, 32.0**2),
    Area.MEDIUM: (32.0**2, 96.0**2),
    Area.LARGE: (96.0**2, 1e5**2),
}


class Interpolation(StrEnum):
    """How precision is read from the curve, and who is paired with whom.

    `coco-101`: mean of the precision at 101 recalls, greedy pairs, the 100 best boxes of each
    item and class. `voc-all-points`: area below the curve, a box whose closest reference is
    taken is wrong (Pascal VOC from 2010 on, without its extra pixel on each edge).
    """

    COCO = "coco-101"
    VOC = "voc-all-points"


@dataclass(frozen=True)
class _AveragePrecision(BoxMetric, PooledMetric):
    """What both metrics share: classes with a curve each, and one rule of matching."""

    average: ClassAverage = ClassAverage.MACRO

    @property
    @abstractmethod
    def reading(self) -> Interpolation:
        """Return how the curve is read."""

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for pairs, ties, absent classes and missing cases."""
        macro = self.average is ClassAverage.MACRO
        return (
            self.assignment_rule,
            "A class without a reference is left out of the mean; undefined (NaN) without any."
            if macro
            else "Undefined (NaN) for a class without a reference, and so for the mean.",
            ORDER_RULE,
            *SHARED_RULES,
        )

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the classes, or the one label of their mean."""
        names = self.class_names(case)
        return names if self.average is ClassAverage.PER_CLASS else UNLABELLED

    def replicates(self, cases: Sequence[Case], weights: npt.NDArray[np.integer]) -> FloatArray:
        """Score each weighted resample of all items; see `PooledMetric.replicates`.

        Raises:
            MetricInputError: a case holds no boxes, or others than the rule needs.
            ValueError: there are no cases, or the weights do not fit the items.
        """
        per_class = np.stack(
            [
                _average_precision(curve, weights, self.reading)
                for curve in _curves(pool(self, cases, weights))
            ]
        )
        return per_class if self.average is ClassAverage.PER_CLASS else defined_means(per_class, 0)


@dataclass(frozen=True)
class MeanAveragePrecision(_AveragePrecision):
    """Mean over ten IoU from 0.5 to 0.95 and over classes of the average precision (COCO's AP).

    Boxes of one class are taken by their scores, each pairs with the closest free reference of
    its item; precision is the share of right ones so far, raised to its largest later value, and
    read at 101 recalls from 0 to 1. Of each item and class the `most` best boxes count.
    `area` counts references of a range of area alone, by COCO's limits; unpaired boxes of another
    area are left out. `macro`: mean over the classes that have a reference; `per_class`: a label
    each. Crowds and references to ignore as in COCO: `Role`.
    Input: boxes in 2-D or 3-D with finite scores. Values: float64 of shape (n_labels,), in
    [0, 1], no unit, higher is better. No prediction at all: 0. No reference: NaN. Equal scores
    are taken in the order of items. Source: Lin et al., ECCV 2014 and its program pycocotools,
    which it equals to 1e-12.

    >>> from proctor_metrics.cases import BoxCase, ReferenceBoxes
    >>> there = ReferenceBoxes.of_rows([[0, 1, 0, 0, 10, 10], [0, 1, 20, 20, 30, 30]], 4)
    >>> found = np.array([[0, 1, 0.9, 0, 0, 10, 10], [0, 1, 0.8, 50, 50, 60, 60]])
    >>> case = BoxCase("a", found, there, 1, ("cell",), (1,))
    >>> MeanAveragePrecision().pooled([case]).round(4)
    array([0.505])
    """

    name = "mean_average_precision"
    aliases = ("map",)

    area: Area = Area.ALL
    most: int = 100

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `average`, `area`, and `most`, the boxes of an item and class (100)."""
        return cls(
            average=parameters.choice("average", ClassAverage.MACRO),
            area=parameters.choice("area", Area.ALL),
            most=parameters.integer("most", 100, minimum=1),
            declared_worst=parameters.worst(),
        )

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return (
            f"map.coco.v1;iou=0.5:0.95:0.05;area={self.area};most={self.most}"
            f";average={self.average};edge=v1"
        )

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the classes, or the one label of their mean.

        Raises:
            MetricInputError: a range of area is asked for in space.
        """
        if self.area is not Area.ALL and self.box_case(case).n_axes != 2:
            raise MetricInputError(
                case.case,
                Side.TASK,
                f"area {self.area} is asked for of boxes in 3 axes",
                "COCO's ranges of area are for boxes in the plane",
            )
        return super().labels(case)

    @property
    def rule(self) -> MatchRule:
        """Return ten IoU, greedy pairs, and a range of area."""
        smallest, largest = _RANGES[self.area]
        return MatchRule(
            by=tuple(Closeness(Criterion.IOU, iou) for iou in _COCO_IOU),
            assignment=Assignment.GREEDY,
            most=self.most,
            smallest=smallest,
            largest=largest,
        )

    @property
    def reading(self) -> Interpolation:
        """Return COCO's."""
        return Interpolation.COCO


@dataclass(frozen=True)
class AveragePrecisionAtIou(_AveragePrecision):
    """Mean over classes of the average precision at one IoU: COCO's AP50, or Pascal VOC's.

    As `mean_average_precision`, with the IoU `iou` alone. Where `interpolation` is
    `voc-all-points`, the area below the curve is taken at every recall, and a box looks at its
    closest reference only. Input, classes, empties and direction as there. Source: Everingham et
    al., IJCV 88 (2010) 303 and its development kit of 2012; Lin et al., ECCV 2014.

    >>> from proctor_metrics.cases import BoxCase, ReferenceBoxes
    >>> there = ReferenceBoxes.of_rows([[0, 1, 0, 0, 10, 10], [0, 1, 20, 20, 30, 30]], 4)
    >>> found = np.array([[0, 1, 0.9, 0, 0, 10, 8], [0, 1, 0.8, 0, 0, 10, 9]])
    >>> case = BoxCase("a", found, there, 1, ("cell",), (1,))
    >>> AveragePrecisionAtIou(interpolation=Interpolation.VOC).pooled([case])
    array([0.5])
    """

    name = "average_precision_at_iou"

    iou: float = 0.5
    interpolation: Interpolation = Interpolation.COCO

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `iou` (0.5), `interpolation` and `average`."""
        return cls(
            iou=parameters.number("iou", 0.5, above=0, at_most=1),
            interpolation=parameters.choice("interpolation", Interpolation.COCO),
            average=parameters.choice("average", ClassAverage.MACRO),
            declared_worst=parameters.worst(),
        )

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return f"ap.{self.interpolation}.v1{rule_text(self.rule)};average={self.average};edge=v1"

    @property
    def rule(self) -> MatchRule:
        """Return one IoU, with the pairs of the program that reads the curve so."""
        by = (Closeness(Criterion.IOU, self.iou),)
        if self.interpolation is Interpolation.VOC:
            return MatchRule(by, Assignment.FIRST_CHOICE)
        return MatchRule(by, Assignment.GREEDY, most=100)

    @property
    def reading(self) -> Interpolation:
        """Return what the task chose."""
        return self.interpolation


class _Curve(NamedTuple):
    """The boxes of one class, the best-scored first: item of each, and at every limit its worth."""

    items: npt.NDArray[np.int64]
    hits: npt.NDArray[np.int64]
    wrong: BoolArray
    to_find: npt.NDArray[np.int64]


def _curves(found: Matches) -> Iterator[_Curve]:
    # Stable, so that equal scores stay in the order of items.
    by_score = np.argsort(-found.scores, kind="stable")
    for position in range(found.to_find.shape[1]):
        mine = by_score[found.classes[by_score] == position]
        yield _Curve(
            found.items[mine], found.hits[:, mine], found.wrong[:, mine], found.to_find[:, position]
        )


def _average_precision(
    curve: _Curve, weights: npt.NDArray[np.integer], interpolation: Interpolation
) -> FloatArray:
    """Return the mean over limits in each replicate, float64 of shape (B,)."""
    n_replicates = weights.shape[0]
    values = np.full(n_replicates, np.nan)
    there = np.flatnonzero(curve.to_find)
    step = max(1, CHUNK_ELEMENTS // max(1, curve.items.size))
    for first in range(0, n_replicates, step):
        part = weights[first : first + step]
        # Sums of integers that a float64 holds exactly.
        total = (part[:, there] @ curve.to_find[there]).astype(np.float64)
        drawn = part[:, curve.items].astype(np.float64)
        sums = np.zeros(part.shape[0])
        counted, so_far = None, drawn
        for hits, wrong in zip(curve.hits, curve.wrong, strict=True):
            either = wrong | (hits > 0)
            if counted is None or not np.array_equal(either, counted):
                counted, so_far = either, np.cumsum(drawn * either, axis=1)
            positions = np.flatnonzero(hits)
            if positions.size:
                right = np.cumsum(drawn[:, positions] * hits[positions], axis=1)
                sums += _area(right, so_far[:, positions], total, interpolation)
        mean = sums / len(curve.hits)
        values[first : first + step] = np.where(total > 0, mean, np.nan)
    return values


def _area(
    right: FloatArray, so_far: FloatArray, total: FloatArray, interpolation: Interpolation
) -> FloatArray:
    """Return what lies below the curve: precision raised to its largest later value."""
    precision = np.divide(right, so_far, out=np.zeros(right.shape), where=so_far > 0)
    raised = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    recall = right / np.maximum(total, 1)[:, np.newaxis]
    if interpolation is Interpolation.COCO:
        passed = np.searchsorted(_COCO_RECALLS, recall, side="right") / _COCO_RECALLS.size
    else:
        passed = recall
    return np.asarray((raised * np.diff(passed, axis=1, prepend=0)).sum(axis=1))
