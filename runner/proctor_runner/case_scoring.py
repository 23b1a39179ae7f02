"""Scores the cases of one order, one after another or in processes side by side.

Scoring starts in this process; only where what is left would take long is it worth to start
others. Each holds one case at a time and hands back numbers, so a thousand cases need the memory
of a few, and what they come to depends on neither order nor number of processes. Files are fetched
here, by whoever holds the order's rights; another process gets paths.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy.typing as npt

from proctor.spec.outcomes import Code, OrganizerError, PlatformError
from proctor.spec.task import TaskSpec
from proctor.spec.work import ScoreCase, ScoreOrder
from proctor_runner.desk import Desk, StoppedError
from proctor_runner.memory_limit import memory_limit, most_bytes
from proctor_runner.references import Reference, as_answer, load_prediction, load_reference
from proctor_runner.scoring import CaseScores, Scorer
from proctor_runner.side_by_side import ProcessDiedError, side_by_side
from proctor_runner.time_limit import Spent, TimeUpError, time_limit

_QUICK = 0.1
"""A case that is scored in this share of its time, were it answered right, is not too large."""

_SMALL = 0.25
"""So is one that is scored in this share of its memory."""

_GRACE, _START_S = 1.5, 60.0
"""Another process has so many times the limit of a case to give it up by itself, and to start."""


class CaseFiles(NamedTuple):
    """One case and where its files are."""

    case: ScoreCase
    predictions: dict[str, Path]
    references: dict[str, Path]


def score_all(order: ScoreOrder, desk: Desk, scorer: Scorer, processes: int) -> None:
    """Have ``scorer`` take every case of the order.

    Args:
        order: the cases and their task.
        desk: where the files come from.
        scorer: takes the numbers.
        processes: at most so many at a time; 1 is this one alone.

    Raises:
        OrganizerError: REFERENCE_INVALID or METRIC_FAILED.
        PlatformError: something of ours failed, or a scoring process died.
        StoppedError: the desk said stop.
    """
    total = len(order.cases)

    def look(done: int) -> None:
        if desk.stopped():
            raise StoppedError
        desk.progress("scoring", done, total)

    # Another process needs the task and no case but its own.
    work = partial(
        score_one, order.model_copy(update={"cases": ()}), more_bytes=most_bytes(processes)
    )
    limit_s = _GRACE * order.task.score_case_s + _START_S
    try:
        for done in side_by_side(work, _files(order, desk), total, processes, look, limit_s):
            scorer.take(done.given.case, done.made)
    except ProcessDiedError as error:
        raise PlatformError(
            Code.INTERNAL,
            f"the process that scored case {error.given.case.id!r} by"
            f" {', '.join(metric.id for metric in order.task.metrics)} ended {error.reason}",
        ) from error


def score_one(order: ScoreOrder, files: CaseFiles, *, more_bytes: int) -> CaseScores:
    """Load one case and score it, within the time that its task allows and the memory there is.

    A case whose own reference is scored in a small part of them is not too much to ask for: then it
    is the answer that is, and it counts as one that is refused.

    Args:
        more_bytes: this process may take so many beside what it holds.

    Raises:
        OrganizerError: REFERENCE_INVALID or METRIC_FAILED.
        PlatformError: a canonical prediction cannot be read, or this machine has too little memory.
    """
    case, spent = files.case, Spent()
    references: dict[str, Reference] = {}
    predictions: dict[str, npt.NDArray[Any]] = {}
    scorer = Scorer(order.task, order.bootstrap, order.inputs_digest)
    try:
        with memory_limit(more_bytes), time_limit(order.task.score_case_s):
            for name, path in files.references.items():
                references[name] = load_reference(order.task, name, path, case.id)
            for name, path in files.predictions.items():
                predictions[name] = load_prediction(path)
            return scorer.score(case, predictions, references, spent.begin)
    except (TimeUpError, MemoryError) as error:
        metric, took_s = spent.most()
        memory_ran_out = isinstance(error, MemoryError)
        if memory_ran_out:
            metric = spent.part
        # What its frames hold is part of what ran out.
        error.__traceback__ = None
    if metric and _small_where_right(order.task, case, references, scorer, more_bytes):
        return scorer.score(case, predictions, references, refuse=True)
    if memory_ran_out:
        raise PlatformError(
            Code.INTERNAL,
            f"case {case.id!r} takes more than {more_bytes >> 20} MiB of memory in"
            f" {_what(metric)}, a part of what this machine has; give score workers more",
        )
    raise OrganizerError(
        Code.METRIC_FAILED,
        f"case {case.id!r} was not scored within {order.task.score_case_s:g} s, which the task"
        f" allows a case (score_case_s); {_what(metric)} took {took_s:.0f} s of them",
    )


def _small_where_right(
    task: TaskSpec,
    case: ScoreCase,
    references: Mapping[str, Reference],
    scorer: Scorer,
    more_bytes: int,
) -> bool:
    """Tell whether the references, taken for answers, need small parts of time and memory."""
    right = {
        metric.output: answer
        for metric in task.metrics
        if (answer := as_answer(task, metric.output, references[metric.reference])) is not None
    }
    if any(metric.output not in right for metric in task.metrics):
        return False
    try:
        with memory_limit(int(_SMALL * more_bytes)), time_limit(_QUICK * task.score_case_s):
            scorer.score(case, right, references)
    except (TimeUpError, MemoryError):
        return False
    return True


def _what(metric: str) -> str:
    return f"metric {metric!r}" if metric else "reading its files"


def _files(order: ScoreOrder, desk: Desk) -> Iterator[CaseFiles]:
    for case in order.cases:
        answered = case.predictions.items() if case.outcome is Code.OK else ()
        yield CaseFiles(
            case,
            {name: desk.fetch(file) for name, file in answered},
            {name: desk.fetch(file) for name, file in case.reference.items()},
        )
