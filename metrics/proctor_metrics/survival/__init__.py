"""Metrics of survival: whether those have a higher risk who have their event earlier."""

from proctor_metrics.metric import Metric
from proctor_metrics.survival.concordance import ConcordanceIndex
from proctor_metrics.survival.dynamic_auc import TimeDependentAuc

METRICS: tuple[type[Metric], ...] = (ConcordanceIndex, TimeDependentAuc)
