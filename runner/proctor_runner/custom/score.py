"""Computes organizers' metrics: files of cases go into the sandbox, guarded numbers come out."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from proctor.spec.custom import CustomSpec, MetricKind
from proctor.spec.digests import canonical_json
from proctor.spec.limits import MIB, Limits
from proctor.spec.outcomes import Code, OrganizerError, ParticipantError, PlatformError
from proctor.spec.task import MetricSpec, OutputType, TaskSpec
from proctor.spec.work import ImageContent, ScoreCase, ScoreOrder
from proctor_metrics.metric import UNLABELLED
from proctor_runner.custom.answers import AnswerError, FloatArray, most_bytes, read_answers
from proctor_runner.decode.document import document_of
from proctor_runner.decode.text import unpack_texts
from proctor_runner.desk import StoppedError
from proctor_runner.model_program import on_shelf
from proctor_runner.references import Reference, load_prediction, load_reference
from proctor_runner.sandbox.interface import Ending, Program, SandboxJob, SandboxResult
from proctor_runner.sandbox.logs import sanitize
from proctor_runner.text_reference import TextReference

if TYPE_CHECKING:
    from proctor_metrics.custom import CaseIds
    from proctor_runner.desk import Desk
    from proctor_runner.workshop import RunTools

JOB_FILE, SCORES_FILE, SOURCE_FILE = "metric.json", "scores.json", "metric.py"
MODULE = "proctor_runner.metric_program"

_BATCH_BYTES = 1 << 30
_START_S = 60.0
_MOST_TOLD_BYTES, _MOST_PHRASE = 1_300, 300

T = TypeVar("T")
OpenTools = Callable[[], AbstractContextManager["RunTools"]]
"""Opens a bench to run on and a shelf of images, for as long as the block lasts."""


@dataclass(frozen=True)
class CustomFound:
    """What one organizer's metric found.

    Attributes:
        items: of single cases, by id: float64 of shape (n_labels, n_items).
        sets: of sets of cases, by their ids in order: float64 of shape (n_labels,).
    """

    items: Mapping[str, FloatArray]
    sets: Mapping[CaseIds, FloatArray]


@dataclass(frozen=True)
class _Entry:
    """A case as the program is told of it, and its files by their names there."""

    case: ScoreCase
    told: dict[str, object]
    files: Mapping[str, Path]

    @property
    def size_bytes(self) -> int:
        return sum(path.stat().st_size for path in self.files.values())


def custom_metrics(task: TaskSpec) -> tuple[MetricSpec, ...]:
    """Return the organizer's own metrics of a task."""
    return tuple(metric for metric in task.metrics if metric.custom is not None)


def score_custom(order: ScoreOrder, desk: Desk, open_tools: OpenTools) -> dict[str, CustomFound]:
    """Compute every organizer's metric of an order; nothing is opened where there is none.

    Raises:
        OrganizerError: METRIC_FAILED, with the end of the log; REFERENCE_INVALID.
        PlatformError: something of ours failed.
        StoppedError: the desk said stop.
    """
    metrics = custom_metrics(order.task)
    if not metrics:
        return {}
    from proctor_runner.custom.foreign import ForeignScoring

    with open_tools() as tools:
        return {
            metric.id: (
                ForeignScoring(order, metric, desk, tools, number)
                if metric.custom is not None and metric.custom.contract is not None
                else CustomScoring(order, metric, desk, tools, number)
            ).found()
            for number, metric in enumerate(metrics)
        }


class CustomScoring:
    """One metric over all cases of an order."""

    _output_files = 4

    def __init__(
        self, order: ScoreOrder, metric: MetricSpec, desk: Desk, tools: RunTools, number: int
    ) -> None:
        if metric.custom is None or (metric.custom.image is None and metric.custom.source is None):
            raise OrganizerError(
                Code.METRIC_FAILED, f"metric {metric.id!r}: its file is not with the challenge"
            )
        self._order = order
        self._metric = metric
        self._custom: CustomSpec = metric.custom
        self._labels = metric.labels or UNLABELLED
        self._desk = desk
        self._bench = tools.bench
        self._folder = tools.bench.scratch / f"custom-{number}"
        self._folder.mkdir()
        self._program = self._on_bench(metric.custom, tools)
        self._shelf = tools.shelf
        source = metric.custom.source
        self._source = {} if source is None else {SOURCE_FILE: desk.fetch(source)}
        self._parts = itertools.count()
        self._number = number

    def _on_bench(self, custom: CustomSpec, tools: RunTools) -> Program:
        """Return the program: the decode image, which has the function's own, or the container."""
        if custom.image is None:
            return Program(tools.bench.decode_program.image_id, module=MODULE)
        if tools.bench.sandbox.name == "process":
            raise PlatformError(
                Code.SANDBOX_FAILED,
                f"metric {self._metric.id!r} is a container, which takes the docker sandbox",
            )
        if custom.config is None:
            return Program(tools.shelf.tagged(custom.image))
        content = ImageContent(config=custom.config, layers=custom.layers)
        try:
            return Program(on_shelf(content, self._desk, tools.shelf, check=True))
        except ParticipantError as error:
            where = f"metric {self._metric.id!r} ({custom.image})"
            raise OrganizerError(Code.METRIC_FAILED, f"{where}: {error.detail}") from error

    def found(self) -> CustomFound:
        """Return what it is of every case, or of every set of cases that is asked for."""
        cases = sorted(self._order.cases, key=lambda case: case.id)
        if self._metric.kind is MetricKind.POOLED:
            return CustomFound({}, self._pooled(cases))
        answered = [case for case in cases if answers(case, self._metric)]
        found: dict[str, FloatArray] = {}
        for batch in self._batches(answered):
            values = self._run(
                batch,
                {},
                "cases",
                [entry.case.items for entry in batch],
                [f"case {entry.case.id!r}" for entry in batch],
            )
            found |= {entry.case.id: value for entry, value in zip(batch, values, strict=True)}
        return CustomFound(found, {})

    def _pooled(self, cases: Sequence[ScoreCase]) -> dict[CaseIds, FloatArray]:
        sets = list(asked_sets(self._order.task, cases))
        places = {case.id: place for place, case in enumerate(cases)}
        batch = [self._entry(case, place) for place, case in enumerate(cases)]
        chosen = [[places[case] for case in ids] for ids in sets]
        values = self._run(
            batch,
            {"sets": chosen},
            "sets",
            [1] * len(sets),
            [f"{len(ids)} of {len(cases)} cases" for ids in sets],
        )
        return {ids: value[:, 0] for ids, value in zip(sets, values, strict=True)}

    def _batches(self, cases: Sequence[ScoreCase]) -> Iterator[list[_Entry]]:
        batch: list[_Entry] = []
        size_bytes = 0
        for place, case in enumerate(cases):
            entry = self._entry(case, place)
            if batch and size_bytes + entry.size_bytes > _BATCH_BYTES:
                yield batch
                self._forget(batch)
                batch, size_bytes = [], 0
            batch.append(entry)
            size_bytes += entry.size_bytes
        if batch:
            yield batch
            self._forget(batch)

    def _forget(self, batch: Sequence[_Entry]) -> None:
        for entry in batch:
            for path in entry.files.values():
                if path.parent == self._folder:
                    path.unlink(missing_ok=True)

    def _entry(self, case: ScoreCase, place: int) -> _Entry:
        metric = self._metric
        file = case.reference[metric.reference]
        reference = load_reference(
            self._order.task, metric.reference, self._desk.fetch(file), case.id
        )
        files = {}
        told: dict[str, object] = {"prediction": None}
        if answers(case, metric):
            path = self._desk.fetch(case.predictions[metric.output])
            if self._order.task.outputs[metric.output].type is OutputType.TEXT:
                texts = list(unpack_texts(load_prediction(path), case.items))
                path = self._json(f"prediction-{place}.json", texts)
            if self._order.task.outputs[metric.output].type is OutputType.CUSTOM:
                path = self._json(f"prediction-{place}.json", document_of(load_prediction(path)))
            files[f"prediction-{place}{path.suffix if path.suffix == '.json' else '.npy'}"] = path
            (name,) = files
            told["prediction"] = {"file": name, "kind": _kind(name)}
        name, path = self._reference(reference, place)
        files[name] = path
        told["reference"] = {"file": name, "kind": _kind(name)}
        spacing_mm = getattr(reference, "spacing_mm", ())
        told["case"] = {
            "id": case.id,
            "items": case.items,
            "spacing_mm": list(spacing_mm),
            "labels": {str(value): name for value, name in self._order.task.labels.items()},
            "strata": dict(case.strata),
        }
        return _Entry(case, told, files)

    def _reference(self, reference: Reference, place: int) -> tuple[str, Path]:
        """Write a reference in canonical form: an array, or JSON for texts."""
        if isinstance(reference, TextReference):
            name = f"reference-{place}.json"
            return name, self._json(name, [list(accepted) for accepted in reference.values])
        values = getattr(reference, "values", None)
        if values is None:
            raise OrganizerError(
                Code.METRIC_FAILED,
                f"metric {self._metric.id!r}: {self._metric.reference!r} is of boxes, which an"
                " organizer's function is not handed; use a reference of values",
            )
        name = f"reference-{place}.npy"
        path = self._folder / name
        with path.open("wb") as stream:
            np.lib.format.write_array(
                stream, np.ascontiguousarray(np.asarray(values)), allow_pickle=False
            )
        return name, path

    def _json(self, name: str, content: object) -> Path:
        path = self._folder / name
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    def _run(
        self,
        batch: Sequence[_Entry],
        more: Mapping[str, object],
        part: str,
        items: Sequence[int],
        names: Sequence[str],
    ) -> list[FloatArray]:
        job = self._job(batch, more, items)
        return self._read(job, lambda path: read_answers(path, part, self._labels, items, names))

    def _read(self, job: SandboxJob, read: Callable[[Path], T]) -> T:
        """Run a job and return what ``read`` makes of the one file that it asks for."""
        (output,) = job.outputs
        self._desk.progress(f"scoring {self._metric.id}", 0, len(self._order.cases))
        result = self._bench.sandbox.run(job, self._desk.stopped)
        if result.ending is Ending.CANCELLED:
            raise StoppedError
        path = result.outputs.get(output)
        try:
            if result.ending is not Ending.EXITED or result.exit_code != 0:
                raise AnswerError(_ended(result))
            if path is None:
                problem = result.problems.get(output, "was not written")
                raise AnswerError(f"ended, and {output} {problem}")
            return read(path)
        except AnswerError as error:
            raise self._failed(str(error), result) from error
        finally:
            for found in result.outputs.values():
                found.unlink(missing_ok=True)

    def _job(
        self, batch: Sequence[_Entry], more: Mapping[str, object], items: Sequence[int]
    ) -> SandboxJob:
        document: dict[str, Any] = {
            "file": SOURCE_FILE,
            "function": self._custom.function,
            "kind": str(self._metric.kind),
            "labels": list(self._labels),
            "cases": [entry.told for entry in batch],
            **more,
        }
        inputs = dict(self._source)
        for entry in batch:
            inputs |= entry.files
        return self._sandbox_job(
            {JOB_FILE: canonical_json(document)},
            inputs,
            SCORES_FILE,
            max(MIB, most_bytes(self._labels, items)),
            len(items),
        )

    def _sandbox_job(
        self,
        documents: Mapping[str, bytes],
        inputs: Mapping[str, Path],
        output: str,
        output_bytes: int,
        calls: int,
    ) -> SandboxJob:
        limits = Limits(
            memory_bytes=self._custom.memory_bytes,
            cpus=1,
            pids=64,
            output_bytes=output_bytes,
            output_files=self._output_files,
            tmp_bytes=64 * MIB,
            log_bytes=64 * 1024,
        )
        return SandboxJob(
            work=self._order.id,
            fence=self._order.fence,
            part=f"metric-{self._number}-{next(self._parts)}",
            program=self._program,
            documents=documents,
            inputs=inputs,
            outputs=(output,),
            destination=self._folder,
            limits=limits,
            timeout_s=_START_S + calls * self._custom.seconds,
        )

    def _failed(self, message: str, result: SandboxResult) -> OrganizerError:
        said = sanitize(result.log[-_MOST_TOLD_BYTES:], _MOST_TOLD_BYTES).decode(errors="replace")
        log = f"\nIts log ends:\n{said.strip()}" if said.strip() else " It printed nothing."
        where = f"metric {self._metric.id!r} ({self._custom.file or self._custom.image})"
        return OrganizerError(Code.METRIC_FAILED, f"{where} {message[:_MOST_PHRASE]}.{log}")


def answers(case: ScoreCase, metric: MetricSpec) -> bool:
    """Tell whether a case has an answer for a metric."""
    return case.outcome is Code.OK and metric.output in case.predictions


def asked_sets(task: TaskSpec, cases: Sequence[ScoreCase]) -> Iterator[CaseIds]:
    """Yield every set of cases that a scoring asks a pooled metric of, each once."""
    from proctor_metrics.custom import sets_of
    from proctor_runner.scoring import given_case

    seen: set[CaseIds] = set()
    for private in (False, True):
        part = [case for case in cases if case.private is private]
        if not part:
            continue
        asked = sets_of([given_case(case, lost=False) for case in part])
        for stratum in task.strata:
            levels = sorted({case.strata.get(stratum, "") for case in part})
            asked += [
                tuple(case.id for case in part if case.strata.get(stratum, "") == level)
                for level in levels
            ]
        for ids in asked:
            if ids not in seen:
                seen.add(ids)
                yield ids


def _kind(name: str) -> str:
    return "json" if name.endswith(".json") else "array"


def _ended(result: SandboxResult) -> str:
    match result.ending:
        case Ending.TIMEOUT:
            return f"took longer than allowed and was stopped after {result.seconds:.0f} s"
        case Ending.OUT_OF_MEMORY:
            return "took more memory than allowed"
        case Ending.OUTPUT_LIMIT:
            return "wrote more than allowed"
        case Ending.EXITED:
            return f"ended with exit code {result.exit_code}"
        case _:
            return f"ended as {result.ending}"
