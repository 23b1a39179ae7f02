"""Metrics of label maps: overlap, volume, and distances between surfaces."""

from proctor_metrics.metric import Metric
from proctor_metrics.segmentation.average_surface import AverageSurfaceDistance
from proctor_metrics.segmentation.hausdorff import HausdorffPercentile
from proctor_metrics.segmentation.overlap import Dice, IntersectionOverUnion
from proctor_metrics.segmentation.volume import VolumeError

METRICS: tuple[type[Metric], ...] = (
    AverageSurfaceDistance,
    Dice,
    HausdorffPercentile,
    IntersectionOverUnion,
    VolumeError,
)
