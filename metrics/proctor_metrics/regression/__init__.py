"""Metrics of numbers: how far answers lie from their reference, and how far they go along."""

from proctor_metrics.metric import Metric
from proctor_metrics.regression.agreement import BlandAltman
from proctor_metrics.regression.correlation import ConcordanceCorrelation, PearsonCorrelation
from proctor_metrics.regression.errors import (
    CoefficientOfDetermination,
    MeanAbsoluteError,
    MeanSquaredError,
    RootMeanSquaredError,
)
from proctor_metrics.regression.order_statistics import MaxError, MedianAbsoluteError
from proctor_metrics.regression.rank_correlation import KendallTau, SpearmanCorrelation
from proctor_metrics.regression.relative import MeanAbsolutePercentageError

METRICS: tuple[type[Metric], ...] = (
    BlandAltman,
    CoefficientOfDetermination,
    ConcordanceCorrelation,
    KendallTau,
    MaxError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MedianAbsoluteError,
    PearsonCorrelation,
    RootMeanSquaredError,
    SpearmanCorrelation,
)
