"""What a scoring of two folders comes to, metric by metric and structure by structure."""

from __future__ import annotations

import base64
import io
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proctor.spec.task import MetricSpec
from proctor.spec.work import Aggregate, MetricFacts
from proctor_metrics.bca import bca_interval, jackknife_means
from proctor_metrics.bootstrap import Interval, percentile_interval
from proctor_metrics.metric import Kind, Metric
from proctor_runner.score_tables import MEAN
from proctor_runner.scoring import Scores

LEVEL = 0.95

NO_WORST = sys.float_info.max
"""Stands for the worst value that a metric must be told and was not, while no case takes it."""

ALL = "all"
"""The structure of a metric that has none."""


@dataclass(frozen=True)
class CaseValue:
    """One number of one case; several flags are parted by commas."""

    case: str
    value: float | None
    flag: str


@dataclass(frozen=True)
class StructureResult:
    """A metric on one structure, or the mean over all structures.

    Attributes:
        value: the mean over items, or what a pooled metric is over all of them.
        low: lower end of the interval; None where there is none.
        median: over items; None of a pooled metric.
        worst: the worst cases first; none of a pooled metric, or where no order is in the values.
        n_used: items that were answered and have a value.
        n_total: all items.
        cases: every case's value; none of a pooled metric.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    median: float | None
    worst: tuple[CaseValue, ...]
    n_used: int
    n_total: int
    cases: tuple[CaseValue, ...]


@dataclass(frozen=True)
class MetricResult:
    """One metric: what it is, and what it found."""

    id: str
    name: str
    facts: MetricFacts
    pooled: bool
    structures: tuple[StructureResult, ...]


@dataclass(frozen=True)
class FolderScores:
    """Everything found.

    Attributes:
        missing: cases without a prediction; they count at the worst value.
        refused: by case, why its prediction could not be held against its reference; they count
            at the worst value too.
        without_reference: predictions that were left out.
        notes: whatever else is worth to know.
    """

    metrics: tuple[MetricResult, ...]
    cases: tuple[str, ...]
    missing: tuple[str, ...]
    refused: Mapping[str, str]
    without_reference: tuple[str, ...]
    notes: tuple[str, ...]


def metric_title(spec: MetricSpec) -> str:
    """Return a metric as it is typed, with what tells it apart.

    >>> metric_title(MetricSpec(id="a", name="hd", parameters={"definition": "voxel6"},
    ...     output="o", reference="r"))
    'hd:definition=voxel6'
    """
    parameters = [f"{key}={_typed(value)}" for key, value in spec.parameters.items()]
    worst = [] if spec.worst in (None, NO_WORST) else [f"worst={spec.worst:g}"]
    return ":".join([spec.name, *parameters, *worst])


def metric_results(
    scores: Scores,
    metrics: Mapping[str, tuple[str, Metric]],
    names: Mapping[str, str],
) -> tuple[MetricResult, ...]:
    """Return the results of each metric.

    Args:
        metrics: by id, what each is called and itself.
        names: what each case is called, by its id.
    """
    with np.load(io.BytesIO(scores.per_item), allow_pickle=False) as items:
        by_item = {name: items[name] for name in items.files}
    found = []
    for metric_id, (title, metric) in metrics.items():
        aggregates = [one for one in scores.aggregates if one.metric == metric_id]
        structures = []
        for one in aggregates:
            cases = tuple(
                CaseValue(names[row.case], row.value, row.flag)
                for row in scores.rows
                if row.metric == metric_id and row.label == one.label and row.case is not None
            )
            values = by_item.get(f"{metric_id}/{one.label}")
            structures.append(_structure(metric, one, values, cases, len(aggregates) == 1))
        found.append(
            MetricResult(
                metric_id,
                title,
                _facts(scores.metrics[metric_id], metric),
                metric.kind is Kind.POOLED,
                tuple(structures),
            )
        )
    return tuple(found)


def _facts(facts: MetricFacts, metric: Metric) -> MetricFacts:
    if metric.declared_worst != NO_WORST:
        return facts
    return facts.model_copy(
        update={"definition_id": metric.definition, "edge_rules": metric.edge_rules}
    )


def _structure(
    metric: Metric,
    aggregate: Aggregate,
    values: npt.NDArray[np.float64] | None,
    cases: tuple[CaseValue, ...],
    alone: bool,
) -> StructureResult:
    interval = _interval(aggregate, values)
    defined = np.zeros(0) if values is None else values[~np.isnan(values)]
    return StructureResult(
        name=ALL if alone and aggregate.label == MEAN else aggregate.label,
        value=aggregate.value,
        low=None if interval is None or np.isnan(interval.low) else interval.low,
        high=None if interval is None or np.isnan(interval.high) else interval.high,
        median=float(np.median(defined)) if defined.size else None,
        worst=_worst_first(metric, aggregate.label, cases),
        n_used=aggregate.n_used,
        n_total=aggregate.n_total,
        cases=cases,
    )


def _interval(aggregate: Aggregate, values: npt.NDArray[np.float64] | None) -> Interval | None:
    """Return the interval by BCa, of a pooled metric by percentiles; None for a single item."""
    if aggregate.value is None or aggregate.n_total < 2:
        return None
    replicates = np.frombuffer(base64.b64decode(aggregate.replicates), "<f8")
    if values is None:
        return percentile_interval(replicates, LEVEL)
    groups = [f"{index:09d}" for index in range(values.size)]
    jackknife = jackknife_means(values[np.newaxis], groups)[0]
    return bca_interval(aggregate.value, replicates, jackknife, LEVEL)


def _worst_first(metric: Metric, label: str, cases: tuple[CaseValue, ...]) -> tuple[CaseValue, ...]:
    known = [case for case in cases if case.value is not None]
    if len(cases) < 2 or not metric.can_rank(label):
        return ()
    sign = 1 if metric.direction == "higher" else -1
    return tuple(sorted(known, key=lambda case: sign * (case.value or 0.0)))


def _typed(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
