"""Where models stand, by the boards that show it: nothing here is read from scores themselves.

A board's row holds what every reader of the board may know, rounded and complete as the phase
says, so what is made from it can tell no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pydantic import TypeAdapter
from sqlalchemy import func
from sqlmodel import Session, col, select

from proctor.spec.leaderboard import BoardColumn, BoardRow
from proctor.spec.registry.pages import ModelBoard, ModelScore
from proctor_platform.submissions.standing import ranked_rows
from proctor_platform.tables import LeaderboardRow, LeaderboardSnapshot

_COLUMNS = TypeAdapter(tuple[BoardColumn, ...])


class Place(NamedTuple):
    """A model's row on the newest board that has one."""

    board: LeaderboardSnapshot
    columns: tuple[BoardColumn, ...]
    """The board's columns, those that decide ranks first."""
    newest: bool
    row: BoardRow

    @property
    def rank(self) -> int | None:
        """Its rank, while it stands."""
        return self.row.rank if self.newest else None

    @property
    def first_score(self) -> tuple[str, float | None]:
        """The title of the first column that decides ranks, and its value."""
        for column in self.columns:
            value = self.row.values.get(column.key)
            if value is not None:
                return column.title, value.value
        return "", None


def places_of(session: Session, submissions: Iterable[str]) -> dict[str, Place]:
    """Return the newest row of each submission that has one; ids of boards are in time order."""
    last = (
        select(
            col(LeaderboardRow.submission_id).label("submission"),
            func.max(col(LeaderboardRow.leaderboard_id)).label("board"),
        )
        .where(col(LeaderboardRow.submission_id).in_(list(submissions)))
        .group_by(col(LeaderboardRow.submission_id))
        .subquery()
    )
    rows = session.exec(
        select(LeaderboardRow, LeaderboardSnapshot)
        .join(
            last,
            (last.c.submission == col(LeaderboardRow.submission_id))
            & (last.c.board == col(LeaderboardRow.leaderboard_id)),
        )
        .join(
            LeaderboardSnapshot, col(LeaderboardSnapshot.id) == col(LeaderboardRow.leaderboard_id)
        )
    ).all()
    newest = newest_boards(session, {board.challenge_id for _, board in rows})
    boards = {board.id: board for _, board in rows}
    columns = {id_: _columns(board) for id_, board in boards.items()}
    return {
        row.submission_id: Place(
            board,
            columns[board.id],
            newest[board.challenge_id, board.phase] == board.id,
            BoardRow.model_validate_json(row.body),
        )
        for row, board in rows
    }


def _columns(board: LeaderboardSnapshot) -> tuple[BoardColumn, ...]:
    found = _COLUMNS.validate_python(board.head["columns"])
    return tuple(sorted(found, key=lambda column: not column.decides))


def newest_boards(session: Session, challenges: Iterable[str]) -> dict[tuple[str, str], str]:
    """Return the newest board of each phase of some challenges."""
    rows = session.execute(
        select(
            col(LeaderboardSnapshot.challenge_id),
            col(LeaderboardSnapshot.phase),
            func.max(col(LeaderboardSnapshot.id)),
        )
        .where(col(LeaderboardSnapshot.challenge_id).in_(list(challenges)))
        .group_by(col(LeaderboardSnapshot.challenge_id), col(LeaderboardSnapshot.phase))
    )
    return {(challenge, phase): board for challenge, phase, board in rows}


def board_of(session: Session, place: Place) -> ModelBoard:
    """Say which board the scores of a page are from."""
    board = place.board
    return ModelBoard(
        id=board.id,
        number=board.number,
        newest=place.newest,
        created_at=board.created_at,
        rank=place.row.rank,
        rank_low=place.row.rank_low,
        rank_high=place.row.rank_high,
        ranked=ranked_rows(session, [board])[board.challenge_id, board.phase],
    )


def scores_of(place: Place) -> Sequence[ModelScore]:
    """Return the measured scores, each beside what the card claims of it."""
    return [
        ModelScore(
            key=column.key,
            title=column.title,
            task=column.task,
            unit=column.unit,
            higher_is_better=column.higher_is_better,
            definition_id=column.definition_id,
            decides=column.decides,
            measured=place.row.values[column.key],
            claim=place.row.claimed.get(column.key),
        )
        for column in place.columns
        if column.key in place.row.values
    ]
