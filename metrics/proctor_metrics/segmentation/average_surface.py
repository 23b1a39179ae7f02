"""Average distances between the surfaces of a structure in prediction and reference, in mm.

Two averages go by similar names. ASSD puts the distances of both directions together before the
mean is taken; MASD is the mean of the two directed means. They differ where one surface is
larger than the other, and some libraries call the latter by the former's name.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from proctor_metrics.cases import DirectedDistances, SurfaceDefinition, SurfacePair
from proctor_metrics.parameters import Parameters
from proctor_metrics.segmentation.surface_metric import DistanceRules, SurfaceMetric


@dataclass(frozen=True)
class AverageDistance(SurfaceMetric):
    """An average over the distances between two surfaces."""

    surface: SurfaceDefinition = SurfaceDefinition.SURFEL

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `definition`, `both_empty` and `reference_empty`."""
        return cls(
            surface=parameters.choice("definition", SurfaceDefinition.SURFEL),
            rules=DistanceRules.read(parameters),
            declared_worst=parameters.worst(),
        )

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return f"{self.name}.{self.surface}.v1;{self._edge}"

    @property
    def surface_definition(self) -> SurfaceDefinition:
        """Return what the surface of a mask is."""
        return self.surface

    def _mean(self, *parts: DirectedDistances) -> float:
        distances = np.concatenate([part.distances_mm for part in parts])
        if self.surface is not SurfaceDefinition.SURFEL:
            return float(distances.mean())
        weights = np.concatenate([part.weights for part in parts])
        # Not a dot product: a linear algebra library may add up by the number of its threads.
        distances *= weights
        return float(distances.sum() / weights.sum())


@dataclass(frozen=True)
class AverageSurfaceDistance(AverageDistance):
    """Average symmetric surface distance: the mean of all distances of both directions.

    `surfel`: surface elements on the dual grid, each distance weighted by the element's area.
    `voxel6`: voxels with a background face neighbor, each distance weighing the same.
    `itk-6-26`: as `voxel6`, but towards the voxels of the other mask that have a background
    neighbor by face, edge or corner.
    Values: float64 of shape (n_structures, 1), in mm, from 0, lower is better.
    Both empty: 0, or left out (NaN), and flag `both_empty`. Prediction empty: the worst value
    (declared, or the length of the image diagonal) and flag `prediction_empty`. Reference empty:
    the same, or left out, and flag `reference_empty`. NaN cannot occur otherwise.
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

    def _distance(self, pair: SurfacePair) -> float:
        return self._mean(pair.to_reference, pair.to_prediction)


@dataclass(frozen=True)
class MeanAverageSurfaceDistance(AverageDistance):
    """Mean average surface distance: the mean of the two directed mean distances.

    `surfel`: surface elements on the dual grid, each distance weighted by the element's area.
    `voxel6`: voxels with a background face neighbor, each distance weighing the same.
    `itk-6-26`: as `voxel6`, but towards the voxels of the other mask that have a background
    neighbor by face, edge or corner.
    Values: float64 of shape (n_structures, 1), in mm, from 0, lower is better. Unlike `assd`,
    a small surface weighs as much as a large one.
    Both empty: 0, or left out (NaN), and flag `both_empty`. Prediction empty: the worst value
    (declared, or the length of the image diagonal) and flag `prediction_empty`. Reference empty:
    the same, or left out, and flag `reference_empty`. NaN cannot occur otherwise.
    Source: Beneš and Zitová, Journal of Microscopy 257 (2015) 65; Maier-Hein et al., Metrics
    Reloaded, Nature Methods 21 (2024), `masd`. Checked against MedPy (`voxel6`) and
    surface-distance (`surfel`).

    >>> from proctor_metrics import MaskCase
    >>> predicted, true = np.array([[1, 1, 0, 0]]), np.array([[0, 1, 0, 0]])
    >>> case = MaskCase("a", predicted, true, (1.0, 2.0), {1: "lesion"})
    >>> metric = MeanAverageSurfaceDistance(surface=SurfaceDefinition.VOXEL6)
    >>> metric.per_item(case).values
    array([[0.5]])
    """

    name = "masd"

    def _distance(self, pair: SurfacePair) -> float:
        return (self._mean(pair.to_reference) + self._mean(pair.to_prediction)) / 2
