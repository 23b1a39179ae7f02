"""Overlap of the rims of two masks: an overlap that a large interior cannot drown."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self, assert_never

import numpy as np
from scipy import ndimage

from proctor_metrics.cases import BoolArray, FloatArray, MaskCase
from proctor_metrics.metric import number_text
from proctor_metrics.parameters import Parameters
from proctor_metrics.segmentation.overlap_metric import OverlapMetric, OverlapRules
from proctor_metrics.segmentation.structure_metric import cropped
from proctor_metrics.segmentation.surface_distances import voxel_border

_ROUNDING = 1e-12


class RimDefinition(StrEnum):
    """Which voxels of a mask are its rim."""

    VOXEL6 = "voxel6"
    EROSION = "erosion"


@dataclass(frozen=True)
class BoundaryIoU(OverlapMetric):
    """Boundary IoU of each structure: |Pd and Rd| / |Pd or Rd|, of the rims Pd and Rd of width d.

    `voxel6`: the voxels of a mask that are nearer than `distance_mm` to one of its voxels with a
    background face neighbor, center to center, so that any distance up to the smallest spacing
    takes just those (MetricsReloaded, where spacing is 1). `erosion`: the voxels of a mask that
    `width_voxels` erosions by a square or cube of 3 voxels take away, the paper's own.
    Outside the image is background.
    Values: float64 of shape (n_structures, 1), in [0, 1], no unit, higher is better.
    Both empty: 1, or left out (NaN), and flag `both_empty`. Prediction empty: 0. Reference
    empty: 0, or left out. NaN cannot occur otherwise.
    Source: Cheng et al., CVPR (2021) 15334; Maier-Hein et al., Metrics Reloaded, Nature Methods
    21 (2024), `boundary_iou`. Checked against distances between all voxels.

    >>> from proctor_metrics import MaskCase
    >>> predicted, true = np.ones((5, 5), dtype=int), np.pad(np.ones((3, 3), dtype=int), 1)
    >>> case = MaskCase("a", predicted, true, (1.0, 1.0), {1: "lesion"})
    >>> BoundaryIoU(RimDefinition.EROSION, 2).per_item(case).values.round(6)
    array([[0.32]])
    """

    name = "boundary_iou"

    rim: RimDefinition
    width: float

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `definition`, then `distance_mm` or `width_voxels`, and the rules for empties."""
        rim = parameters.choice("definition", RimDefinition.VOXEL6)
        match rim:
            case RimDefinition.VOXEL6:
                width = parameters.number("distance_mm", None, above=0.0, at_most=1e4)
            case RimDefinition.EROSION:
                width = parameters.integer("width_voxels", None, minimum=1)
            case _ as unreachable:
                assert_never(unreachable)
        return cls(
            rim,
            width,
            rules=OverlapRules.read(parameters),
            declared_worst=parameters.worst(),
        )

    @property
    def definition(self) -> str:
        """Return the definition id."""
        name = "distance_mm" if self.rim is RimDefinition.VOXEL6 else "width_voxels"
        return f"boundary_iou.{self.rim}.v1;{name}={number_text(self.width)};{self._edge}"

    def _shares(self, mask: MaskCase) -> FloatArray:
        shares = np.zeros(len(mask.structures))
        for index, predicted, true in cropped(mask):
            first, second = (self._rim(side, mask.spacing_mm) for side in (predicted, true))
            shares[index] = np.count_nonzero(first & second) / np.count_nonzero(first | second)
        return shares

    def _rim(self, mask: BoolArray, spacing_mm: tuple[float, ...]) -> BoolArray:
        if self.rim is RimDefinition.EROSION:
            cube = ndimage.generate_binary_structure(mask.ndim, mask.ndim)
            core = ndimage.binary_erosion(mask, structure=cube, iterations=int(self.width))
            return np.asarray(mask & ~core)
        border = voxel_border(mask)
        distance_mm = ndimage.distance_transform_edt(~border, sampling=spacing_mm)
        return np.asarray(mask & (distance_mm < self.width * (1 - _ROUNDING)))
