"""What a submission's newest first runs and evaluations add up to, in one word for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from proctor.spec.outcomes import OUTCOMES, Code, Owner
from proctor.spec.states import EvaluationState, RunState, SubmissionState
from proctor.spec.work import Purpose
from proctor_platform.tables import Evaluation, Run, Submission


class Progress(NamedTuple):
    """A word, whether it is the last one, and why it came to this."""

    word: str
    final: bool
    outcome: Code | None = None
    detail: str = ""


def first_runs(runs: Iterable[Run]) -> dict[str, Run]:
    """Return the newest run of each task that is no re-run; ``runs`` are in order of time."""
    return {run.task: run for run in runs if run.purpose == "first"}


def tryouts_of(runs: Iterable[Run]) -> list[Run]:
    """Return the runs on the public sample that came before all others."""
    return [run for run in runs if run.purpose == Purpose.TRYOUT]


def shown_runs(runs: Sequence[Run]) -> list[Run]:
    """Return the runs that speak for a submission: the first ones, or the try-outs so far."""
    return list(first_runs(runs).values()) or tryouts_of(runs)


def telling_evaluations(evaluations: Iterable[Evaluation]) -> dict[str, Evaluation]:
    """Return the evaluation of each run that speaks for it: the newest with scores, or the newest.

    What has a score keeps it while it is scored anew. ``evaluations`` are in order of time.
    """
    found: dict[str, Evaluation] = {}
    for row in evaluations:
        known = found.get(row.run_id)
        if (
            known is None
            or known.state != EvaluationState.SCORED
            or row.state == EvaluationState.SCORED
        ):
            found[row.run_id] = row
    return found


def progress_of(
    submission: Submission, runs: Sequence[Run], evaluations: Mapping[str, Evaluation]
) -> Progress:
    """Say where a submission stands.

    Args:
        submission: its row.
        runs: all its runs in order of time.
        evaluations: the telling evaluation of each run that has one.
    """
    if submission.state in (SubmissionState.REJECTED, SubmissionState.WITHDRAWN):
        code = Code(submission.outcome) if submission.outcome else Code.CANCELLED
        theirs = OUTCOMES[code].owner in (Owner.PARTICIPANT, Owner.NOBODY)
        return Progress(submission.state if theirs else "failed", True, code, submission.detail)
    tryouts = tryouts_of(runs)
    if tryouts and submission.state == SubmissionState.CHECKING:
        waits = all(run.state == RunState.QUEUED for run in tryouts)
        return Progress("queued" if waits else "trying", False)
    if submission.check_only:
        return Progress("checked", True, Code.OK)
    firsts = list(first_runs(runs).values())
    states = {run.state for run in firsts}
    if states & {RunState.CLAIMED, RunState.RUNNING}:
        return Progress(
            "checking" if submission.state == SubmissionState.CHECKING else "running", False
        )
    if RunState.QUEUED in states:
        return Progress("queued", False)
    scorings = [evaluations[run.id] for run in firsts if run.id in evaluations]
    awaited = [run for run in firsts if run.state == RunState.SUCCEEDED]
    waiting = {EvaluationState.QUEUED, EvaluationState.CLAIMED, EvaluationState.SCORING}
    if len(scorings) < len(awaited) or any(row.state in waiting for row in scorings):
        return Progress("scoring", False)
    ended: list[Run | Evaluation] = [*firsts, *scorings]
    for row in ended:
        if row.state == RunState.FAILED:
            code = Code(row.outcome) if row.outcome else Code.INTERNAL
            return Progress("failed", True, code, row.detail)
    if RunState.CANCELLED in {row.state for row in ended}:
        return Progress("cancelled", True, Code.CANCELLED)
    return Progress("scored", True, Code.OK)
