"""Scores made anew after a change of metrics or data; till all are there, the old board stays."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from sqlmodel import Session, col, select

from proctor.spec.outcomes import OUTCOMES, Code, Owner
from proctor.spec.states import EvaluationState, RunState, SubmissionState
from proctor.spec.work import RESULTS, Purpose
from proctor_platform.alike import asked_alike
from proctor_platform.leaderboards.scope import Scope
from proctor_platform.tables import ChallengeVersion, Evaluation, Run, Submission

UNSCORED = frozenset(
    {
        EvaluationState.QUEUED.value,
        EvaluationState.CLAIMED.value,
        EvaluationState.SCORING.value,
    }
)
"""The states of a scoring that has not ended."""


UNDONE = frozenset({RunState.QUEUED.value, RunState.CLAIMED.value, RunState.RUNNING.value})
"""The states of a run that has not ended."""


class Renewal(NamedTuple):
    """How far the scores of a phase are.

    Attributes:
        waiting: scorings under the present definitions that have not ended.
        failed: runs without a score under the present definitions since scoring them failed.
        failure: what the first of these says.
        held: a run that was scored before waits for its new score, or cannot get it: a board made
            now would lack it. So it would while what is archived runs on a new test set, and when
            we could not run it.
    """

    waiting: int
    failed: int
    failure: str
    held: bool


class Refreshing(NamedTuple):
    """How far the archived submissions of a phase are on a new test set.

    Attributes:
        running: runs that have not ended.
        failed: runs that failed finally, for no fault of the model.
        failure: what the first of these says.
    """

    running: int
    failed: int
    failure: str


class _Scoring(NamedTuple):
    purpose: str
    current: bool
    state: str
    outcome: str | None
    detail: str


def renewal_of(session: Session, scope: Scope) -> Renewal:
    """Say how far the scores of a phase are."""
    rows = session.execute(
        select(  # type: ignore[call-overload]  # its overloads end at four columns
            Evaluation.run_id,
            Run.purpose,
            Evaluation.version,
            Evaluation.state,
            Evaluation.outcome,
            Evaluation.detail,
            Run.task,
        )
        .join(Run, col(Run.id) == col(Evaluation.run_id))
        .join(Submission, col(Submission.id) == col(Run.submission_id))
        .where(
            Submission.challenge_id == scope.challenge.id,
            Submission.phase == scope.phase.slug,
            Submission.state == SubmissionState.ACCEPTED.value,
            col(Run.purpose).in_(RESULTS),
            col(Run.task).in_(scope.phase.tasks),
        )
        .order_by(col(Evaluation.id))
    )
    by_run: defaultdict[str, list[_Scoring]] = defaultdict(list)
    for run, purpose, version, *rest, task in rows:
        by_run[run].append(_Scoring(purpose, version in scope.comparable[task], *rest))
    waiting = failed = 0
    refreshing = refreshing_of(session, scope)
    failure, held = "", refreshing.running > 0 or refreshing.failed > 0
    for evaluations in by_run.values():
        current = [row for row in evaluations if row.current]
        if not current:
            continue
        newest = current[-1]
        scored = any(row.state == EvaluationState.SCORED for row in current)
        pending = newest.state in UNSCORED
        lost = newest.state == EvaluationState.FAILED and not scored
        waiting += pending
        failed += lost
        if lost:
            failure = failure or f"{newest.outcome}: {newest.detail}"
        before = newest.purpose == Purpose.REFRESH or any(
            row.state == EvaluationState.SCORED for row in evaluations
        )
        held = held or (before and (pending or lost))
    return Renewal(waiting, failed, failure, held)


def refreshing_of(session: Session, scope: Scope) -> Refreshing:
    """Say how far the archived submissions of a phase are on the newest test set."""
    rows = session.exec(
        select(Run)
        .join(Submission, col(Submission.id) == col(Run.submission_id))
        .where(
            Submission.challenge_id == scope.challenge.id,
            Submission.phase == scope.phase.slug,
            Submission.state == SubmissionState.ACCEPTED.value,
            Run.purpose == Purpose.REFRESH.value,
            col(Run.state) != RunState.SUCCEEDED.value,
            col(Run.task).in_(scope.phase.tasks),
        )
        .order_by(col(Run.id))
    ).all()
    present = [run for run in rows if answers_present(session, scope, run)]
    newest = {(run.submission_id, run.task): run for run in present}.values()
    failed = [run for run in newest if run.state == RunState.FAILED and not _models_fault(run)]
    failure = f"{failed[0].outcome}: {failed[0].detail}" if failed else ""
    return Refreshing(sum(run.state in UNDONE for run in newest), len(failed), failure)


def answers_present(session: Session, scope: Scope, run: Run) -> bool:
    """Tell whether a run's predictions answer what the newest version asks."""
    answered = session.get_one(ChallengeVersion, (scope.challenge.id, run.version))
    return asked_alike(session, answered, scope.version, run.task)


def _models_fault(run: Run) -> bool:
    return run.outcome is not None and OUTCOMES[Code(run.outcome)].owner is Owner.PARTICIPANT
