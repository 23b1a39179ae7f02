"""What must still be told, written in the transaction that makes it worth telling.

A row is a bell, not the work: the reconciler finds work whose bell was lost.
"""

from __future__ import annotations

from enum import StrEnum

from sqlmodel import Session

from proctor.spec.work import Queue
from proctor_platform.tables import Outbox


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
