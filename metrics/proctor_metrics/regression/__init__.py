"""Metrics of numbers: how far answers lie from their reference."""

from proctor_metrics.metric import Metric
from proctor_metrics.regression.errors import (
    CoefficientOfDetermination,
    MeanAbsoluteError,
    MeanSquaredError,
    RootMeanSquaredError,
)

METRICS: tuple[type[Metric], ...] = (
    CoefficientOfDetermination,
    MeanAbsoluteError,
    MeanSquaredError,
    RootMeanSquaredError,
)
