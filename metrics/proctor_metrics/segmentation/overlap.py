"""Overlap of a structure's voxels in prediction and reference.

Counts are exact integers; one division at the end is the only rounding.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from proctor_metrics.cases import FloatArray, MaskCase
from proctor_metrics.metric import number_text
from proctor_metrics.parameters import Parameters
from proctor_metrics.segmentation.overlap_metric import OverlapMetric, OverlapRules
from proctor_metrics.segmentation.structure_metric import VoxelConfusion


@dataclass(frozen=True)
class Dice(OverlapMetric):
    """Dice similarity coefficient of each structure: 2 |P and R| / (|P| + |R|).

    Values: float64 of shape (n_structures, 1), in [0, 1], no unit, higher is better.
    Both empty: 1, or left out (NaN), and flag `both_empty`. Prediction empty: 0. Reference
    empty: 0, or left out. NaN cannot occur otherwise.
    Source: Dice, Ecology 26 (1945) 297; Maier-Hein et al., Metrics Reloaded, Nature Methods
    21 (2024), `dsc`. Checked against MedPy.

    >>> from proctor_metrics import MaskCase
    >>> predicted, true = np.array([[1, 1, 0]]), np.array([[0, 1, 1]])
    >>> Dice().per_item(MaskCase("a", predicted, true, (1.0, 1.0), {1: "lesion"})).values
    array([[0.5]])
    """

    name = "dice"
    aliases = ("dsc",)

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `both_empty` and `reference_empty`."""
        return cls(rules=OverlapRules.read(parameters), declared_worst=parameters.worst())

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return f"dsc.v1;{self._edge}"

    def _shares(self, mask: MaskCase) -> FloatArray:
        total = mask.counts.prediction + mask.counts.reference
        return np.asarray(2 * mask.counts.overlap / np.maximum(total, 1))


@dataclass(frozen=True)
class IntersectionOverUnion(OverlapMetric):
    """Intersection over union of each structure: |P and R| / |P or R|, the Jaccard index.

    Values: float64 of shape (n_structures, 1), in [0, 1], no unit, higher is better. With the
    Dice coefficient D of the same structure it is D / (2 - D), so both order single cases alike.
    Both empty: 1, or left out (NaN), and flag `both_empty`. Prediction empty: 0. Reference
    empty: 0, or left out. NaN cannot occur otherwise.
    Source: Jaccard, New Phytologist 11 (1912) 37; Maier-Hein et al., Metrics Reloaded, Nature
    Methods 21 (2024), `iou`. Checked against MedPy.

    >>> from proctor_metrics import MaskCase
    >>> predicted, true = np.array([[1, 1, 0]]), np.array([[0, 1, 1]])
    >>> case = MaskCase("a", predicted, true, (1.0, 1.0), {1: "lesion"})
    >>> IntersectionOverUnion().per_item(case).values.round(6)
    array([[0.333333]])
    """

    name = "iou"
    aliases = ("jaccard",)

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `both_empty` and `reference_empty`."""
        return cls(rules=OverlapRules.read(parameters), declared_worst=parameters.worst())

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return f"iou.v1;{self._edge}"

    def _shares(self, mask: MaskCase) -> FloatArray:
        union = mask.counts.prediction + mask.counts.reference - mask.counts.overlap
        return np.asarray(mask.counts.overlap / np.maximum(union, 1))


@dataclass(frozen=True)
class VoxelFBeta(OverlapMetric):
    """F-beta of each structure's voxels: (1 + b^2) TP / ((1 + b^2) TP + b^2 FN + FP).

    `beta` (b) says how many times as much a missed voxel weighs as a false one, in the root: 1
    gives the Dice coefficient, 2 favors finding everything, 0.5 finding nothing false.
    Values: float64 of shape (n_structures, 1), in [0, 1], no unit, higher is better.
    Both empty: 1, or left out (NaN), and flag `both_empty`. Prediction empty: 0. Reference
    empty: 0, or left out. NaN cannot occur otherwise.
    Source: van Rijsbergen, Information Retrieval (1979); Chinchor, MUC-4 (1992) 22; Maier-Hein
    et al., Metrics Reloaded, Nature Methods 21 (2024), `fbeta`. Checked against scikit-learn.

    >>> from proctor_metrics import MaskCase
    >>> predicted, true = np.array([[1, 0, 0]]), np.array([[1, 1, 1]])
    >>> case = MaskCase("a", predicted, true, (1.0, 1.0), {1: "lesion"})
    >>> VoxelFBeta(2.0).per_item(case).values.round(6)
    array([[0.384615]])
    """

    name = "voxel_f_beta"
    aliases = ("fbeta",)

    beta: float = 1.0

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `beta`, `both_empty` and `reference_empty`."""
        return cls(
            beta=parameters.number("beta", 1.0, above=0.0, at_most=1000.0),
            rules=OverlapRules.read(parameters),
            declared_worst=parameters.worst(),
        )

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return f"fbeta.v1;beta={number_text(self.beta)};{self._edge}"

    def _shares(self, mask: MaskCase) -> FloatArray:
        voxels = VoxelConfusion.of(mask)
        square = self.beta**2
        found = (1 + square) * voxels.true_positive
        total = found + square * voxels.false_negative + voxels.false_positive
        return np.asarray(found / np.where(total > 0, total, 1.0))
