"""Panoptic quality: how many objects are found, times how well those are that are.

Of a whole set, as it was defined, or of each case, where every case is to weigh alike.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import numpy as np

from proctor_metrics.cases import FloatArray
from proctor_metrics.instances.object_metric import (
    Counts,
    ItemObjectMetric,
    PooledObjectMetric,
)
from proctor_metrics.instances.objects import Components
from proctor_metrics.instances.pairing import ObjectRule
from proctor_metrics.parameters import Parameters


class Part(StrEnum):
    """What is scored: the quality, or one of the two that it is the product of.

    `pq`: panoptic quality. `sq`: segmentation quality, the mean IoU of the pairs. `rq`:
    recognition quality, the F1 of the objects.
    """

    PQ = "pq"
    SQ = "sq"
    RQ = "rq"


@dataclass(frozen=True)
class PanopticQuality(PooledObjectMetric):
    """Panoptic quality of each class over a set: sum of IoU / (TP + FP / 2 + FN / 2).

    TP are pairs of a predicted object and one of the reference, FP and FN objects without a
    pair; the sum is over the pairs. It is SQ (sum of IoU / TP) times RQ (TP / (TP + FP / 2 +
    FN / 2)); `part` takes one of the three. An IoU above 0.5 makes a pair, or what `match` says.
    Values: float64 of shape (n_classes,), in [0, 1], no unit, higher is better. A class without
    any object: NaN. Objects on one side only, or no pair: 0.
    Source: Kirillov et al., Panoptic Segmentation, CVPR 2019, 9404. Checked against a count of
    every two objects.

    >>> from proctor_metrics.cases import InstanceCase
    >>> predicted, true = np.array([[1, 1, 1, 0, 5]]), np.array([[7, 7, 7, 7, 0]])
    >>> case = InstanceCase("a", predicted, true, (1.0, 1.0), {1: "cell"})
    >>> PanopticQuality().pooled([case])
    array([0.5])
    """

    name = "panoptic_quality"

    part: Part = Part.PQ

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `part`, `match`, `iou` (0.5) and `distance_mm`."""
        return cls(
            part=parameters.choice("part", Part.PQ),
            rule=ObjectRule.read(parameters),
            declared_worst=parameters.worst(),
        )

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return f"pq.v1;part={self.part};{self.rule.text};edge=v1"

    def _score(self, counts: Counts) -> FloatArray:
        return _quality(counts, self.part)


@dataclass(frozen=True)
class ItemPanopticQuality(ItemObjectMetric):
    """Panoptic quality of each class of each case; its mean weighs every case alike.

    As `panoptic_quality`, counted in each case by itself. A mask is cut into its connected
    `components`, by each label or region. Values: float64 of shape (n_classes, 1), in [0, 1], no
    unit, higher is better. No object on either side: 1, flagged `both_empty`. Objects on one
    side only: 0, flagged.
    Source: Kirillov et al., CVPR 2019, 9404; Maier-Hein et al., Nature Methods 21 (2024), `pq`.

    >>> from proctor_metrics import MaskCase
    >>> predicted, true = np.array([[1, 1, 1, 0, 1]]), np.array([[1, 1, 1, 1, 0]])
    >>> case = MaskCase("a", predicted, true, (1.0, 1.0), {1: "lesion"})
    >>> ItemPanopticQuality(components=Components.FACES).per_item(case).values
    array([[0.5]])
    """

    name = "item_panoptic_quality"

    part: Part = Part.PQ

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `part`, `match`, `iou` (0.5), `distance_mm` and `components`."""
        return cls(
            part=parameters.choice("part", Part.PQ),
            rule=ObjectRule.read(parameters),
            components=parameters.choice("components", Components.FACES_EDGES_CORNERS),
            declared_worst=parameters.worst(),
        )

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return f"item_pq.v1;part={self.part};{self._shared_text};edge=v1"

    def _score(self, counts: Counts) -> FloatArray:
        return _quality(counts, self.part)


def _quality(counts: Counts, part: Part) -> FloatArray:
    objects = counts.paired + (counts.wrong + counts.overlooked) / 2
    match part:
        case Part.PQ:
            above, below = counts.iou_sum, objects
        case Part.RQ:
            above, below = counts.paired, objects
        case Part.SQ:
            above, below = counts.iou_sum, counts.paired
    scores = np.where(objects > 0, 0.0, np.nan)
    np.divide(above, below, out=scores, where=below > 0)
    return scores
