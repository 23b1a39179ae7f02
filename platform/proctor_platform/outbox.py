"""What must still be told, written in the transaction that makes it worth telling.

A row is a bell, not the work: the reconciler finds work whose bell was lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from sqlmodel import Session, col, select

from proctor.spec.work import Queue
from proctor_platform.clock import now
from proctor_platform.tables import Outbox

# A board that takes longer has trouble of its own, and nobody should wait for it any more.
_SOON_S = 60.0


class Topic(StrEnum):
    """What an outbox row is about."""

    BELL = "bell"
    BOARD = "board"


def ring(session: Session, work_id: str, queue: Queue) -> None:
    """Have a worker of ``queue`` woken for a run or an evaluation once this is committed."""
    session.add(Outbox(topic=Topic.BELL, subject=work_id, queue=queue.value))


def renew_board(session: Session, challenge_id: str, phase: str) -> None:
    """Have a phase's leaderboard made anew once this is committed."""
    session.add(Outbox(topic=Topic.BOARD, subject=f"{challenge_id}/{phase}"))


def boards_about_to_come(
    session: Session, boards: Iterable[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Return those of the boards, (challenge, phase), that were just asked for and not yet made."""
    subjects = {f"{challenge_id}/{phase}": (challenge_id, phase) for challenge_id, phase in boards}
    waiting = session.exec(
        select(Outbox.subject).where(
            Outbox.topic == Topic.BOARD.value,
            col(Outbox.subject).in_(subjects),
            col(Outbox.sent_at).is_(None),
            col(Outbox.created_at) > now(-_SOON_S),
        )
    )
    return {subjects[subject] for subject in waiting}
