"""One metric over all cases of a run, as the rows and columns that a report holds.

A table of a per-item metric is made from its values; a pooled metric is asked anew for every
subset. The macro mean over labels is one more column, computed item by item, so that it has a
deviation and replicates like any other. Cases come in one fixed order, which the draws share.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from proctor.spec.aggregate_rules import AggregateRule
from proctor.spec.outcomes import Code, OrganizerError
from proctor.spec.task import MetricSpec
from proctor.spec.work import Aggregate, ScoreCase, ScoreRow, StratumAggregate
from proctor_metrics.aggregate import label_means
from proctor_metrics.cases import Case, FloatArray
from proctor_metrics.metric import UNLABELLED, Metric, PooledMetric
from proctor_runner.aggregating import aggregated
from proctor_runner.draws import Draws

MEAN = "mean"
"""The label of the macro mean over labels; the only one of a metric without labels."""

MISSING = "missing"
"""Flag of a row whose case left no predictions."""

REFUSED = "refused"
"""Flag of a row whose answer the metric refused."""


_LARGEST = np.finfo(np.float64).max


class CaseColumns(NamedTuple):
    """One metric's values on one case: float64 of shape (n_labels, n_items)."""

    labels: tuple[str, ...]
    values: FloatArray
    answered: bool
    flags: tuple[str, ...]


class ScoreTable(Protocol):
    """What a report takes from one metric."""

    def rows(self) -> Iterable[ScoreRow]:
        """Return a number a case and label; one a label of a pooled metric."""
        ...

    def aggregates(self) -> Iterable[Aggregate]:
        """Return every column over the whole set, with its replicates."""
        ...

    def strata(self, stratum: str) -> Iterable[StratumAggregate]:
        """Return every column within every level of a stratum."""
        ...


class ItemTable:
    """One per-item metric over all cases; the last row of values is the mean over labels."""

    def __init__(
        self,
        spec: MetricSpec,
        cases: Sequence[ScoreCase],
        columns: Sequence[CaseColumns],
        draws: Draws,
    ) -> None:
        self._spec = spec
        self._id = spec.id
        self._cases = cases
        self._columns = columns
        self._draws = draws
        self._labels, self._values, self._answered = _joined(spec.id, columns)

    def rows(self) -> Iterable[ScoreRow]:
        """Return the mean over the items of every case, a row a label."""
        first = 0
        for case, column in zip(self._cases, self._columns, strict=True):
            part = self._values[:, first : first + case.items]
            first += case.items
            means = label_means(part).means
            for label, value in zip(self._labels, means, strict=True):
                yield ScoreRow(
                    case=case.id,
                    metric=self._id,
                    label=label,
                    value=_number(value),
                    n_items=case.items,
                    flag=",".join(column.flags),
                )

    def aggregates(self) -> Iterable[Aggregate]:
        """Return every column over all items, by the task's rule, with its replicates."""
        found = label_means(self._values, self._answered)
        values = self._over(np.ones((1, self._values.shape[1]), dtype=np.uint16))[:, 0]
        replicates = self._over(self._draws.weights)
        ends = self._draws.ends(values, replicates, self._jackknife())
        used = (~np.isnan(self._values) & self._answered).sum(axis=1)
        for index, label in enumerate(self._labels):
            yield Aggregate(
                metric=self._id,
                label=label,
                value=_number(values[index]),
                deviation=_number(found.standard_deviations[index]),
                n_used=int(used[index]),
                n_total=found.n_total,
                replicates=encode_replicates(replicates[index]),
                low=ends[index][0],
                high=ends[index][1],
            )

    def strata(self, stratum: str) -> Iterable[StratumAggregate]:
        """Return every column over the items of every level."""
        levels = np.repeat(
            [case.strata.get(stratum, "") for case in self._cases],
            [case.items for case in self._cases],
        )
        for level in np.unique(levels).tolist():
            chosen = levels == level
            means = self._over(chosen[np.newaxis].astype(np.uint16))[:, 0]
            used = (~np.isnan(self._values) & self._answered)[:, chosen].sum(axis=1)
            for index, label in enumerate(self._labels):
                yield StratumAggregate(
                    metric=self._id,
                    label=label,
                    stratum=stratum,
                    level=level,
                    value=_number(means[index]),
                    n_used=int(used[index]),
                )

    def _over(self, weights: npt.NDArray[np.integer]) -> FloatArray:
        if self._spec.aggregate is AggregateRule.ITEMS and len(weights) == 1:
            # As exact as a mean can be; a product of matrices adds up in another order.
            chosen = self._values[:, weights[0] > 0]
            return label_means(chosen).means[:, np.newaxis]
        return aggregated(self._spec, self._values, weights)

    def _jackknife(self) -> FloatArray | None:
        if self._spec.aggregate is AggregateRule.ITEMS:
            return self._draws.jackknife_means(self._values)
        return self._over(self._draws.left_out) if self._draws.wants_jackknife else None


class PooledTable:
    """One pooled metric over all cases; a lost case takes part at its worst."""

    def __init__(
        self,
        metric_id: str,
        metric: PooledMetric,
        cases: Sequence[ScoreCase],
        metric_cases: Sequence[Case],
        lost: Iterable[str],
        draws: Draws,
    ) -> None:
        self._id = metric_id
        self._metric = metric
        self._cases = cases
        self._metric_cases = metric_cases
        self._flag = ",".join(sorted(lost))
        names = metric.labels(metric_cases[0])
        self._labels = shown_labels(metric, names)
        everything = range(len(cases))
        self._values = self._pooled(everything)[:, 0]
        self._replicates = self._pooled(everything, draws.weights)
        jackknife = self._pooled(everything, draws.left_out) if draws.wants_jackknife else None
        self._ends = draws.ends(self._values, self._replicates, jackknife)

    def rows(self) -> Iterable[ScoreRow]:
        """Return the value over the whole set."""
        for label, value in zip(self._labels, self._values, strict=True):
            yield ScoreRow(
                case=None,
                metric=self._id,
                label=label,
                value=_number(value),
                n_items=sum(case.items for case in self._cases),
                flag=self._flag,
            )

    def aggregates(self) -> Iterable[Aggregate]:
        """Return the value over the whole set, with its replicates."""
        everything = range(len(self._cases))
        for index, label in enumerate(self._labels):
            yield Aggregate(
                metric=self._id,
                label=label,
                value=_number(self._values[index]),
                deviation=None,
                n_used=self._used(everything),
                n_total=sum(case.items for case in self._cases),
                replicates=encode_replicates(self._replicates[index]),
                low=self._ends[index][0],
                high=self._ends[index][1],
            )

    def strata(self, stratum: str) -> Iterable[StratumAggregate]:
        """Return the value over the cases of every level."""
        levels = [case.strata.get(stratum, "") for case in self._cases]
        for level in sorted(set(levels)):
            chosen = [index for index, found in enumerate(levels) if found == level]
            values = self._pooled(chosen)[:, 0]
            for label, value in zip(self._labels, values, strict=True):
                yield StratumAggregate(
                    metric=self._id,
                    label=label,
                    stratum=stratum,
                    level=level,
                    value=_number(value),
                    n_used=self._used(chosen),
                )

    def _pooled(
        self, chosen: Sequence[int], weights: npt.NDArray[np.integer] | None = None
    ) -> FloatArray:
        cases = [self._metric_cases[index] for index in chosen]
        if weights is None:
            weights = np.ones((1, sum(case.n_items for case in cases)), dtype=np.int64)
        try:
            values = self._metric.replicates(cases, weights)
        except Exception as error:
            # As for one case: whatever a metric raises is the organizer's.
            raise OrganizerError(
                Code.METRIC_FAILED, f"metric {self._id!r} over all cases: {error!r}"
            ) from error
        if len(self._labels) == values.shape[0]:
            return values
        return np.vstack([values, values.mean(axis=0)])

    def _used(self, chosen: Iterable[int]) -> int:
        return sum(
            self._cases[index].items for index in chosen if not _is_lost(self._metric_cases[index])
        )


def shown_labels(metric: Metric, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the labels of a metric as reports have them, with the mean over several."""
    if names == UNLABELLED:
        return (MEAN,)
    # Metrics of an archive may be older than the question.
    return (*names, MEAN) if getattr(metric, "mean_over_labels", True) else names


def item_columns(metric_id: str, columns: Sequence[CaseColumns]) -> dict[str, npt.NDArray[Any]]:
    """Return every column of a per-item metric item by item, and which items were answered."""
    labels, values, answered = _joined(metric_id, columns)
    return {f"{metric_id}/{label}": row for label, row in zip(labels, values, strict=True)} | {
        f"{metric_id}/answered": answered
    }


def encode_replicates(replicates: FloatArray) -> str:
    """Write replicates as base64 of little-endian float64."""
    return base64.b64encode(replicates.astype("<f8").tobytes()).decode()


class _Joined(NamedTuple):
    """One per-item metric over all items of some cases; the last row is the mean over labels."""

    labels: tuple[str, ...]
    values: FloatArray
    answered: npt.NDArray[np.bool_]


def _joined(metric_id: str, columns: Sequence[CaseColumns]) -> _Joined:
    names = columns[0].labels
    if any(column.labels != names for column in columns):
        raise OrganizerError(Code.METRIC_FAILED, f"metric {metric_id!r}: labels differ by case")
    values = np.concatenate([column.values for column in columns], axis=1)
    answered = np.concatenate(
        [np.full(column.values.shape[1], column.answered) for column in columns]
    )
    if names == UNLABELLED:
        return _Joined((MEAN,), values, answered)
    return _Joined((*names, MEAN), np.vstack([values, _over_labels(values)]), answered)


def _is_lost(case: Case) -> bool:
    # Kinds that no pooled metric takes are never told apart so.
    return bool(getattr(case, "lost", False))


def _number(value: float) -> float | None:
    """Return a number as a report holds it; none where it is undefined.

    What is too large for a number, an error that somebody answered into being, is no undefined one:
    it must fail a gate and rank last, so it is the largest there is.
    """
    return None if np.isnan(value) else float(np.clip(value, -_LARGEST, _LARGEST))


def _over_labels(values: FloatArray) -> FloatArray:
    """Return each item's mean over the labels that have a value; NaN where none has."""
    defined = ~np.isnan(values)
    means = np.full(values.shape[1], np.nan)
    sums = np.where(defined, values, 0.0).sum(axis=0)
    np.divide(sums, defined.sum(axis=0), out=means, where=defined.any(axis=0))
    return means
