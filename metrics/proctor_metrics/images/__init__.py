"""Metrics of images: how near one lies to the true image, or how well it ranks its voxels."""

from proctor_metrics.images.errors import (
    ImageMeanAbsoluteError,
    NormalizedRootMeanSquaredError,
    PeakSignalToNoiseRatio,
)
from proctor_metrics.images.ranking import VoxelAuroc, VoxelAveragePrecision
from proctor_metrics.images.ssim import StructuralSimilarity
from proctor_metrics.metric import Metric

METRICS: tuple[type[Metric], ...] = (
    ImageMeanAbsoluteError,
    NormalizedRootMeanSquaredError,
    PeakSignalToNoiseRatio,
    StructuralSimilarity,
    VoxelAuroc,
    VoxelAveragePrecision,
)
