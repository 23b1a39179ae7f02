"""What a worker says while it holds a piece of work: that it lives, and each case as it ends."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import update
from sqlmodel import Session, col, func, select

from proctor.spec.base import FileRef
from proctor.spec.outcomes import Code, ProctorError
from proctor.spec.states import EvaluationState, RunState, SubmissionState
from proctor.spec.work import CaseReport, Heartbeat, HeartbeatReply, Purpose
from proctor_platform.clock import now
from proctor_platform.tables import BlobGrant, CaseResult, Evaluation, Run, Submission
from proctor_platform.transitions import move
from proctor_platform.work.documents import cases_of, frame_of
from proctor_platform.work.holding import Work, held
from proctor_platform.work.locking import lock_submission_of
from proctor_platform.work.workers import note_busy


def beat(session: Session, work_id: str, heartbeat: Heartbeat, *, lease_s: float) -> HeartbeatReply:
    """Keep the lease for another while; the first beat says that the work has begun.

    Raises:
        ProctorError: the lease is lost.
    """
    row = held(session, work_id, heartbeat.fence)
    begin(session, row)
    note_busy(session, row.worker, row.id)
    if isinstance(row, Run):
        # An attempt may not know what earlier ones did, so the number never goes back.
        done = min(max(row.cases_done, heartbeat.cases_done), row.cases_total)
        changed = update(Run).where(col(Run.id) == row.id, col(Run.fence) == row.fence)
        session.execute(
            changed.values(lease_until=now(lease_s), stage=heartbeat.stage, cases_done=done)
        )
    else:
        renewed = update(Evaluation).where(
            col(Evaluation.id) == row.id, col(Evaluation.fence) == row.fence
        )
        session.execute(renewed.values(lease_until=now(lease_s)))
    return HeartbeatReply(cancel=row.cancel_requested, lease_s=lease_s)


def begin(session: Session, row: Work) -> None:
    """Bring claimed work into the state in which it is done, if it is not there yet."""
    actor = row.worker or "worker"
    if isinstance(row, Run):
        if row.state == RunState.CLAIMED:
            started: dict[str, Any] = {} if row.started_at else {"started_at": now()}
            move(session, row, RunState.RUNNING, actor=actor, fence=row.fence, **started)
    elif row.state == EvaluationState.CLAIMED:
        move(session, row, EvaluationState.SCORING, actor=actor, fence=row.fence)


def accept(session: Session, work_id: str, fence: int) -> None:
    """Accept the submission whose content has passed intake; a second time changes nothing.

    Of a submission that is tried out, intake is the first part of the try-out and decides nothing.

    Raises:
        ProctorError: the lease is lost, or the work is no run.
    """
    lock_submission_of(session, work_id)
    run = held_run(session, work_id, fence)
    submission = session.get_one(Submission, run.submission_id)
    # A re-run with other content says nothing about what the participant entered.
    if run.content is None and run.purpose == Purpose.FIRST:
        move(session, submission, SubmissionState.ACCEPTED, actor=run.worker or "worker")


def keep_case(session: Session, work_id: str, report: CaseReport) -> None:
    """Write the result of one case unless it has one.

    Raises:
        ProctorError: the lease is lost, the case is not of this run, or a file is not here.
    """
    run = held_run(session, work_id, report.fence)
    if session.get(CaseResult, (run.id, report.case)) is not None:
        return
    frame = frame_of(session, run)
    if report.case not in {case.id for case in cases_of(session, run, frame)}:
        raise ProctorError(Code.INVALID_REQUEST, f"{run.id} has no case {report.case!r}.")
    _check_outputs(report, set(frame.task.outputs))
    files = [*report.predictions.values(), *([report.log] if report.log else [])]
    require_blobs(session, f"submission:{run.submission_id}", files)
    begin(session, run)
    session.add(
        CaseResult(
            run_id=run.id,
            case_id=report.case,
            outcome=report.outcome.value,
            detail=report.detail,
            exit_code=report.exit_code,
            seconds=report.seconds,
            peak_memory_bytes=report.peak_memory_bytes,
            peak_gpu_memory_bytes=report.peak_gpu_memory_bytes,
            predictions={
                name: ref.model_dump(mode="json") for name, ref in report.predictions.items()
            },
            log=None if report.log is None else report.log.model_dump(mode="json"),
        )
    )
    session.flush()
    session.execute(
        update(Run).where(col(Run.id) == run.id).values(cases_done=count_cases(session, run.id))
    )


def held_run(session: Session, work_id: str, fence: int) -> Run:
    """Return the run that ``fence`` holds.

    Raises:
        ProctorError: the lease is lost, or the work is an evaluation.
    """
    row = held(session, work_id, fence)
    if not isinstance(row, Run):
        raise ProctorError(Code.INVALID_REQUEST, f"{work_id} is an evaluation; this is for runs.")
    return row


def count_cases(session: Session, run_id: str) -> int:
    """Return how many cases of a run have a result."""
    statement = select(func.count()).select_from(CaseResult)
    return session.exec(statement.where(col(CaseResult.run_id) == run_id)).one()


def require_blobs(session: Session, audience: str, files: Iterable[FileRef]) -> None:
    """Refuse files that were not uploaded under an order of this kind.

    A worker must have sent the bytes itself: naming the digest of somebody else's blob, of a
    reference above all, would else put it in front of the next reader.

    Raises:
        ProctorError: a file is not here.
    """
    for file in files:
        if session.get(BlobGrant, (file.digest, audience)) is None:
            raise ProctorError(Code.BLOB_MISSING, f"{file.digest} was not uploaded by this work.")


def _check_outputs(report: CaseReport, declared: set[str]) -> None:
    named = set(report.predictions)
    if report.outcome is Code.OK and named != declared:
        raise ProctorError(
            Code.INVALID_REQUEST,
            f"case {report.case!r} is OK with outputs {sorted(named)}; "
            f"the task declares {sorted(declared)}.",
        )
    if report.outcome is not Code.OK and named:
        raise ProctorError(
            Code.INVALID_REQUEST,
            f"case {report.case!r} has outcome {report.outcome.value} and yet predictions.",
        )
