"""Average distance between the surfaces of a label in prediction and reference, in mm.

Two averages go by similar names. Here all distances of both directions are put together before
the mean is taken; the mean of the two directed means, MASD, is another number.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self, assert_never

import numpy as np

from proctor_metrics.cases import MaskCase
from proctor_metrics.parameters import Parameters
from proctor_metrics.segmentation.hausdorff import SurfaceMetric
from proctor_metrics.segmentation.surface_distances import (
    enclosing_box,
    surfel_distances,
    voxel_distances,
)


class AverageSurfaceDefinition(StrEnum):
    """What the surface of a mask is."""

    SURFEL = "surfel"
    VOXEL6 = "voxel6"


@dataclass(frozen=True)
class AverageSurfaceDistance(SurfaceMetric):
    """Average symmetric surface distance: the mean of all distances of both directions.

    `surfel`: surface elements on the dual grid, each distance weighted by the element's area.
    `voxel6`: voxels with a background face neighbor, each distance weighing the same.
    Values: float64 of shape (n_labels, 1), in mm, from 0, lower is better.
    Both empty: 0 and flag `both_empty`. One empty: the worst value (declared, or the length
    of the image diagonal) and flag `prediction_empty` or `reference_empty`. NaN cannot occur.
    Source: Heimann et al., IEEE Trans. Med. Imaging 28 (2009) 1251; Maier-Hein et al., Metrics
    Reloaded, Nature Methods 21 (2024), `assd`. Checked against MedPy (`voxel6`) and against all
    pairs of surface elements (`surfel`).

    >>> from proctor_metrics import MaskCase
    >>> predicted, true = np.array([[1, 1, 0, 0]]), np.array([[0, 1, 0, 0]])
    >>> case = MaskCase("a", predicted, true, (1.0, 2.0), {1: "lesion"})
    >>> metric = AverageSurfaceDistance(surface=AverageSurfaceDefinition.VOXEL6)
    >>> metric.per_item(case).values.round(6)
    array([[0.666667]])
    """

    name = "assd"

    surface: AverageSurfaceDefinition = AverageSurfaceDefinition.SURFEL

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `definition`."""
        return cls(
            surface=parameters.choice("definition", AverageSurfaceDefinition.SURFEL),
            declared_worst=parameters.worst(),
        )

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return f"assd.{self.surface}.v1;edge=v1"

    def _distance(self, mask: MaskCase, label: int) -> float:
        predicted, true = mask.prediction == label, mask.reference == label
        box = enclosing_box(predicted | true)
        predicted, true = predicted[box], true[box]
        match self.surface:
            case AverageSurfaceDefinition.SURFEL:
                pair = surfel_distances(predicted, true, mask.spacing_mm)
                distances_mm = np.concatenate([directed.distances_mm for directed in pair])
                areas = np.concatenate([directed.weights for directed in pair])
                return float(distances_mm @ areas / areas.sum())
            case AverageSurfaceDefinition.VOXEL6:
                both = np.concatenate(voxel_distances(predicted, true, mask.spacing_mm))
                return float(both.mean())
            case _ as unreachable:
                assert_never(unreachable)
