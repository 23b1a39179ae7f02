"""Metrics of images: how near a restored or synthesized image lies to the true one."""

from proctor_metrics.images.errors import (
    ImageMeanAbsoluteError,
    NormalizedRootMeanSquaredError,
    PeakSignalToNoiseRatio,
)
from proctor_metrics.images.ssim import StructuralSimilarity
from proctor_metrics.metric import Metric

METRICS: tuple[type[Metric], ...] = (
    ImageMeanAbsoluteError,
    NormalizedRootMeanSquaredError,
    PeakSignalToNoiseRatio,
    StructuralSimilarity,
)
