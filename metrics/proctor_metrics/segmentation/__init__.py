"""Metrics of label maps: overlap, rates and agreement of voxels, volume, and surfaces."""

from proctor_metrics.metric import Metric
from proctor_metrics.segmentation.average_surface import (
    AverageSurfaceDistance,
    MeanAverageSurfaceDistance,
)
from proctor_metrics.segmentation.boundary import BoundaryIoU
from proctor_metrics.segmentation.centerline import CenterlineDice
from proctor_metrics.segmentation.hausdorff import HausdorffDistance, HausdorffPercentile
from proctor_metrics.segmentation.overlap import Dice, IntersectionOverUnion, VoxelFBeta
from proctor_metrics.segmentation.surface_dice import NormalizedSurfaceDistance
from proctor_metrics.segmentation.volume import VolumeError
from proctor_metrics.segmentation.voxel_agreement import VoxelKappa, VoxelMatthewsCorrelation
from proctor_metrics.segmentation.voxel_counts import VoxelCount
from proctor_metrics.segmentation.voxel_rates import (
    VoxelNegativePredictiveValue,
    VoxelPrecision,
    VoxelSensitivity,
    VoxelSpecificity,
)

METRICS: tuple[type[Metric], ...] = (
    AverageSurfaceDistance,
    BoundaryIoU,
    CenterlineDice,
    Dice,
    HausdorffDistance,
    HausdorffPercentile,
    IntersectionOverUnion,
    MeanAverageSurfaceDistance,
    NormalizedSurfaceDistance,
    VolumeError,
    VoxelCount,
    VoxelFBeta,
    VoxelKappa,
    VoxelMatthewsCorrelation,
    VoxelNegativePredictiveValue,
    VoxelPrecision,
    VoxelSensitivity,
    VoxelSpecificity,
)
