"""Cancelling: what waits ends now, what is being done is asked to stop."""

from __future__ import annotations

from sqlalchemy import update
from sqlmodel import Session, col, select

from proctor.spec.outcomes import Code, ProctorError
from proctor.spec.states import EvaluationState, RunState, SubmissionState
from proctor_platform.clock import now
from proctor_platform.identity import UserIdentity
from proctor_platform.submissions.progress import (
    first_runs,
    progress_of,
    telling_evaluations,
)
from proctor_platform.submissions.sights import SubmissionSight, own_submission
from proctor_platform.tables import Evaluation, Run
from proctor_platform.transitions import move
from proctor_platform.work.failures import uncharge


def cancel(session: Session, user: UserIdentity, submission_id: str) -> SubmissionSight:
    """Withdraw a submission that has not ended; a second time changes nothing.

    Raises:
        ProctorError: it is not the user's, or it has ended.
    """
    sight = own_submission(session, submission_id, user, lock=True)
    submission = sight.submission
    if submission.state == SubmissionState.WITHDRAWN:
        return sight
    runs = session.exec(
        select(Run).where(col(Run.submission_id) == submission.id).order_by(col(Run.id))
    ).all()
    evaluations = session.exec(
        select(Evaluation)
        .where(col(Evaluation.run_id).in_([run.id for run in runs]))
        .order_by(col(Evaluation.id))
    ).all()
    progress = progress_of(submission, runs, telling_evaluations(evaluations))
    if progress.final:
        raise ProctorError(Code.CONFLICT, f"The submission has ended: {progress.word}.")
    stopped_in_time = {run.id for run in runs if _stop(session, run, user)}
    for evaluation in evaluations:
        _stop(session, evaluation, user)
    withdrawn = move(
        session,
        submission,
        SubmissionState.WITHDRAWN,
        actor=user.id,
        outcome=Code.CANCELLED.value,
    )
    if not withdrawn:
        raise ProctorError(Code.CONFLICT, f"The submission is {submission.state}.")
    # A run that was claimed once, even if it went back to the queue, may have met a hidden case.
    if all(run.id in stopped_in_time and not run.attempt for run in first_runs(runs).values()):
        uncharge(session, submission, Code.CANCELLED)
    session.commit()
    return sight


def _stop(session: Session, row: Run | Evaluation, user: UserIdentity) -> bool:
    """End what waits and tell whether it did; ask a worker that has it to stop."""
    table = type(row)
    cancelled = RunState.CANCELLED if isinstance(row, Run) else EvaluationState.CANCELLED
    ended = move(
        session,
        row,
        cancelled,
        actor=user.id,
        where=(col(table.state) == RunState.QUEUED.value,),
        outcome=Code.CANCELLED.value,
        ended_at=now(),
    )
    if not ended:
        held = update(table).where(col(table.id) == row.id, col(table.ended_at).is_(None))
        session.execute(held.values(cancel_requested=True))
    return ended
