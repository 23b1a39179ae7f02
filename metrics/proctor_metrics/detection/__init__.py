"""Metrics of detection: boxes and points with a class and a score, however many an item has."""

from proctor_metrics.detection.average_precision import AveragePrecisionAtIou, MeanAveragePrecision
from proctor_metrics.detection.f_score import DetectionFScore, ItemDetectionFScore
from proctor_metrics.detection.froc import Froc, SensitivityAtFppi
from proctor_metrics.metric import Metric

METRICS: tuple[type[Metric], ...] = (
    AveragePrecisionAtIou,
    DetectionFScore,
    Froc,
    ItemDetectionFScore,
    MeanAveragePrecision,
    SensitivityAtFppi,
)
