from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from proctor_platform.clock import now
from proctor_platform.database import Database
from proctor_platform.leaderboards.snapshot import make_board
from proctor_platform.queueing.bells import NoBells
from proctor_platform.queueing.dispatcher import Dispatcher
from proctor_platform.queueing.reconciler import Reconciler
from proctor_platform.tables import Evaluation, Outbox, Run, Token


@pytest.fixture
def reconciler(database: Database) -> Reconciler:
    return Reconciler(database, max_attempts=5, period_s=1)


def told(database: Database) -> list[tuple[str, str]]:
    Dispatcher(database, NoBells(), make_board).once()
    with database.reading() as session:
        rows = session.exec(select(Outbox).order_by(col(Outbox.id)))
        return [(row.topic, row.subject) for row in rows]


def order_tokens(database: Database) -> int:
    with database.reading() as session:
        return len(session.exec(select(Token).where(col(Token.work_id).is_not(None))).all())


def two_days_later(database: Database) -> None:
    """Make everything that has happened two days older."""
    then = now(-2 * 24 * 3600)
    with database.writing() as session:
        session.execute(update(Token).values(created_at=then))
        session.execute(update(Outbox).values(created_at=then))
        session.execute(update(Outbox).where(col(Outbox.sent_at).is_not(None)).values(sent_at=then))
        for table in (Run, Evaluation):
            ended = update(table).where(col(table.ended_at).is_not(None))
            session.execute(ended.values(ended_at=then))
        session.commit()


def test_what_was_told_and_is_over_goes_after_a_day(
    reconciler: Reconciler,
    database: Database,
    published: Any,
    participant: Any,
    fake: Any,
    scores: Any,
) -> None:
    published.enter(participant)
    fake.run()
    fake.score(scores(1.0, 1.0, 1.0))
    before = told(database)
    reconciler.once()
    assert (told(database), order_tokens(database)) == (before, 2), "nothing is a day old"
    two_days_later(database)
    Reconciler(database, max_attempts=5, period_s=1).once()
    assert [topic for topic, _ in told(database)] == ["board"]
    assert order_tokens(database) == 0
    assert participant.get("/me").status_code == 200
    Reconciler(database, max_attempts=5, period_s=1).once()
    assert [topic for topic, _ in told(database)] == ["board"], "nobody is told again"


def test_what_waits_keeps_its_bell_and_what_runs_its_token(
    reconciler: Reconciler, database: Database, published: Any, participant: Any, fake: Any
) -> None:
    published.enter(participant)
    held = fake.claim()
    participant.submit(published.model, published.card)
    before = told(database)
    two_days_later(database)
    reconciler.once()
    kept = [row for row in told(database) if row[0] == "bell"]
    assert kept == [row for row in before if row[0] == "bell"]
    assert order_tokens(database) == 1
    assert held.beat().status_code == 200


def test_pruning_is_done_now_and_then(
    reconciler: Reconciler, database: Database, published: Any, participant: Any, fake: Any
) -> None:
    published.enter(participant)
    reconciler.once()
    fake.run()
    told(database)
    two_days_later(database)
    reconciler.once()
    assert order_tokens(database) == 1
