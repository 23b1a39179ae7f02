"""Failures of work, by owner: ours is tried again and never charged, an organizer's is final and
counts for nobody, a participant's is final and counts.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, update
from sqlmodel import Session, col, select

from proctor.spec.outcomes import OUTCOMES, Code, Owner, ProctorError
from proctor.spec.states import EvaluationState, RunState, SubmissionState
from proctor.spec.work import Failure, Purpose
from proctor_platform import outbox, reruns
from proctor_platform.clock import now
from proctor_platform.events import PLATFORM, record
from proctor_platform.tables import Evaluation, Run, Submission
from proctor_platform.transitions import move
from proctor_platform.work.holding import Work, find, held, queue_of, table_of
from proctor_platform.work.locking import lock_submission_of

Conditions = tuple[ColumnElement[bool], ...]


def give_back(session: Session, work_id: str, failure: Failure, *, max_attempts: int) -> None:
    """End an attempt that could not be brought to its end; a second time changes nothing.

    Raises:
        ProctorError: the lease is lost.
    """
    lock_submission_of(session, work_id)
    if _already_given_back(session, work_id, failure.fence):
        return
    row = held(session, work_id, failure.fence)
    fail(
        session,
        row,
        failure.code,
        failure.detail,
        actor=row.worker or "worker",
        max_attempts=max_attempts,
    )


def fail(
    session: Session,
    row: Work,
    code: Code,
    detail: str,
    *,
    actor: str,
    max_attempts: int,
    where: Conditions = (),
    **changes: Any,
) -> bool:
    """Bring work that somebody holds to what its failure makes of it.

    Args:
        session: the writing session.
        row: the run or evaluation, as the fence had it.
        code: the failure; its owner decides what happens.
        detail: what happened, for people.
        actor: who says so, for the event.
        max_attempts: after so many, a failure of ours is final too.
        where: further conditions of the change, for example that the lease has lapsed.
        changes: columns that change if the failure is final.

    Returns:
        Whether this call did it.
    """
    if row.cancel_requested:
        return _cancel(session, row, actor, where)
    if code is Code.CANCELLED:
        raise ProctorError(Code.CONFLICT, f"Nobody asked to cancel {row.id}.")
    again = OUTCOMES[code].owner in (Owner.PLATFORM, Owner.NOBODY) and row.attempt < max_attempts
    if again:
        return _try_again(session, row, code, detail, actor, where)
    return end_failed(session, row, code, detail, actor=actor, where=where, **changes)


def end_failed(
    session: Session,
    row: Work,
    code: Code,
    detail: str,
    *,
    actor: str,
    where: Conditions = (),
    **changes: Any,
) -> bool:
    """Make a failure final, and do to submission, board and re-run what follows from it.

    Returns:
        Whether this call did it.
    """
    state = RunState.FAILED if isinstance(row, Run) else EvaluationState.FAILED
    done = move(
        session,
        row,
        state,
        actor=actor,
        fence=row.fence,
        facts={"outcome": code.value, "detail": detail},
        where=where,
        outcome=code.value,
        detail=detail,
        ended_at=now(),
        lease_until=None,
        **changes,
    )
    if done:
        _follow(session, row, code, detail, actor)
    return done


def lapse(session: Session, row: Work, *, max_attempts: int) -> bool:
    """Take work from a worker that has stopped answering.

    Returns:
        Whether this call did it; not when the worker has answered since.
    """
    return fail(
        session,
        row,
        Code.WORKER_LOST,
        f"Worker {row.worker} stopped answering in attempt {row.attempt}.",
        actor=PLATFORM,
        max_attempts=max_attempts,
        where=(col(table_of(row.id).lease_until) < now(),),
    )


def _already_given_back(session: Session, work_id: str, fence: int) -> bool:
    table = table_of(work_id)
    over = (RunState.QUEUED.value, RunState.FAILED.value, RunState.CANCELLED.value)
    return find(session, work_id, col(table.fence) == fence, col(table.state).in_(over)) is not None


def _try_again(
    session: Session, row: Work, code: Code, detail: str, actor: str, where: Conditions
) -> bool:
    state = RunState.QUEUED if isinstance(row, Run) else EvaluationState.QUEUED
    facts = {"outcome": code.value, "detail": detail, "attempt": row.attempt}
    changes: dict[str, Any] = {"stage": "waiting"} if isinstance(row, Run) else {}
    done = move(
        session,
        row,
        state,
        actor=actor,
        fence=row.fence,
        facts=facts,
        where=where,
        worker=None,
        lease_until=None,
        detail=f"Attempt {row.attempt}: {detail or OUTCOMES[code].message}",
        **changes,
    )
    if done:
        outbox.ring(session, row.id, queue_of(row))
    return done


def _cancel(session: Session, row: Work, actor: str, where: Conditions) -> bool:
    state = RunState.CANCELLED if isinstance(row, Run) else EvaluationState.CANCELLED
    return move(
        session,
        row,
        state,
        actor=actor,
        fence=row.fence,
        where=where,
        outcome=Code.CANCELLED.value,
        ended_at=now(),
        lease_until=None,
    )


def _follow(session: Session, row: Work, code: Code, detail: str, actor: str) -> None:
    run = row if isinstance(row, Run) else session.get_one(Run, row.run_id)
    if run.purpose == Purpose.RERUN:
        reruns.judge_failure(session, run, code)
        return
    submission = session.get_one(Submission, run.submission_id)
    if run.purpose == Purpose.TRYOUT:
        # No hidden case was met, so it costs nothing, whoever failed.
        uncharge(session, submission, code)
        _reject(session, submission, code, detail, actor)
        return
    if OUTCOMES[code].owner is not Owner.PARTICIPANT:
        # What has a score, if on another task, was worth its charge, however this ends.
        if not _has_score(session, submission):
            uncharge(session, submission, code)
    elif submission.state == SubmissionState.CHECKING:
        _reject(session, submission, code, detail, actor)
    # Other tasks of the submission may already have scores that waited for this one.
    outbox.renew_board(session, submission.challenge_id, submission.phase)


def _has_score(session: Session, submission: Submission) -> bool:
    scored = (
        select(Evaluation.id)
        .join(Run, col(Run.id) == col(Evaluation.run_id))
        .where(
            Run.submission_id == submission.id,
            Run.purpose == "first",
            Evaluation.state == EvaluationState.SCORED.value,
        )
    )
    return session.exec(scored).first() is not None


def charge_again(session: Session, submission: Submission) -> None:
    """Charge a submission that has a score after all, though another part of it failed first."""
    if submission.charged or submission.baseline or submission.check_only:
        return
    session.execute(
        update(Submission).where(col(Submission.id) == submission.id).values(charged=True)
    )
    record(session, submission.id, "submission_charged", PLATFORM)


def uncharge(session: Session, submission: Submission, code: Code) -> None:
    """Give back what a submission took of the quota."""
    if submission.charged:
        session.execute(
            update(Submission).where(col(Submission.id) == submission.id).values(charged=False)
        )
        record(session, submission.id, "submission_uncharged", PLATFORM, {"outcome": code.value})


def _reject(session: Session, submission: Submission, code: Code, detail: str, actor: str) -> None:
    """Reject what did not pass intake or try-out; its other runs have nothing left to decide."""
    rejected = move(
        session,
        submission,
        SubmissionState.REJECTED,
        actor=actor,
        facts={"outcome": code.value},
        outcome=code.value,
        detail=detail,
    )
    if not rejected:
        return
    others = select(Run).where(Run.submission_id == submission.id, col(Run.ended_at).is_(None))
    for run in session.exec(others).all():
        if run.state == RunState.QUEUED:
            move(
                session,
                run,
                RunState.CANCELLED,
                actor=PLATFORM,
                outcome=Code.CANCELLED.value,
                ended_at=now(),
            )
        else:
            session.execute(update(Run).where(col(Run.id) == run.id).values(cancel_requested=True))
