"""Metrics and rankings: numpy in, numbers out.

A scorer builds cases, resolves metrics by name and keeps what they return; a platform ranks
what was kept. Nothing here reads a file (but for `loaders`), opens a socket or logs.
"""

from proctor_metrics.cases import (
    Case,
    ImageCase,
    LabelCase,
    MaskCase,
    MetricInputError,
    MultilabelCase,
    Side,
    SurvivalCase,
    TableCase,
    TextCase,
    ValueCase,
)
from proctor_metrics.metric import (
    CaseType,
    Direction,
    ItemScores,
    Kind,
    Metric,
    PerItemMetric,
    PooledMetric,
)
from proctor_metrics.registry import MetricParameterError, UnknownMetricError, names, resolve

__all__ = [
    "Case",
    "CaseType",
    "Direction",
    "ImageCase",
    "ItemScores",
    "Kind",
    "LabelCase",
    "MaskCase",
    "Metric",
    "MetricInputError",
    "MetricParameterError",
    "MultilabelCase",
    "PerItemMetric",
    "PooledMetric",
    "Side",
    "SurvivalCase",
    "TableCase",
    "TextCase",
    "UnknownMetricError",
    "ValueCase",
    "names",
    "resolve",
]
