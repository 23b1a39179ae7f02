"""How the values of items become a column: the rule that a task gives for a metric."""

from __future__ import annotations

from typing import assert_never

import numpy as np
import numpy.typing as npt

from proctor.spec.aggregate_rules import AggregateRule
from proctor.spec.task import MetricSpec
from proctor_metrics.bootstrap import replicate_means
from proctor_metrics.cases import FloatArray
from proctor_metrics.metric import Direction


def aggregated(
    spec: MetricSpec, values: FloatArray, weights: npt.NDArray[np.integer]
) -> FloatArray:
    """Aggregate every column over the items, once for each vector of weights.

    Args:
        spec: the metric, with its rule.
        values: float64 of shape (n_columns, n_items); the last of several is each item's mean over
            the labels. NaN is left out.
        weights: integers of shape (B, n_items): how often each item counts.

    Returns:
        float64 of shape (n_columns, B).
    """
    match spec.aggregate:
        case AggregateRule.ITEMS:
            return replicate_means(values, weights)
        case AggregateRule.LABELS:
            means = replicate_means(values, weights)
            if len(means) > 1:
                means[-1] = _mean_of_defined(means[:-1])
            return means
        case AggregateRule.POOLED:
            means = replicate_means(values, weights)
            if len(means) > 1:
                means[-1] = _mean_of_all(values[:-1], weights)
            return means
        case AggregateRule.MEDIAN | AggregateRule.QUANTILE:
            q = 0.5 if spec.quantile is None else spec.quantile
            from proctor_metrics.ranking import Aggregate, Missing, Statistic

            quantile = Aggregate(Statistic.QUANTILE, q)
            return quantile.over(values, weights, Direction.HIGHER, Missing.DROP)
        case _ as unreachable:
            assert_never(unreachable)


def rule_words(spec: MetricSpec) -> str:
    """Say how a column comes to its number; nothing for the usual mean over items."""
    match spec.aggregate:
        case AggregateRule.ITEMS:
            return ""
        case AggregateRule.LABELS:
            return "mean over labels of their means over items"
        case AggregateRule.POOLED:
            return "mean over all items of all labels together"
        case AggregateRule.MEDIAN:
            return "median over items"
        case AggregateRule.QUANTILE:
            return f"{spec.quantile or 0:.4g} quantile over items"
        case _ as unreachable:
            assert_never(unreachable)


def _mean_of_defined(means: FloatArray) -> FloatArray:
    defined = ~np.isnan(means)
    sums = np.where(defined, means, 0.0).sum(axis=0)
    result = np.full(sums.shape, np.nan)
    np.divide(sums, defined.sum(axis=0), out=result, where=defined.any(axis=0))
    return result


def _mean_of_all(values: FloatArray, weights: npt.NDArray[np.integer]) -> FloatArray:
    defined = ~np.isnan(values)
    drawn = weights.astype(np.float64).T
    sums = np.where(defined, values, 0.0).sum(axis=0) @ drawn
    counts = defined.sum(axis=0).astype(np.float64) @ drawn
    result = np.full(sums.shape, np.nan)
    np.divide(sums, counts, out=result, where=counts > 0)
    return result
