"""Snapshots: made from the database as it is, numbered, and never changed.

Reading and computing happen outside of any writing transaction, for a large board takes seconds.
The number of the snapshot before is read first; whoever comes second with the same number starts
over, so a board never shows less than the one before it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import structlog
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from proctor.spec.identifiers import Kind, new_id
from proctor_platform.database import Database
from proctor_platform.events import PLATFORM, record
from proctor_platform.leaderboards.field import private_field, public_field
from proctor_platform.leaderboards.renewal import renewal_of
from proctor_platform.leaderboards.rows import Board, board_of
from proctor_platform.leaderboards.scope import scope_of
from proctor_platform.tables import (
    LeaderboardRow,
    LeaderboardSnapshot,
    PrivateBoard,
    PrivateBoardRow,
)

_log = structlog.get_logger(__name__)

_TRIES = 3


class _Before(NamedTuple):
    """The newest snapshot there is, in as much as it can be compared."""

    id: str
    number: int
    head: dict[str, Any]


class _Boards(NamedTuple):
    """What a snapshot shows, and what it becomes on the private cases, if there are any."""

    public: Board
    private: Board | None


def make_board(database: Database, challenge_id: str, phase: str) -> str | None:
    """Make the next snapshot of a phase's board.

    Returns:
        The snapshot's id, or none when nothing has changed, there is nothing to show, or scores
        of what stands on the board before are being made anew.

    Raises:
        IntegrityError: others were faster several times in a row.
    """
    for remaining in reversed(range(_TRIES)):
        with database.reading() as session:
            before = _newest(session, challenge_id, phase)
            scope = scope_of(session, challenge_id, phase)
            if scope is None or renewal_of(session, scope).held:
                return None
            field = public_field(session, scope)
            if field is None:
                return None
            hidden = private_field(session, field)
            boards = _Boards(
                board_of(session, field), None if hidden is None else board_of(session, hidden)
            )
            if _shows_the_same(session, before, boards):
                return None
        try:
            return _store(database, challenge_id, phase, before, boards)
        except IntegrityError:
            if not remaining:
                raise
    return None


def _newest(session: Session, challenge_id: str, phase: str) -> _Before | None:
    row = session.exec(
        select(LeaderboardSnapshot)
        .where(LeaderboardSnapshot.challenge_id == challenge_id, LeaderboardSnapshot.phase == phase)
        .order_by(col(LeaderboardSnapshot.number).desc())
        .limit(1)
    ).first()
    return None if row is None else _Before(row.id, row.number, row.head)


def _shows_the_same(session: Session, before: _Before | None, boards: _Boards) -> bool:
    if before is None or before.head != boards.public.head:
        return False
    private = session.get(PrivateBoard, before.id)
    if (private and private.head) != (boards.private and boards.private.head):
        return False
    return _bodies(session, LeaderboardRow, before.id) == [
        row.body for row in boards.public.rows
    ] and _bodies(session, PrivateBoardRow, before.id) == [
        row.body for row in (boards.private.rows if boards.private else ())
    ]


def _bodies(
    session: Session, table: type[LeaderboardRow] | type[PrivateBoardRow], snapshot: str
) -> list[str]:
    rows = select(table.body).where(table.leaderboard_id == snapshot)
    return list(session.exec(rows.order_by(col(table.position))))


def _store(
    database: Database, challenge_id: str, phase: str, before: _Before | None, boards: _Boards
) -> str:
    board = boards.public
    snapshot = LeaderboardSnapshot(
        id=new_id(Kind.LEADERBOARD),
        challenge_id=challenge_id,
        version=board.head["challenge_version"],
        phase=phase,
        number=1 if before is None else before.number + 1,
        head=board.head,
        total_rows=len(board.rows),
    )
    with database.writing() as session:
        session.add(snapshot)
        session.flush()
        _store_rows(session, LeaderboardRow, snapshot.id, board)
        if boards.private is not None:
            session.add(PrivateBoard(leaderboard_id=snapshot.id, head=boards.private.head))
            session.flush()
            _store_rows(session, PrivateBoardRow, snapshot.id, boards.private)
        facts = {"leaderboard": snapshot.id, "phase": phase, "number": snapshot.number}
        record(session, challenge_id, "leaderboard_made", PLATFORM, facts)
        session.commit()
    _log.info("leaderboard_made", rows=len(board.rows), **facts)
    return snapshot.id


def _store_rows(
    session: Session,
    table: type[LeaderboardRow] | type[PrivateBoardRow],
    snapshot: str,
    board: Board,
) -> None:
    rows = [
        {
            "leaderboard_id": snapshot,
            "position": position,
            "submission_id": row.submission,
            "rank": row.rank,
            "body": row.body,
        }
        for position, row in enumerate(board.rows)
    ]
    if rows:
        session.execute(insert(table), rows)
