"""Claiming: one worker gets one piece of work, however many ask.

The claim is a conditional update from ``queued`` that raises the fence above any before; the
token made with it is good for that fence alone. Older tokens need no revoking: their fence
is in every check, and so their holder learns that the lease is lost, not that a token is wrong.
Which piece it is says ``turns``; that is looked up before the claim writes anything, since idle
workers ask often and most of the time nothing waits for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import update
from sqlmodel import Session, col, select

from proctor.spec.outcomes import Code, ProctorError
from proctor.spec.states import EvaluationState, RunState
from proctor.spec.work import Claim, Role
from proctor_platform import tokens
from proctor_platform.clock import now
from proctor_platform.database import Database
from proctor_platform.tables import Evaluation, Run, Submission, User
from proctor_platform.transitions import move
from proctor_platform.work.holding import Work, queue_of, role_of, table_of
from proctor_platform.work.turns import Share, cap_of, count_live, in_line, note_turn
from proctor_platform.work.workers import note_busy

_LOOKS = 4
"""So often it looks anew when others took everything that it had seen."""


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


def claim(
    database: Database, asked: Claim, *, lease_s: float, running: int | None
) -> Claimed | None:
    """Claim the piece of work whose turn it is; none when nothing waits that ``asked`` may have.

    Args:
        database: where to look, and then to write.
        asked: what the worker asks for.
        lease_s: seconds until the lease lapses without a heartbeat.
        running: how many runs of one participant are done at once where the phase does not say.
    """
    for _ in range(_LOOKS):
        with database.reading() as session:
            line = in_line(session, asked, running)
        if not line:
            return None
        with database.writing() as session:
            claimed = _take_first(session, asked, line, lease_s, running)
            session.commit()
        if claimed is not None:
            return claimed
    return None


def _take_first(
    session: Session, asked: Claim, line: Sequence[str], lease_s: float, running: int | None
) -> Claimed | None:
    for work_id in line:
        row = _row(session, work_id)
        if _has_room(session, row, running) and _raise_fence(session, row):
            state = RunState.CLAIMED if isinstance(row, Run) else EvaluationState.CLAIMED
            changes: dict[str, Any] = {"stage": "claimed"} if isinstance(row, Run) else {}
            move(
                session,
                row,
                state,
                actor=asked.worker,
                attempt=type(row).attempt + 1,
                worker=asked.worker,
                lease_until=now(lease_s),
                **changes,
            )
            note_busy(session, asked.worker, row.id)
            note_turn(session, _run_of(session, row).requested_by, queue_of(row))
            created = tokens.mint(session, work_id=row.id, fence=row.fence, note=asked.worker)
            return Claimed(row, created.secret)
    return None


def _has_room(session: Session, row: Work, running: int | None) -> bool:
    """Tell whether one more run of this participant may begin; nobody else may begin one now."""
    if not isinstance(row, Run):
        return True
    submission = session.get_one(Submission, row.submission_id)
    share = Share(row.requested_by, submission.challenge_id, submission.phase)
    cap = cap_of(session, share, running)
    if cap is None:
        return True
    person = select(User.id).where(col(User.id) == share.user_id)
    # Whoever holds the lock is claiming for this participant; waiting for two could be forever.
    if session.exec(person.with_for_update(skip_locked=True, key_share=True)).first() is None:
        return False
    return count_live(session, share) < cap


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


def _row(session: Session, work_id: str) -> Work:
    if table_of(work_id) is Run:
        return session.get_one(Run, work_id)
    return session.get_one(Evaluation, work_id)


def _run_of(session: Session, row: Work) -> Run:
    return row if isinstance(row, Run) else session.get_one(Run, row.run_id)
