"""What moved from one snapshot of a board to another.

A participant stands on a board with one submission at a time, so rows are followed by participant;
baselines, of which one person may have several, by submission.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

from proctor.spec.leaderboard import BoardChanges, BoardMove, SnapshotRef
from proctor.spec.outcomes import Code, ProctorError
from proctor_platform.leaderboards.sight import Sighted
from proctor_platform.tables import LeaderboardRow, LeaderboardSnapshot, Submission


class _Stand(NamedTuple):
    snapshot: str
    position: int
    rank: int | None


_Stands = Mapping[tuple[str, str], _Stand]


def changes_between(session: Session, before: Sighted, after: Sighted, limit: int) -> BoardChanges:
    """Compare two snapshots; at most ``limit`` moves are told, the largest first.

    Raises:
        ProctorError: they are not of one board.
    """
    boards = {
        (row.challenge_id, row.phase)
        for row in (session.get_one(LeaderboardSnapshot, one.id) for one in (before, after))
    }
    if len(boards) > 1:
        raise ProctorError(Code.INVALID_REQUEST, "These are snapshots of two different boards.")
    old, new = _stands(session, before.id), _stands(session, after.id)
    shared = old.keys() & new.keys()
    moved = [key for key in shared if old[key].rank != new[key].rank]
    came, gone = new.keys() - shared, old.keys() - shared
    # Who came or went is told first: it is why the others moved.
    order = sorted(
        [*came, *gone, *moved],
        key=lambda key: (-_width(old.get(key), new.get(key)), _place(new, old, key)),
    )
    return BoardChanges(
        before=SnapshotRef(**before._asdict()),
        after=SnapshotRef(**after._asdict()),
        moved_rows=len(moved),
        new_rows=len(came),
        gone_rows=len(gone),
        moves=tuple(_move(session, old.get(key), new.get(key)) for key in order[:limit]),
    )


def snapshot_before(session: Session, snapshot: str) -> str:
    """Return the snapshot of the same board that came before.

    Raises:
        ProctorError: this is the first.
    """
    row = session.get_one(LeaderboardSnapshot, snapshot)
    found: str | None = session.execute(
        select(col(LeaderboardSnapshot.id)).where(
            col(LeaderboardSnapshot.challenge_id) == row.challenge_id,
            col(LeaderboardSnapshot.phase) == row.phase,
            col(LeaderboardSnapshot.number) == row.number - 1,
        )
    ).scalar()
    if found is None:
        raise ProctorError(Code.NOT_FOUND, "This is the board's first snapshot.")
    return found


def _stands(session: Session, snapshot: str) -> _Stands:
    rows = session.execute(
        select(
            col(LeaderboardRow.position),
            col(LeaderboardRow.rank),
            col(LeaderboardRow.submission_id),
            col(Submission.user_id),
            col(Submission.baseline),
        )
        .join(Submission, col(Submission.id) == col(LeaderboardRow.submission_id))
        .where(col(LeaderboardRow.leaderboard_id) == snapshot)
    )
    return {
        (user, submission if baseline else ""): _Stand(snapshot, position, rank)
        for position, rank, submission, user, baseline in rows
    }


def _width(old: _Stand | None, new: _Stand | None) -> float:
    if old is None or new is None or old.rank is None or new.rank is None:
        return float("inf")
    return abs(new.rank - old.rank)


def _place(new: _Stands, old: _Stands, key: tuple[str, str]) -> tuple[bool, int]:
    return key not in new, (new.get(key) or old[key]).position


def _move(session: Session, old: _Stand | None, new: _Stand | None) -> BoardMove:
    shown = new or old
    assert shown is not None  # noqa: S101 - each key comes from one of the two
    row = session.get_one(LeaderboardRow, (shown.snapshot, shown.position))
    body = json.loads(row.body)
    return BoardMove(
        participant=body["participant"],
        title=body["title"],
        submission=body["submission"],
        baseline=body["baseline"],
        before=old and old.rank,
        now=new and new.rank,
    )
