"""Metrics of classes and class scores: right answers, ranking of scores, calibration."""

from proctor_metrics.classification.agreement import CohensKappa, MatthewsCorrelation
from proctor_metrics.classification.auroc import Auroc
from proctor_metrics.classification.average_precision import AveragePrecision
from proctor_metrics.classification.brier import BrierScore
from proctor_metrics.classification.calibration import (
    DebiasedCalibrationError,
    ExpectedCalibrationError,
)
from proctor_metrics.classification.expected_cost import ExpectedCost
from proctor_metrics.classification.likelihood_ratio import PositiveLikelihoodRatio
from proctor_metrics.classification.log_loss import LogLoss
from proctor_metrics.classification.net_benefit import NetBenefit
from proctor_metrics.classification.operating_points import (
    PpvAtSensitivity,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
)
from proctor_metrics.classification.ratios import (
    BalancedAccuracy,
    F1Score,
    FBeta,
    NegativePredictiveValue,
    Precision,
    Recall,
    Specificity,
)
from proctor_metrics.classification.top_k import Accuracy, TopKAccuracy
from proctor_metrics.metric import Metric

METRICS: tuple[type[Metric], ...] = (
    Accuracy,
    Auroc,
    AveragePrecision,
    BalancedAccuracy,
    BrierScore,
    CohensKappa,
    DebiasedCalibrationError,
    ExpectedCalibrationError,
    ExpectedCost,
    F1Score,
    FBeta,
    LogLoss,
    MatthewsCorrelation,
    NegativePredictiveValue,
    NetBenefit,
    PositiveLikelihoodRatio,
    PpvAtSensitivity,
    Precision,
    Recall,
    SensitivityAtSpecificity,
    Specificity,
    SpecificityAtSensitivity,
    TopKAccuracy,
)
