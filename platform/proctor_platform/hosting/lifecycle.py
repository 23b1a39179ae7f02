"""How a version of a hosted model begins, goes on and ends, as its worker tells or as it is told.

A worker that is lost, or stopped, gives its version back to the queue: the next one starts it, and
what had been asked and not answered is asked again. A version that cannot be started ends for good;
the one before it, if it was to be swapped, goes on.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, update
from sqlmodel import Session, col

from proctor.spec.identifiers import Kind, new_id
from proctor.spec.outcomes import OUTCOMES, Code, Owner
from proctor.spec.states import HostingState
from proctor.spec.work import Failure, Heartbeat, HeartbeatReply
from proctor_platform.clock import now
from proctor_platform.events import PLATFORM, record
from proctor_platform.hosting.holding import find, given_back, held
from proctor_platform.hosting.tables import Deployment, Hosting, Question
from proctor_platform.transitions import move
from proctor_platform.work.workers import note_busy

SERVING = "serving"
"""The stage of a heartbeat that says that the model answers."""

FAILED, IDLE, STOPPED = "failed", "idle", "stopped"


def queue(session: Session, deployment: Deployment, submission_id: str, user_id: str) -> Hosting:
    """Add a version that waits for a worker; whose it is in the deployment, the caller says."""
    row = Hosting(
        id=new_id(Kind.HOSTING),
        deployment_id=deployment.id,
        submission_id=submission_id,
        requested_by=user_id,
        state=HostingState.QUEUED.value,
    )
    session.add(row)
    session.flush()
    record(session, row.id, "hosting_queued", user_id, {"submission": submission_id})
    return row


def end(session: Session, hosting_id: str | None, actor: str) -> None:
    """Have a version end: at once while nobody has it, else as soon as its worker hears of it."""
    row = find(session, hosting_id) if hosting_id else None
    if row is None:
        return
    waiting = row.state == HostingState.QUEUED
    if waiting and move(session, row, HostingState.STOPPED, actor=actor, ended_at=now()):
        return
    session.execute(update(Hosting).where(col(Hosting.id) == row.id).values(cancel_requested=True))


def end_deployment(session: Session, deployment: Deployment, why: str, actor: str) -> None:
    """Stop everything of a deployment that nobody has stopped yet; the caller has locked it."""
    if deployment.ended:
        return
    for hosting_id in (deployment.hosting_id, deployment.next_id):
        end(session, hosting_id, actor)
    _change(session, deployment, ended=why, next_id=None)
    record(session, deployment.id, f"deployment_{why}", actor)


def beat(session: Session, hosting_id: str, said: Heartbeat, *, lease_s: float) -> HeartbeatReply:
    """Keep the lease for another while; the beat that says ``serving`` puts the version in place.

    Raises:
        ProctorError: the lease is lost.
    """
    row = held(session, hosting_id, said.fence)
    if said.stage == SERVING and row.state == HostingState.CLAIMED:
        _put_in_place(session, row)
    note_busy(session, row.worker, row.id)
    of_it = col(Hosting.id) == row.id, col(Hosting.fence) == row.fence
    session.execute(update(Hosting).where(*of_it).values(lease_until=now(lease_s)))
    return HeartbeatReply(cancel=row.cancel_requested, lease_s=lease_s)


def give_back(session: Session, hosting_id: str, failure: Failure, *, max_attempts: int) -> None:
    """End an attempt; a second time changes nothing.

    Raises:
        ProctorError: the lease is lost.
    """
    if given_back(session, hosting_id, failure.fence):
        return
    row = held(session, hosting_id, failure.fence)
    actor = row.worker or "worker"
    _lose(session, row, failure.code, failure.detail, actor, max_attempts)


def lapse(session: Session, row: Hosting, *, max_attempts: int) -> bool:
    """Take a version from a worker that has stopped answering; tell whether this call did it."""
    detail = f"Worker {row.worker} stopped answering."
    lapsed = (col(Hosting.lease_until) < now(),)
    return _lose(session, row, Code.WORKER_LOST, detail, PLATFORM, max_attempts, lapsed)


def _put_in_place(session: Session, row: Hosting) -> None:
    """Let a version answer that is ready, in place of the one before it."""
    done = move(
        session,
        row,
        HostingState.SERVING,
        actor=row.worker or "worker",
        fence=row.fence,
        serving_at=now(),
        attempt=0,
        detail="",
    )
    if not done:
        return
    deployment = session.get_one(Deployment, row.deployment_id)
    if deployment.next_id != row.id:
        return
    before = deployment.submission_id
    end(session, deployment.hosting_id, row.requested_by)
    _change(
        session,
        deployment,
        hosting_id=row.id,
        next_id=None,
        submission_id=row.submission_id,
        detail="",
    )
    facts = {"before": before, "after": row.submission_id}
    record(session, deployment.id, "deployment_swapped", row.requested_by, facts)


def _lose(
    session: Session,
    row: Hosting,
    code: Code,
    detail: str,
    actor: str,
    max_attempts: int,
    where: tuple[ColumnElement[bool], ...] = (),
) -> bool:
    """Bring a version that a worker had to what its end makes of it."""
    owner = OUTCOMES[code].owner
    again = owner in (Owner.PLATFORM, Owner.NOBODY) and row.attempt < max_attempts
    if row.cancel_requested:
        done = _end(session, row, HostingState.STOPPED, None, "", actor, where)
    elif again:
        done = move(
            session,
            row,
            HostingState.QUEUED,
            actor=actor,
            fence=row.fence,
            facts={"outcome": code.value, "detail": detail},
            where=where,
            worker=None,
            lease_until=None,
            serving_at=None,
            detail=detail or OUTCOMES[code].message,
        )
    else:
        done = _end(session, row, HostingState.FAILED, code, detail, actor, where)
        if done:
            _fail(session, row)
    if done:
        _ask_again(session, row)
    return done


def _end(
    session: Session,
    row: Hosting,
    state: HostingState,
    code: Code | None,
    detail: str,
    actor: str,
    where: tuple[ColumnElement[bool], ...],
) -> bool:
    told = detail or (OUTCOMES[code].message if code else "")
    return move(
        session,
        row,
        state,
        actor=actor,
        fence=row.fence,
        facts={"outcome": code.value, "detail": detail} if code else {},
        where=where,
        outcome=code.value if code else None,
        detail=told,
        ended_at=now(),
        lease_until=None,
    )


def _fail(session: Session, row: Hosting) -> None:
    """Say at the deployment that a version has failed; another that answers goes on."""
    deployment = session.get_one(Deployment, row.deployment_id)
    if deployment.next_id == row.id:
        detail = f"{row.submission_id} was not swapped in. {row.detail}"
        _change(session, deployment, next_id=None, detail=detail)
    elif deployment.hosting_id == row.id and not deployment.ended:
        end(session, deployment.next_id, PLATFORM)
        _change(session, deployment, ended=FAILED, next_id=None, detail=row.detail)


def _ask_again(session: Session, row: Hosting) -> None:
    """Put what this attempt took and did not answer before the next one."""
    taken = col(Question.hosting_id) == row.id, col(Question.answer_head).is_(None)
    session.execute(update(Question).where(*taken).values(hosting_id=None, fence=None))


def _change(session: Session, deployment: Deployment, **changes: object) -> None:
    of_it = update(Deployment).where(col(Deployment.id) == deployment.id)
    session.execute(of_it.values(**changes), execution_options={"synchronize_session": False})
    session.refresh(deployment)
