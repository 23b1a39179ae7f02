"""Scores made anew after a change of metrics; until all are there, the board before stays."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from sqlmodel import Session, col, select

from proctor.spec.states import EvaluationState, SubmissionState
from proctor_platform.leaderboards.scope import Scope
from proctor_platform.tables import Evaluation, Run, Submission

UNSCORED = frozenset(
    {
        EvaluationState.QUEUED.value,
        EvaluationState.CLAIMED.value,
        EvaluationState.SCORING.value,
    }
)
"""The states of a scoring that has not ended."""


class Renewal(NamedTuple):
    """How far the scores of a phase are.

    Attributes:
        waiting: scorings under the present definitions that have not ended.
        failed: runs without a score under the present definitions since scoring them failed.
        failure: what the first of these says.
        held: a run that was scored before waits for its new score, or cannot get it: a board made
            now would lack it.
    """

    waiting: int
    failed: int
    failure: str
    held: bool


class _Scoring(NamedTuple):
    current: bool
    state: str
    outcome: str | None
    detail: str


def renewal_of(session: Session, scope: Scope) -> Renewal:
    """Say how far the scores of a phase are."""
    rows = session.execute(
        select(  # type: ignore[call-overload]  # its overloads end at four columns
            Evaluation.run_id,
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
            Run.purpose == "first",
            col(Run.task).in_(scope.phase.tasks),
        )
        .order_by(col(Evaluation.id))
    )
    by_run: defaultdict[str, list[_Scoring]] = defaultdict(list)
    for run, version, *rest, task in rows:
        by_run[run].append(_Scoring(version in scope.comparable[task], *rest))
    waiting = failed = 0
    failure, held = "", False
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
        before = any(row.state == EvaluationState.SCORED for row in evaluations)
        held = held or (before and (pending or lost))
    return Renewal(waiting, failed, failure, held)
