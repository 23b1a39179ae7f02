"""Who holds a piece of work: its row, if this fence is still the one and the lease has not lapsed.

A piece of work is a run or an evaluation; its id says which. Everything a worker reports goes
through ``held``, so a worker that was too slow is told so everywhere alike.
"""

from __future__ import annotations

from typing import Never, cast

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from proctor.spec.identifiers import Kind
from proctor.spec.outcomes import Code, ProctorError
from proctor.spec.states import EvaluationState, RunState, is_final
from proctor.spec.work import Queue, Role
from proctor_platform.clock import now
from proctor_platform.database import writes
from proctor_platform.hosting.tables import Hosting
from proctor_platform.tables import Evaluation, Run

Work = Run | Evaluation

LIVE_RUN = (RunState.CLAIMED, RunState.RUNNING)
LIVE_EVALUATION = (EvaluationState.CLAIMED, EvaluationState.SCORING)


def table_of(work_id: str) -> type[Run] | type[Evaluation]:
    """Return the table that a piece of work is in.

    Raises:
        ProctorError: the id names neither a run nor an evaluation.
    """
    match work_id.partition("_")[0]:
        case Kind.RUN.value:
            return Run
        case Kind.EVALUATION.value:
            return Evaluation
    raise ProctorError(Code.NOT_FOUND)


def queue_of(work: Work) -> Queue:
    """Return the queue whose workers do this."""
    return Queue(work.queue) if isinstance(work, Run) else Queue.SCORE


def role_of(queue: Queue) -> Role:
    """Return the role that a worker of this queue must have."""
    match queue:
        case Queue.SCORE:
            return Role.SCORE
        case Queue.HOST:
            return Role.HOST
        case Queue.RUN_CPU | Queue.RUN_GPU:
            return Role.RUN


def state_of(work: Work) -> RunState | EvaluationState:
    """Return the state as a member of its kind."""
    return RunState(work.state) if isinstance(work, Run) else EvaluationState(work.state)


def is_live(table: type[Run] | type[Evaluation]) -> ColumnElement[bool]:
    """Return the condition that somebody holds the row, lapsed or not."""
    return col(table.state).in_(LIVE_RUN if table is Run else LIVE_EVALUATION)


def find(session: Session, work_id: str, *conditions: ColumnElement[bool]) -> Work | None:
    """Return a piece of work if it is there and fulfils ``conditions``.

    In a session that writes it is locked; one that only reads cannot lock, and need not.
    """
    table = table_of(work_id)
    wanted = select(table).where(col(table.id) == work_id, *conditions)
    found = session.exec(wanted.with_for_update() if writes(session) else wanted).first()
    return cast("Work | None", found)


def held(session: Session, work_id: str, fence: int) -> Work:
    """Return the row that ``fence`` holds.

    Raises:
        ProctorError: the lease lapsed, another attempt has the work, or it has ended.
    """
    table = table_of(work_id)
    row = find(
        session,
        work_id,
        col(table.fence) == fence,
        is_live(table),
        col(table.lease_until) > now(),
    )
    if row is None:
        refuse(session, work_id, fence)
    return row


def ended_by(session: Session, work_id: str, fence: int) -> bool:
    """Tell whether the work has ended and no attempt came after this one."""
    row = find(session, work_id, col(table_of(work_id).fence) == fence)
    return row is not None and is_final(state_of(row))


def refuse(session: Session, work_id: str, fence: int) -> Never:
    """Tell a worker that it holds nothing any more, and what became of the work.

    Raises:
        ProctorError: always.
    """
    lease_lost(find(session, work_id), fence)


def lease_lost(row: Work | Hosting | None, fence: int) -> Never:
    """Say what became of a row that a worker no longer holds, if it is there at all.

    Raises:
        ProctorError: always.
    """
    if row is None:
        raise ProctorError(Code.NOT_FOUND)
    raise ProctorError(
        Code.LEASE_LOST,
        f"{row.id} is {row.state} at fence {row.fence}; you came with fence {fence}.",
    )
