"""States change by one conditional update, with its event, or not at all."""

from __future__ import annotations

import gc
import sqlite3
import weakref
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, col, select

from proctor.spec.states import EvaluationState, RunState
from proctor_platform.database import Database
from proctor_platform.tables import EventRow, Run
from proctor_platform.transitions import move


@pytest.fixture
def run_id(published: Any, participant: Any) -> str:
    return str(published.enter(participant).json()["runs"][0]["id"])


def events(session: Session, subject: str) -> list[str]:
    rows = select(EventRow).where(EventRow.subject == subject).order_by(col(EventRow.id))
    return [row.name for row in session.exec(rows)]


def test_a_move_changes_the_row_and_tells_it(database: Database, run_id: str) -> None:
    with database.writing() as session:
        run = session.get_one(Run, run_id)
        assert move(session, run, RunState.CLAIMED, actor="w", fence=0, worker="w") is True
        assert (run.state, run.worker) == ("claimed", "w")
        assert events(session, run_id) == ["run_queued", "run_claimed"]


def test_what_the_table_does_not_allow_changes_nothing(database: Database, run_id: str) -> None:
    with database.writing() as session:
        run = session.get_one(Run, run_id)
        assert move(session, run, RunState.SUCCEEDED, actor="w") is False
        assert run.state == "queued"
        assert events(session, run_id) == ["run_queued"]


def test_a_stale_fence_and_a_broken_condition_change_nothing(
    database: Database, run_id: str
) -> None:
    with database.writing() as session:
        run = session.get_one(Run, run_id)
        assert move(session, run, RunState.CLAIMED, actor="w", fence=1) is False
        never = (col(Run.attempt) > 5,)
        assert move(session, run, RunState.CLAIMED, actor="w", where=never) is False
        assert events(session, run_id) == ["run_queued"]


def test_only_the_first_of_two_moves_happens(database: Database, run_id: str) -> None:
    with database.reading() as session:
        run = session.get_one(Run, run_id)
    with database.writing() as session:
        first = session.get_one(Run, run_id)
        assert move(session, first, RunState.CANCELLED, actor="a") is True
        session.commit()
    with database.writing() as session:
        run = session.merge(run, load=False)
        assert move(session, run, RunState.CLAIMED, actor="b") is False


def test_a_state_of_another_kind_is_a_mistake_of_ours(database: Database, run_id: str) -> None:
    with database.writing() as session, pytest.raises(TypeError, match="not a state of Run"):
        move(session, session.get_one(Run, run_id), EvaluationState.CLAIMED, actor="w")


def test_whoever_waits_for_the_outbox_is_told_after_the_commit(
    database: Database, published: Any, participant: Any
) -> None:
    kicks: list[int] = []
    database.kick = lambda: kicks.append(1)
    published.enter(participant)
    assert kicks == [1]
    participant.get("/me")
    with database.writing() as session:
        move(session, session.exec(select(Run)).one(), RunState.CLAIMED, actor="w")
        session.commit()
    assert kicks == [1], "no outbox row, nothing to tell"


def test_a_connection_that_a_late_request_gives_back_is_closed(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/proctor.sqlite3")
    with database.reading() as session:
        connection = session.connection().connection.dbapi_connection
        database.close()
    assert connection is not None
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.cursor()


def test_a_database_that_was_closed_is_forgotten(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/proctor.sqlite3")
    with database.writing():
        database.close()
    known = weakref.ref(database)
    del database
    gc.collect()
    assert known() is None
