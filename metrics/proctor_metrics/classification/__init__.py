"""Metrics of classes and class scores: right answers, ranking of scores, calibration."""

from proctor_metrics.classification.auroc import Auroc
from proctor_metrics.classification.averages import BalancedAccuracy, F1Score, Precision, Recall
from proctor_metrics.classification.log_loss import LogLoss
from proctor_metrics.classification.top_k import Accuracy, TopKAccuracy
from proctor_metrics.metric import Metric

METRICS: tuple[type[Metric], ...] = (
    Accuracy,
    Auroc,
    BalancedAccuracy,
    F1Score,
    LogLoss,
    Precision,
    Recall,
    TopKAccuracy,
)
