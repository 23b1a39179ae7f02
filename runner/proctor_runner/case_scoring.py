"""Scores the cases of one order, one after another or in processes side by side.

Scoring starts in this process; only where what is left would take long is it worth to start
others. Each holds one case at a time and hands back numbers, so a thousand cases need the memory
of a few, and what they come to depends on neither order nor number of processes. Files are fetched
here, by whoever holds the order's rights; another process gets paths.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import proctor_metrics
from proctor.spec.outcomes import Code, OrganizerError, PlatformError
from proctor.spec.work import ScoreCase, ScoreOrder
from proctor_metrics.threads import thread_limit
from proctor_runner.desk import Desk, StoppedError
from proctor_runner.references import load_prediction, load_reference
from proctor_runner.scoring import CaseScores, Scorer

WORTH_S = 5.0
"""Other processes are started when what is left would take this process longer."""

_LOOK_S = 0.5
_PR_SET_PDEATHSIG = 1


class CaseFiles(NamedTuple):
    """One case and where its files are."""

    case: ScoreCase
    predictions: dict[str, Path]
    references: dict[str, Path]


class Failed(NamedTuple):
    """How a case could not be scored: an error of ours cannot be pickled as it is."""

    kind: type[OrganizerError] | type[PlatformError]
    code: Code
    detail: str


@dataclass
class _Process:
    """What a scoring process knows besides the case it is given."""

    order: ScoreOrder | None = None


_HERE = _Process()


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
    began = time.monotonic()
    total = len(order.cases)
    for done, case in enumerate(order.cases):
        left_s = (time.monotonic() - began) / max(done, 1) * (total - done)
        if processes > 1 and done and left_s > WORTH_S:
            _score_elsewhere(order, desk, scorer, order.cases[done:], processes)
            return
        _look(desk, done, total)
        scorer.take(case, score_one(order, _files(case, desk)))


def score_one(order: ScoreOrder, files: CaseFiles) -> CaseScores:
    """Load one case and score it.

    Raises:
        OrganizerError: REFERENCE_INVALID or METRIC_FAILED.
        PlatformError: a canonical prediction cannot be read.
    """
    case = files.case
    references = {
        name: load_reference(order.task, name, path, case.id)
        for name, path in files.references.items()
    }
    predictions = {name: load_prediction(path) for name, path in files.predictions.items()}
    scorer = Scorer(order.task, order.bootstrap, order.inputs_digest)
    return scorer.score(case, predictions, references)


def _files(case: ScoreCase, desk: Desk) -> CaseFiles:
    answered = case.predictions.items() if case.outcome is Code.OK else ()
    return CaseFiles(
        case,
        {name: desk.fetch(file) for name, file in answered},
        {name: desk.fetch(file) for name, file in case.reference.items()},
    )


def _look(desk: Desk, done: int, total: int) -> None:
    if desk.stopped():
        raise StoppedError
    desk.progress("scoring", done, total)


def _score_elsewhere(
    order: ScoreOrder, desk: Desk, scorer: Scorer, cases: Sequence[ScoreCase], processes: int
) -> None:
    waiting: dict[Future[CaseScores | Failed], ScoreCase] = {}
    ahead = iter(cases)
    done = len(order.cases) - len(cases)
    with _pool(order, min(processes, len(cases))) as pool:
        while True:
            # A few more than there are processes: none waits, and few files are held.
            while len(waiting) < 2 * processes and (case := next(ahead, None)) is not None:
                try:
                    waiting[pool.submit(_score_in_child, _files(case, desk))] = case
                except BrokenProcessPool as error:
                    raise _died(case) from error
            if not waiting:
                return
            finished, _ = wait(waiting, timeout=_LOOK_S, return_when=FIRST_COMPLETED)
            for future in finished:
                case = waiting.pop(future)
                scorer.take(case, _result(future, case))
                done += 1
            _look(desk, done, len(order.cases))


def _result(future: Future[CaseScores | Failed], case: ScoreCase) -> CaseScores:
    try:
        found = future.result()
    except BrokenProcessPool as error:
        raise _died(case) from error
    if isinstance(found, Failed):
        raise found.kind(found.code, found.detail)
    return found


def _died(case: ScoreCase) -> PlatformError:
    return PlatformError(
        Code.INTERNAL,
        f"a process died that scored case {case.id!r} or one beside it; most often memory ran out",
    )


@contextmanager
def _pool(order: ScoreOrder, processes: int) -> Iterator[ProcessPoolExecutor]:
    # Not forked from this process, which has threads; from one that has only imported this module.
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    pool = ProcessPoolExecutor(
        processes, context, initializer=_begin, initargs=(order, proctor_metrics.__file__)
    )
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _begin(order: ScoreOrder, metrics: str) -> None:
    """Make this process one that scores, for as long as there is one to score for."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if proctor_metrics.__file__ != metrics:
        # An archive's metrics are never replaced by the installed ones without a word.
        os._exit(1)
    _HERE.order = order


def _score_in_child(files: CaseFiles) -> CaseScores | Failed:
    assert _HERE.order is not None  # noqa: S101
    try:
        with thread_limit(1):
            return score_one(_HERE.order, files)
    except (OrganizerError, PlatformError) as error:
        return Failed(type(error), error.code, error.detail)
