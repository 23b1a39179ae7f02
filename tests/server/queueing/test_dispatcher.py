from __future__ import annotations

import json
import subprocess
import time
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Queue as RqQueue
from rq.serializers import JSONSerializer
from sqlalchemy import update
from sqlmodel import col, select

from proctor.cli.services.redis_server import server_program
from proctor.spec.work import Queue
from proctor_platform.clock import now
from proctor_platform.database import Database
from proctor_platform.leaderboards.snapshot import make_board
from proctor_platform.outbox import renew_board
from proctor_platform.queueing.bells import Bell, BellsError, NoBells, RedisBells
from proctor_platform.queueing.dispatcher import Dispatcher
from proctor_platform.queueing.reconciler import Reconciler
from proctor_platform.tables import Evaluation, LeaderboardSnapshot, Outbox, Run, Submission

LONGEST_WAIT_S = 120


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis of our own on a private socket."""
    folder = tmp_path_factory.mktemp("redis")
    socket = folder / "redis.sock"
    command = [server_program(), "--port", "0", "--unixsocket", str(socket), "--save", ""]
    server = subprocess.Popen([*command, "--dir", folder], stdout=subprocess.DEVNULL)
    try:
        _wait_for(socket)
        yield f"unix://{socket}"
    finally:
        server.terminate()
        server.wait()


def _wait_for(socket: Path) -> None:
    with redis.Redis(unix_socket_path=str(socket)) as connection:
        deadline = time.monotonic() + LONGEST_WAIT_S
        while True:
            try:
                connection.ping()
                return
            except redis.ConnectionError:
                if time.monotonic() > deadline:
                    raise


@pytest.fixture
def connection(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as connection:
        connection.flushall()
        yield connection


@pytest.fixture
def bells(redis_url: str, connection: redis.Redis) -> Iterator[RedisBells]:
    bells = RedisBells(redis_url)
    yield bells
    bells.close()


@pytest.fixture
def dispatcher(database: Database, bells: RedisBells) -> Dispatcher:
    return Dispatcher(database, bells, make_board)


@pytest.fixture
def reconciler(database: Database) -> Reconciler:
    return Reconciler(database, max_attempts=5, period_s=1)


def rung(connection: redis.Redis, name: str = "run.cpu") -> list[str]:
    queue = RqQueue(name, connection=connection, serializer=JSONSerializer)
    return [job.args[0] for job in queue.jobs]


def long_ago(database: Database) -> None:
    with database.writing() as session:
        told = update(Outbox).where(col(Outbox.sent_at).is_not(None))
        session.execute(told.values(sent_at=now(-3600)))
        session.commit()


class BrokenBells(NoBells):
    """A queue that cannot be reached."""

    def ring(self, bells: Iterable[Bell]) -> None:
        raise BellsError("connection refused")


def test_a_submission_rings_one_bell_with_an_id_and_nothing_else(
    dispatcher: Dispatcher, connection: redis.Redis, published: Any, participant: Any
) -> None:
    run = published.enter(participant).json()["runs"][0]["id"]
    dispatcher.once()
    dispatcher.once()
    assert rung(connection) == [run]
    (job,) = RqQueue("run.cpu", connection=connection, serializer=JSONSerializer).jobs
    assert (job.func_name, job.args, job.kwargs) == ("proctor_runner.jobs.execute", [run], {})
    assert job.retries_left is None
    raw = connection.hget(job.key, "data")
    assert isinstance(raw, bytes)
    assert json.loads(zlib.decompress(raw))[2] == [run]


def test_bells_come_back_after_redis_was_emptied(
    dispatcher: Dispatcher,
    connection: redis.Redis,
    published: Any,
    participant: Any,
    database: Database,
) -> None:
    run = published.enter(participant).json()["runs"][0]["id"]
    dispatcher.once()
    connection.flushall()
    dispatcher.once()
    assert rung(connection) == []
    long_ago(database)
    dispatcher.once()
    assert rung(connection) == [run]
    dispatcher.once()
    assert rung(connection) == [run]


def test_bells_that_still_hang_are_not_rung_again(
    dispatcher: Dispatcher,
    connection: redis.Redis,
    published: Any,
    participant: Any,
    database: Database,
) -> None:
    published.enter(participant)
    dispatcher.once()
    long_ago(database)
    dispatcher.once()
    assert len(rung(connection)) == 1


def test_a_queue_out_of_reach_keeps_its_bells_for_later(
    database: Database,
    dispatcher: Dispatcher,
    connection: redis.Redis,
    published: Any,
    participant: Any,
) -> None:
    run = published.enter(participant).json()["runs"][0]["id"]
    Dispatcher(database, BrokenBells(), make_board).once()
    dispatcher.once()
    assert rung(connection) == [run]


def test_a_redis_that_is_not_there_is_an_error_with_a_name(tmp_path: Path) -> None:
    bells = RedisBells(f"unix://{tmp_path / 'nowhere.sock'}")
    with pytest.raises(BellsError):
        bells.ring([Bell(Queue.SCORE, "eva_1")])
    with pytest.raises(BellsError):
        bells.waiting(Queue.SCORE)
    bells.close()


def test_without_redis_workers_find_work_by_asking(
    database: Database, fake: Any, published: Any, participant: Any
) -> None:
    run = published.enter(participant).json()["runs"][0]["id"]
    Dispatcher(database, NoBells(), make_board).once()
    assert fake.claim().id == run


def test_a_threads_dispatcher_rings_when_something_is_committed(
    dispatcher: Dispatcher,
    connection: redis.Redis,
    database: Database,
    published: Any,
    participant: Any,
) -> None:
    slow = Dispatcher(database, RedisBells(str(_url(connection))), make_board, period_s=600)
    database.kick = slow.kick
    slow.start()
    try:
        run = published.enter(participant).json()["runs"][0]["id"]
        assert connection.blpop(["rq:queue:run.cpu"], timeout=LONGEST_WAIT_S) is not None
    finally:
        slow.stop()
        slow._bells.close()
    with database.reading() as session:
        assert session.exec(select(Outbox.subject).where(Outbox.topic == "bell")).one() == run


def _url(connection: redis.Redis) -> str:
    return f"unix://{connection.connection_pool.connection_kwargs['path']}"


def test_a_lapsed_lease_is_rung_again_at_once(
    dispatcher: Dispatcher,
    reconciler: Reconciler,
    connection: redis.Redis,
    fake: Any,
    published: Any,
    participant: Any,
    database: Database,
) -> None:
    published.enter(participant)
    dispatcher.once()
    held = fake.claim()
    connection.flushall()
    reconciler.once()
    dispatcher.once()
    assert rung(connection) == []
    with database.writing() as session:
        session.execute(update(Run).values(lease_until=now(-0.1)))
        session.commit()
    reconciler.once()
    reconciler.once()
    dispatcher.once()
    assert rung(connection) == [held.id]
    assert fake.claim().fence == 2


def test_a_worker_that_is_lost_again_and_again_is_not_charged_for(
    reconciler: Reconciler, fake: Any, published: Any, participant: Any, database: Database
) -> None:
    submission = published.enter(participant).json()["id"]
    for _ in range(5):
        fake.claim()
        with database.writing() as session:
            session.execute(update(Run).values(lease_until=now(-1)))
            session.commit()
        reconciler.once()
    with database.reading() as session:
        run = session.exec(select(Run)).one()
        assert (run.state, run.outcome, run.attempt) == ("failed", "WORKER_LOST", 5)
        assert not session.exec(select(Submission)).one().charged
    view = participant.get(f"/submissions/{submission}").json()
    assert (view["final"], view["outcome"]) == (True, "WORKER_LOST")


def test_a_cancelled_run_whose_worker_is_lost_ends_cancelled(
    reconciler: Reconciler, fake: Any, published: Any, participant: Any, database: Database
) -> None:
    submission = published.enter(participant).json()["id"]
    fake.claim()
    participant.post(f"/submissions/{submission}/cancel")
    with database.writing() as session:
        session.execute(update(Run).values(lease_until=now(-1)))
        session.commit()
    reconciler.once()
    with database.reading() as session:
        assert session.exec(select(Run.state)).one() == "cancelled"


def test_work_and_boards_whose_outbox_rows_are_gone_are_found(
    dispatcher: Dispatcher,
    reconciler: Reconciler,
    connection: redis.Redis,
    fake: Any,
    published: Any,
    participant: Any,
    other: Any,
    scores: Any,
    database: Database,
) -> None:
    published.enter(participant)
    fake.run()
    fake.score(scores(1.0, 1.0, 1.0))
    waiting = published.enter(other).json()["runs"][0]["id"]
    with database.writing() as session:
        for row in session.exec(select(Outbox)).all():
            session.delete(row)
        session.commit()
    reconciler.once()
    reconciler.once()
    dispatcher.once()
    assert rung(connection) == [waiting]
    with database.reading() as session:
        assert session.exec(select(LeaderboardSnapshot.number)).all() == [1]
        assert session.exec(select(Evaluation.state)).one() == "scored"


def test_one_board_that_cannot_be_made_does_not_keep_the_others(
    database: Database, published: Any
) -> None:
    made: list[str] = []

    def make(_: Database, challenge: str, phase: str) -> None:
        if phase == "bad":
            raise ValueError("cannot be made")
        made.append(phase)

    with database.writing() as session:
        for phase in ("bad", "good", "good"):
            renew_board(session, "cha_1", phase)
        session.commit()
    dispatcher = Dispatcher(database, NoBells(), make)
    dispatcher.once()
    dispatcher.once()
    assert made.count("good") == 1
    with database.reading() as session:
        left = select(Outbox.subject).where(col(Outbox.sent_at).is_(None), Outbox.topic == "board")
        assert session.exec(left).all() == ["cha_1/bad"]
