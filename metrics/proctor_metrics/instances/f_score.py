"""F-score of objects: how many are found, and how many of what is found are there."""

from dataclasses import dataclass
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
from proctor_metrics.metric import number_text
from proctor_metrics.parameters import Parameters


@dataclass(frozen=True)
class InstanceFScore(PooledObjectMetric):
    """F-score of the objects of each class over a set, by `beta`.

    (1 + b2) TP / ((1 + b2) TP + FP + b2 FN), b2 = beta squared; TP are pairs, FP and FN objects
    of prediction and reference without one. An IoU above `iou` makes a pair, or a shared voxel,
    or centers within `distance_mm`. Values: float64 of shape (n_classes,), in [0, 1], no unit,
    higher is better. A class without any object: NaN. Objects on one side only: 0.
    Source: Maier-Hein et al., Nature Methods 21 (2024), "F-beta score" of instance segmentation.

    >>> from proctor_metrics.cases import InstanceCase
    >>> predicted, true = np.array([[1, 1, 1, 0, 5]]), np.array([[7, 7, 7, 7, 0]])
    >>> case = InstanceCase("a", predicted, true, (1.0, 1.0), {1: "cell"})
    >>> InstanceFScore().pooled([case]).round(4)
    array([0.6667])
    """

    name = "instance_f_score"

    beta: float = 1.0

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `beta` (1), `match`, `iou` (0.5) and `distance_mm`."""
        return cls(
            beta=parameters.number("beta", 1.0, above=0, at_most=100),
            rule=ObjectRule.read(parameters),
            declared_worst=parameters.worst(),
        )

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return f"instance_f_score.v1;beta={number_text(self.beta)};{self.rule.text};edge=v1"

    def _score(self, counts: Counts) -> FloatArray:
        return _f_score(counts, self.beta)


@dataclass(frozen=True)
class ItemInstanceFScore(ItemObjectMetric):
    """F-score of the objects of each class of each case: lesion F1 where a mask is cut up.

    As `instance_f_score`, counted in each case by itself. A mask is cut into its connected
    `components`, by each label or region. Values: float64 of shape (n_classes, 1), in [0, 1], no
    unit, higher is better. No object on either side: 1, flagged `both_empty`. Objects on one
    side only: 0, flagged.

    >>> from proctor_metrics import MaskCase
    >>> predicted, true = np.array([[1, 0, 1, 0, 1]]), np.array([[1, 0, 0, 0, 1]])
    >>> case = MaskCase("a", predicted, true, (1.0, 1.0), {1: "lesion"})
    >>> ItemInstanceFScore().per_item(case).values
    array([[0.8]])
    """

    name = "item_instance_f_score"

    beta: float = 1.0

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `beta` (1), `match`, `iou` (0.5), `distance_mm` and `components`."""
        return cls(
            beta=parameters.number("beta", 1.0, above=0, at_most=100),
            rule=ObjectRule.read(parameters),
            components=parameters.choice("components", Components.FACES_EDGES_CORNERS),
            declared_worst=parameters.worst(),
        )

    @property
    def definition(self) -> str:
        """Return the definition id."""
        beta = number_text(self.beta)
        return f"item_instance_f_score.v1;beta={beta};{self._shared_text};edge=v1"

    def _score(self, counts: Counts) -> FloatArray:
        return _f_score(counts, self.beta)


def _f_score(counts: Counts, beta: float) -> FloatArray:
    right = (1 + beta**2) * counts.paired
    total = right + counts.wrong + beta**2 * counts.overlooked
    scores = np.full(right.shape, np.nan)
    np.divide(right, total, out=scores, where=total > 0)
    return scores
