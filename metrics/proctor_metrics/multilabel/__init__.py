"""Metrics of label scores where several labels may hold for an item, or none."""

from proctor_metrics.metric import Metric
from proctor_metrics.multilabel.label_f1 import MultilabelF1
from proctor_metrics.multilabel.label_ranking import LabelRankingAveragePrecision
from proctor_metrics.multilabel.label_scores import MultilabelAuroc, MultilabelAveragePrecision
from proctor_metrics.multilabel.sets import HammingLoss, SamplesF1, SubsetAccuracy

METRICS: tuple[type[Metric], ...] = (
    HammingLoss,
    LabelRankingAveragePrecision,
    MultilabelAuroc,
    MultilabelAveragePrecision,
    MultilabelF1,
    SamplesF1,
    SubsetAccuracy,
)
