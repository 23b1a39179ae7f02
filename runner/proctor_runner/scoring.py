"""Scores the cases of one run: rows, aggregates, strata, replicates and the per-item blob.

It takes arrays and gives numbers; where files come from is ``score_work``'s to know. Three rules
are kept here and nowhere else. A missing case takes the worst value of its metric in all of its
items and labels, and is told apart from one that scored so. An answer that a metric refuses is its
author's failure and takes the worst value too, with another flag. Every column has replicates over
the same draws, so two submissions on the same data are paired. Private cases are put together as
a set of their own: nothing that is made from the others depends on them.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from proctor.spec.outcomes import Code, OrganizerError
from proctor.spec.ranking import BootstrapSpec
from proctor.spec.task import MetricSpec, TaskSpec
from proctor.spec.work import (
    Aggregate,
    MetricFacts,
    PartScores,
    ScoreCase,
    ScoreRow,
    StratumAggregate,
)
from proctor_metrics.cases import Case, MaskCase, MetricInputError, Side
from proctor_metrics.metric import (
    Metric,
    PerItemMetric,
    PooledMetric,
)
from proctor_metrics.registry import MetricParameterError, UnknownMetricError, resolve
from proctor_runner.draws import Draws
from proctor_runner.metric_facts import metric_facts
from proctor_runner.references import Reference, make_case
from proctor_runner.score_tables import (
    MISSING,
    REFUSED,
    CaseColumns,
    ItemTable,
    PooledTable,
    ScoreTable,
    item_columns,
)

if TYPE_CHECKING:
    from proctor_metrics.cases.given import GivenCase
    from proctor_runner.custom.score import CustomFound


@dataclass(frozen=True)
class Scores:
    """Everything found, private cases apart; ``per_item`` holds the bytes of an .npz file."""

    rows: tuple[ScoreRow, ...]
    aggregates: tuple[Aggregate, ...]
    strata: tuple[StratumAggregate, ...]
    private: PartScores | None
    metrics: dict[str, MetricFacts]
    per_item: bytes


@dataclass
class _Collected:
    """One metric over the cases scored so far; ``lost`` has a flag, or none, for each case."""

    spec: MetricSpec
    metric: Metric
    columns: list[CaseColumns] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


class MetricScores(NamedTuple):
    """What one metric keeps of one case: its columns, or the case itself where it is pooled."""

    columns: CaseColumns | None
    compact: Case | None
    lost: str


CaseScores = tuple[MetricScores, ...]
"""What is kept of a case, a value for each metric of the task."""


class Scorer:
    """Takes the cases one by one, in any order, and then says what they come to."""

    def __init__(self, task: TaskSpec, bootstrap: BootstrapSpec, inputs_digest: str) -> None:
        self._task = task
        self._bootstrap = bootstrap
        self._inputs_digest = inputs_digest
        self._metrics = [_Collected(spec, _resolve(spec)) for spec in task.metrics]
        self._cases: list[ScoreCase] = []

    def add(
        self,
        case: ScoreCase,
        predictions: Mapping[str, npt.NDArray[Any]],
        references: Mapping[str, Reference],
    ) -> None:
        """Score one case; without an array for its output a metric takes it as missing.

        Raises:
            OrganizerError: a reference is not sound, or a metric failed.
        """
        self.take(case, self.score(case, predictions, references))

    def take(self, case: ScoreCase, found: CaseScores) -> None:
        """Take what another scorer of the same task found for a case."""
        self._cases.append(case)
        for collected, one in zip(self._metrics, found, strict=True):
            if collected.spec.custom is not None:
                collected.lost.append(one.lost)
            if one.columns is not None:
                collected.columns.append(one.columns)
            if one.compact is not None:
                collected.cases.append(one.compact)
                collected.lost.append(one.lost)

    def score(
        self,
        case: ScoreCase,
        predictions: Mapping[str, npt.NDArray[Any]],
        references: Mapping[str, Reference],
        begin: Callable[[str], None] = lambda _metric: None,
        *,
        refuse: bool = False,
    ) -> CaseScores:
        """Score one case by every metric, and take nothing yet; see ``add``.

        Args:
            begin: told the id of each metric before it is computed.
            refuse: take what was answered as every metric takes what it refuses.
        """
        made: dict[tuple[str, str], tuple[Case, bool]] = {}
        scores: list[MetricScores] = []
        for collected in self._metrics:
            spec = collected.spec
            begin(spec.id)
            pair = spec.output, spec.reference
            if spec.reference not in references:
                raise OrganizerError(
                    Code.REFERENCE_INVALID, f"case {case.id!r} has no {spec.reference!r}"
                )
            if spec.custom is not None:
                # Its sandbox has the numbers; whatever it makes of an answer, it is one.
                lost = "" if spec.output in predictions else MISSING
                scores.append(MetricScores(None, None, lost))
                continue
            if pair not in made:
                answer = None if refuse else predictions.get(spec.output)
                made[pair] = self._make(case, spec, answer, references[spec.reference])
            metric_case, refused = made[pair]
            refused |= refuse and spec.output in predictions
            lost = ""
            if refused or spec.output not in predictions:
                lost = REFUSED if refused else MISSING
            if isinstance(collected.metric, PooledMetric):
                reference = references[spec.reference]
                scores.append(self._compact(collected, metric_case, reference, lost))
            else:
                scores.append(MetricScores(_score(collected, metric_case, lost), None, lost))
        return tuple(scores)

    def finish(self, custom: Mapping[str, CustomFound] | None = None) -> Scores:
        """Aggregate what was added.

        Args:
            custom: what the sandbox found of the organizer's own metrics, by id.

        Raises:
            OrganizerError: METRIC_FAILED, a pooled metric failed.
            ValueError: no case was added.
        """
        for collected in self._metrics:
            if collected.spec.custom is not None:
                self._take_custom(collected, (custom or {})[collected.spec.id])
        order = sorted(range(len(self._cases)), key=lambda index: self._cases[index].id)
        private = [index for index in order if self._cases[index].private]
        counted = self._part([index for index in order if not self._cases[index].private])
        return Scores(
            rows=counted.rows,
            aggregates=counted.aggregates,
            strata=counted.strata,
            private=self._part(private) if private else None,
            metrics={
                item.spec.id: metric_facts(item.metric, item.spec, self._task)
                for item in self._metrics
            },
            per_item=_npz(self._items(order)),
        )

    def _take_custom(self, collected: _Collected, found: CustomFound) -> None:
        metric = collected.metric
        given = [
            given_case(case, lost=bool(lost))
            for case, lost in zip(self._cases, collected.lost, strict=True)
        ]
        if isinstance(metric, PooledMetric):
            collected.metric = metric.with_found(found.sets)  # type: ignore[attr-defined]
            collected.cases = list(given)
            return
        assert isinstance(metric, PerItemMetric)  # noqa: S101
        collected.columns = [
            _worst(metric, case, MISSING)
            if case.lost
            else CaseColumns(metric.labels(case), found.items[case.case], True, ())
            for case in given
        ]

    def _part(self, order: Sequence[int]) -> PartScores:
        """Put together some of the cases, as if there were no others."""
        cases = [self._cases[index] for index in order]
        units = [unit for case in cases for unit in _units(case)]
        draws = Draws(units, self._inputs_digest, self._bootstrap)
        tables = [self._table(collected, cases, order, draws) for collected in self._metrics]
        return PartScores(
            rows=tuple(row for table in tables for row in table.rows()),
            aggregates=tuple(item for table in tables for item in table.aggregates()),
            strata=tuple(
                item
                for table in tables
                for stratum in self._task.strata
                for item in table.strata(stratum)
            ),
        )

    def _table(
        self,
        collected: _Collected,
        cases: Sequence[ScoreCase],
        order: Sequence[int],
        draws: Draws,
    ) -> ScoreTable:
        if isinstance(collected.metric, PooledMetric):
            ordered = [collected.cases[index] for index in order]
            lost = {collected.lost[index] for index in order} - {""}
            return PooledTable(collected.spec.id, collected.metric, cases, ordered, lost, draws)
        columns = [collected.columns[index] for index in order]
        return ItemTable(collected.spec, cases, columns, draws)

    def _items(self, order: Sequence[int]) -> dict[str, npt.NDArray[Any]]:
        """Return every item's values, of private cases too: only organizers read them."""
        cases = [self._cases[index] for index in order]
        items: dict[str, npt.NDArray[Any]] = _item_index(cases)
        for collected in self._metrics:
            if collected.columns:
                columns = [collected.columns[index] for index in order]
                items |= item_columns(collected.spec.id, columns)
        return items

    def _make(
        self,
        case: ScoreCase,
        spec: MetricSpec,
        prediction: npt.NDArray[Any] | None,
        reference: Reference,
    ) -> tuple[Case, bool]:
        """Return the case for a metric, and whether its prediction had to be refused."""
        try:
            stand_in = make_case(self._task, spec.output, case.id, None, reference)
            if stand_in.n_items != case.items:
                raise OrganizerError(
                    Code.REFERENCE_INVALID,
                    f"reference {spec.reference!r} of case {case.id!r} holds {stand_in.n_items}"
                    f" items, the case {case.items}",
                )
            if prediction is None:
                return stand_in, False
            return make_case(self._task, spec.output, case.id, prediction, reference), False
        except MetricInputError as error:
            if error.side is Side.PREDICTION:
                return stand_in, True
            raise _organizers(error, spec) from error
        except ValueError as error:
            raise OrganizerError(Code.METRIC_FAILED, f"metric {spec.id!r}: {error}") from error

    def _compact(
        self, collected: _Collected, case: Case, reference: Reference, lost: str
    ) -> MetricScores:
        """Return what the metric needs of a case: of a large set, not every answer is kept.

        An answer that the metric refuses is lost to it.
        """
        assert isinstance(collected.metric, PooledMetric)  # noqa: S101
        try:
            return MetricScores(None, collected.metric.compact(case), lost)
        except MetricInputError as error:
            if error.side is not Side.PREDICTION:
                raise _organizers(error, collected.spec) from error
        stand_in = make_case(self._task, collected.spec.output, case.case, None, reference)
        return MetricScores(None, stand_in, REFUSED)


def _resolve(spec: MetricSpec) -> Metric:
    try:
        return resolve(spec.name, spec.building, worst=spec.worst)
    except (UnknownMetricError, MetricParameterError) as error:
        raise OrganizerError(Code.METRIC_FAILED, f"metric {spec.id!r}: {error}") from error


def _organizers(error: MetricInputError, spec: MetricSpec) -> OrganizerError:
    code = Code.REFERENCE_INVALID if error.side is Side.REFERENCE else Code.METRIC_FAILED
    return OrganizerError(code, f"metric {spec.id!r}: {error}")


def _score(collected: _Collected, case: Case, lost: str) -> CaseColumns:
    metric, spec = collected.metric, collected.spec
    assert isinstance(metric, PerItemMetric)  # noqa: S101
    try:
        if lost:
            return _worst(metric, case, lost)
        found = metric.per_item(case)
    except MetricInputError as error:
        if error.side is Side.PREDICTION:
            return _worst(metric, case, REFUSED)
        raise _organizers(error, spec) from error
    except MemoryError:
        # Whose fault it is depends on what a right answer takes, which is not known here.
        raise
    except Exception as error:
        # A metric is the organizer's choice; whatever it raises must not be charged to others.
        raise OrganizerError(
            Code.METRIC_FAILED, f"metric {spec.id!r} on case {case.case!r}: {error!r}"
        ) from error
    flags = tuple(sorted(name for name, raised in found.flags.items() if raised.any()))
    return CaseColumns(found.labels, found.values, True, flags)


def _worst(metric: PerItemMetric, case: Case, flag: str) -> CaseColumns:
    labels = metric.labels(case)
    spacing_mm = case.spacing_mm if isinstance(case, MaskCase) else ()
    # Texts, and what was scored elsewhere, have no shape but their number.
    shape = getattr(getattr(case, "reference", None), "shape", (case.n_items,))
    value = metric.worst(shape, spacing_mm)
    values = np.full((len(labels), case.n_items), value, dtype=np.float64)
    return CaseColumns(labels, values, False, (flag,))


def given_case(case: ScoreCase, *, lost: bool) -> GivenCase:
    """Return a case for a metric whose values come from elsewhere."""
    # Metrics of an archive may be older than such cases.
    from proctor_metrics.cases.given import GivenCase

    return GivenCase(case.id, case.items, tuple(_units(case)), lost)


def _units(case: ScoreCase) -> list[str]:
    """Return what each item is drawn with: its group, or itself where the case has no group.

    A group named like its case is no group, so the items of a stacked case are drawn one by one.
    """
    if case.group != case.id:
        return [f"group {case.group}"] * case.items
    return [f"case {case.id} {index}" for index in range(case.items)]


def _item_index(cases: Sequence[ScoreCase]) -> dict[str, npt.NDArray[Any]]:
    counts = [case.items for case in cases]
    return {
        "case": np.repeat(np.asarray([case.id for case in cases]), counts),
        "item": np.concatenate([np.arange(count, dtype=np.int32) for count in counts]),
    }


def _npz(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **arrays)
    return stream.getvalue()
