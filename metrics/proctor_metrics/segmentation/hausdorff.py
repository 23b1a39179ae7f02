"""Percentiles of the distances between the surfaces of a structure in prediction and reference.

Nothing but the definition tells the metrics of this name apart, and they differ by a factor of
tens on the same masks.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self, assert_never

import numpy as np

from proctor_metrics.cases import (
    DirectedDistances,
    FloatArray,
    SurfaceDefinition,
    SurfacePair,
)
from proctor_metrics.metric import number_text
from proctor_metrics.parameters import Parameters
from proctor_metrics.segmentation.surface_metric import DistanceRules, SurfaceMetric
from proctor_metrics.segmentation.weighted_percentile import weighted_percentile


class PercentileDefinition(StrEnum):
    """What the surface of a mask is and how a percentile of its distances is taken."""

    SURFEL = "surfel"
    VOXEL6 = "voxel6"
    VOXEL6_POOLED = "voxel6-pooled"
    ITK_6_26 = "itk-6-26"


@dataclass(frozen=True)
class HausdorffDistance(SurfaceMetric):
    """Hausdorff distance: the largest distance from one surface to the other, either way.

    A single wrong voxel far away decides it; `hd95` is the usual remedy.
    `surfel`: surface elements on the dual grid. `voxel6`: voxels with a background face
    neighbor. `itk-6-26`: as `voxel6`, but towards the voxels of the other mask that have a
    background neighbor by face, edge or corner.
    Values: float64 of shape (n_structures, 1), in mm, from 0, lower is better.
    Both empty: 0, or left out (NaN), and flag `both_empty`. Prediction empty: the worst value
    (declared, or the length of the image diagonal) and flag `prediction_empty`. Reference empty:
    the same, or left out, and flag `reference_empty`. NaN cannot occur otherwise.
    Source: Huttenlocher et al., IEEE Trans. Pattern Anal. Mach. Intell. 15 (1993) 850;
    Maier-Hein et al., Metrics Reloaded, Nature Methods 21 (2024), `hd`. Checked against MedPy
    (`voxel6`), surface-distance (`surfel`) and SciPy's `directed_hausdorff`.

    >>> from proctor_metrics import MaskCase
    >>> predicted, true = np.array([[1, 0, 0, 1]]), np.array([[1, 0, 0, 0]])
    >>> case = MaskCase("a", predicted, true, (1.0, 2.0), {1: "lesion"})
    >>> HausdorffDistance().per_item(case).values
    array([[6.]])
    """

    name = "hd"

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
        return f"hd.{self.surface}.v1;{self._edge}"

    @property
    def surface_definition(self) -> SurfaceDefinition:
        """Return what the surface of a mask is."""
        return self.surface

    def _distance(self, pair: SurfacePair) -> float:
        both = pair.to_reference, pair.to_prediction
        return max(float(directed.distances_mm.max()) for directed in both)


@dataclass(frozen=True)
class HausdorffPercentile(SurfaceMetric):
    """Percentile of the distances between two surfaces of each structure (HD95 by default).

    `surfel`: surface elements on the dual grid weighted by area; the percentile is the first
    distance at which the cumulated area reaches it; the larger of both directions.
    `voxel6`: voxels with a background face neighbor; linear interpolation; the larger of both
    directions (MetricsReloaded, MONAI). `voxel6-pooled`: the same voxels, one percentile over
    the distances of both directions together (MedPy). `itk-6-26`: as `voxel6`, but towards the
    voxels of the other mask that have a background neighbor by face, edge or corner.
    Values: float64 of shape (n_structures, 1), in mm, from 0, lower is better.
    Both empty: 0, or left out (NaN), and flag `both_empty`. Prediction empty: the worst value
    (declared, or the length of the image diagonal) and flag `prediction_empty`. Reference empty:
    the same, or left out, and flag `reference_empty`. NaN cannot occur otherwise.
    Source: Nikolov et al., J. Med. Internet Res. 23 (2021) e26151 (surfel); Maier-Hein et
    al., Nature Methods 21 (2024), `hd_perc`. Checked against surface-distance and MedPy.

    >>> from proctor_metrics import MaskCase
    >>> predicted, true = np.array([[1, 0, 0, 0]]), np.array([[0, 0, 0, 1]])
    >>> case = MaskCase("a", predicted, true, (1.0, 2.0), {1: "lesion"})
    >>> HausdorffPercentile().per_item(case).values
    array([[6.]])
    """

    name = "hd95"
    aliases = ("hd_perc",)

    surface: PercentileDefinition = PercentileDefinition.SURFEL
    percentile: float = 95.0

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `definition`, `percentile`, `both_empty` and `reference_empty`."""
        return cls(
            surface=parameters.choice("definition", PercentileDefinition.SURFEL),
            percentile=parameters.number("percentile", 95.0, above=0.0, at_most=100.0),
            rules=DistanceRules.read(parameters),
            declared_worst=parameters.worst(),
        )

    @property
    def definition(self) -> str:
        """Return the definition id."""
        percentile = number_text(self.percentile)
        return f"hd_perc.{self.surface}.v1;percentile={percentile};{self._edge}"

    @property
    def surface_definition(self) -> SurfaceDefinition:
        """Return what the surface of a mask is."""
        if self.surface is PercentileDefinition.VOXEL6_POOLED:
            return SurfaceDefinition.VOXEL6
        return SurfaceDefinition(self.surface.value)

    def _distance(self, pair: SurfacePair) -> float:
        forth, back = pair.to_reference, pair.to_prediction
        match self.surface:
            case PercentileDefinition.SURFEL:
                return max(self._by_area(forth), self._by_area(back))
            case PercentileDefinition.VOXEL6 | PercentileDefinition.ITK_6_26:
                return max(self._interpolated(each.distances_mm) for each in (forth, back))
            case PercentileDefinition.VOXEL6_POOLED:
                return self._interpolated(np.concatenate([forth.distances_mm, back.distances_mm]))
            case _ as unreachable:
                assert_never(unreachable)

    def _interpolated(self, distances_mm: FloatArray) -> float:
        return float(np.percentile(distances_mm, self.percentile))

    def _by_area(self, directed: DirectedDistances) -> float:
        return weighted_percentile(directed.distances_mm, directed.weights, self.percentile)
