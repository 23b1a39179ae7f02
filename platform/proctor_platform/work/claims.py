"""Claiming: one worker gets one piece of work, however many ask.

The claim is a conditional update from ``queued`` that raises the fence above any before; the
token made with it is good for that fence alone. Older tokens need no revoking: their fence
is in every check, and so their holder learns that the lease is lost, not that a token is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import update
from sqlmodel import Session, col, select

from proctor.spec.outcomes import Code, ProctorError
from proctor.spec.states import EvaluationState, RunState
from proctor.spec.work import Claim, Queue, Role
from proctor_platform import tokens
from proctor_platform.clock import now
from proctor_platform.tables import Evaluation, Run
from proctor_platform.transitions import move
from proctor_platform.work.holding import Work, find, queue_of, role_of, table_of

_CANDIDATES = 16


class Claimed(NamedTuple):
    """A piece of work and the secret of its token."""

    work: Work
    secret: str


def check_role(claim: Claim, role: Role) -> None:
    """Refuse a queue that the worker's role does not serve.

    Raises:
        ProctorError: the token is of another role.
    """
    if role_of(claim.queue) is not role:
        raise ProctorError(
            Code.FORBIDDEN, f"A token of role {role.value} cannot claim from {claim.queue.value}."
        )


def waiting(session: Session, claim: Claim) -> list[Work]:
    """Return the oldest work that ``claim`` could have, a few for when others are faster."""
    if claim.work is not None:
        row = find(session, claim.work, col(table_of(claim.work).state) == RunState.QUEUED)
        return [row] if row is not None and queue_of(row) is claim.queue else []
    if claim.queue is Queue.SCORE:
        evaluations = select(Evaluation).where(Evaluation.state == EvaluationState.QUEUED)
        oldest = evaluations.order_by(col(Evaluation.queued_at), col(Evaluation.id))
        found: Sequence[Work] = session.exec(oldest.limit(_CANDIDATES)).all()
        return list(found)
    runs = select(Run).where(Run.state == RunState.QUEUED, Run.queue == claim.queue.value)
    longest = runs.order_by(col(Run.queued_at), col(Run.id))
    rows: Sequence[Work] = session.exec(longest.limit(_CANDIDATES)).all()
    return list(rows)


def take(session: Session, claim: Claim, *, lease_s: float) -> Claimed | None:
    """Claim one piece of work in the caller's transaction.

    Args:
        session: the writing session; committing it is the caller's.
        claim: what the worker asks for.
        lease_s: seconds until the lease lapses without a heartbeat.
    """
    for row in waiting(session, claim):
        if _raise_fence(session, row):
            state = RunState.CLAIMED if isinstance(row, Run) else EvaluationState.CLAIMED
            changes: dict[str, Any] = {"stage": "claimed"} if isinstance(row, Run) else {}
            move(
                session,
                row,
                state,
                actor=claim.worker,
                attempt=type(row).attempt + 1,
                worker=claim.worker,
                lease_until=now(lease_s),
                **changes,
            )
            created = tokens.mint(session, work_id=row.id, fence=row.fence, note=claim.worker)
            return Claimed(row, created.secret)
    return None


def _raise_fence(session: Session, row: Work) -> bool:
    """Shut every earlier attempt out of work that still waits; whoever does so has it."""
    table = type(row)
    raised = update(table).where(
        col(table.id) == row.id,
        col(table.state) == RunState.QUEUED.value,
        col(table.fence) == row.fence,
    )
    done = session.exec(
        raised.values(fence=row.fence + 1), execution_options={"synchronize_session": False}
    )
    return done.rowcount == 1
