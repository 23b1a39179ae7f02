"""Average distance between the surfaces of a label in prediction and reference, in mm.

Two averages go by similar names. Here all distances of both directions are put together before
the mean is taken; the mean of the two directed means, MASD, is another number.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from proctor_metrics.cases import SurfaceDefinition, SurfacePair
from proctor_metrics.parameters import Parameters
from proctor_metrics.segmentation.surface_metric import SurfaceMetric


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
    >>> metric = AverageSurfaceDistance(surface=SurfaceDefinition.VOXEL6)
    >>> metric.per_item(case).values.round(6)
    array([[0.666667]])
    """

    name = "assd"

    surface: SurfaceDefinition = SurfaceDefinition.SURFEL

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `definition`."""
        return cls(
            surface=parameters.choice("definition", SurfaceDefinition.SURFEL),
            declared_worst=parameters.worst(),
        )

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return f"assd.{self.surface}.v1;edge=v1"

    @property
    def surface_definition(self) -> SurfaceDefinition:
        """Return what the surface of a mask is."""
        return self.surface

    def _distance(self, pair: SurfacePair) -> float:
        both = pair.to_reference, pair.to_prediction
        distances_mm = np.concatenate([directed.distances_mm for directed in both])
        if self.surface is not SurfaceDefinition.SURFEL:
            return float(distances_mm.mean())
        weights = np.concatenate([directed.weights for directed in both])
        return float(distances_mm @ weights / weights.sum())
