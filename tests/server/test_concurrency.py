"""Many at once, each over a connection of its own to two platforms on one database."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI
from sqlmodel import col, func, select
from starlette.testclient import TestClient

from proctor.spec.work import Queue
from proctor_platform.app import create_app
from proctor_platform.database import Database
from proctor_platform.first_start import ADMIN, make_secrets, secret_files
from proctor_platform.leaderboards.snapshot import make_board
from proctor_platform.outbox import renew_board
from proctor_platform.queueing.bells import Bell
from proctor_platform.queueing.dispatcher import Dispatcher
from proctor_platform.queueing.reconciler import Reconciler
from proctor_platform.settings import PlatformSettings
from proctor_platform.tables import (
    Challenge,
    EventRow,
    LeaderboardRow,
    LeaderboardSnapshot,
    Outbox,
    Run,
    Submission,
    Token,
    User,
)

LONGEST_WAIT_S = 120
AT_ONCE = 8


@dataclass(frozen=True)
class Twins:
    """Two platforms that stand on the same database and store."""

    addresses: tuple[str, ...]

    def at_once(self, ask: Callable[[httpx2.Client, int], Any], times: int = AT_ONCE) -> list[Any]:
        """Ask ``times`` times in the same moment, at one platform and the other in turn."""
        start = threading.Barrier(times)

        def one(number: int) -> Any:
            address = self.addresses[number % len(self.addresses)]
            with httpx2.Client(base_url=f"{address}/api/v1", timeout=LONGEST_WAIT_S) as client:
                start.wait(LONGEST_WAIT_S)
                return ask(client, number)

        with ThreadPoolExecutor(times) as threads:
            return list(threads.map(one, range(times)))


@pytest.fixture
def twins(settings: PlatformSettings, app: FastAPI) -> Iterator[Twins]:
    """The platform twice, each behind a server of its own."""
    running = []
    for twin in (app, create_app(settings, rounds=False)):
        # The first request builds every route, under a filter of warnings that threads share.
        assert TestClient(twin).get("/nowhere").status_code == 404
        listener = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(twin, log_level="error", ws="none", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        running.append((server, thread, listener, twin))
    yield Twins(tuple(f"http://127.0.0.1:{one[2].getsockname()[1]}" for one in running))
    for server, thread, listener, twin in running:
        server.should_exit = True
        thread.join(LONGEST_WAIT_S)
        listener.close()
        twin.state.database.close()


def count(database: Database, table: Any, *conditions: Any) -> int:
    with database.reading() as session:
        return session.exec(select(func.count()).select_from(table).where(*conditions)).one()


def body_of(tiny: Any, **fields: Any) -> dict[str, Any]:
    return {
        "challenge": "tiny",
        "phase": "main",
        "content": tiny.model.model_dump(mode="json"),
        "card": tiny.card.model_dump(mode="json"),
        **fields,
    }


def test_eight_submitters_at_the_edge_of_a_quota_never_overshoot(
    published: Any, participant: Any, twins: Twins, database: Database
) -> None:
    assert published.enter(participant).status_code == 201
    answers = twins.at_once(
        lambda client, number: client.post(
            "/submissions",
            json=body_of(published, message=f"{number}"),
            headers=participant.headers,
        )
    )
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [201, 201, *[429] * (AT_ONCE - 2)], [answer.text for answer in answers]
    assert count(database, Submission) == 3


def test_one_key_sent_eight_times_at_once_enters_once(
    published: Any, participant: Any, twins: Twins, database: Database
) -> None:
    published.enter(participant)
    headers = {**participant.headers, "Idempotency-Key": "the-same"}
    answers = twins.at_once(
        lambda client, _: client.post("/submissions", json=body_of(published), headers=headers)
    )
    assert {answer.status_code for answer in answers} <= {200, 201}, [a.text for a in answers]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert count(database, Submission) == 2


def test_eight_claimers_of_one_run_have_one_winner(
    published: Any, participant: Any, fake: Any, twins: Twins, database: Database
) -> None:
    published.enter(participant)
    answers = twins.at_once(
        lambda client, number: client.post(
            "/work/claim",
            json={"queue": "run.cpu", "worker": f"w{number}"},
            headers=fake.runner.headers,
        )
    )
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [200, *[204] * (AT_ONCE - 1)], [answer.text for answer in answers]
    with database.reading() as session:
        run = session.exec(select(Run)).one()
    assert (run.state, run.attempt) == ("claimed", 1)
    assert count(database, EventRow, EventRow.name == "run_claimed") == 1


def test_eight_claimers_of_three_runs_have_three_winners(
    published: Any, participant: Any, fake: Any, twins: Twins
) -> None:
    for _ in range(3):
        assert published.enter(participant).status_code == 201
    answers = twins.at_once(
        lambda client, number: client.post(
            "/work/claim",
            json={"queue": "run.cpu", "worker": f"w{number}"},
            headers=fake.runner.headers,
        )
    )
    won = [answer.json()["id"] for answer in answers if answer.status_code == 200]
    assert {answer.status_code for answer in answers} <= {200, 204}
    assert len(won) == len(set(won))
    rest = [fake.ask() for _ in range(3 - len(won))]
    assert all(answer.status_code == 200 for answer in rest)
    assert fake.ask().status_code == 204


def test_a_case_that_is_reported_twice_at_once_is_kept_once(
    published: Any, participant: Any, fake: Any, twins: Twins, database: Database
) -> None:
    published.enter(participant)
    held = fake.claim()
    case = held.order["cases"][0]["id"]
    ref = held.put(b"a prediction").model_dump()
    report = {
        "fence": held.fence,
        "case": case,
        "outcome": "OK",
        "seconds": 0.5,
        "predictions": {"probabilities": ref},
    }
    answers = twins.at_once(
        lambda client, _: client.post(
            f"/work/{held.id}/cases", json=report, headers=held.holder.headers
        )
    )
    assert {answer.status_code for answer in answers} == {204}, [a.text for a in answers]
    with database.reading() as session:
        assert session.exec(select(Run)).one().cases_done == 1


class LoudBells:
    """Bells that are counted."""

    def __init__(self) -> None:
        self.rung: list[str] = []
        self._lock = threading.Lock()

    def ring(self, bells: list[Bell]) -> None:
        with self._lock:
            self.rung += [bell.work for bell in bells]

    def waiting(self, queue: Queue) -> int:
        return 0

    def close(self) -> None:
        """There is nothing to close."""


def test_two_dispatchers_and_reconcilers_at_once_ring_everything_and_nothing_more_than_twice(
    published: Any, participant: Any, settings: PlatformSettings, database: Database
) -> None:
    for _ in range(3):
        published.enter(participant)
    bells = LoudBells()
    others = [Database(settings.database_address) for _ in range(2)]
    rounds = [
        each
        for one in others
        for each in (
            Dispatcher(one, bells, make_board).once,
            Reconciler(one, max_attempts=5, period_s=1).once,
        )
    ]
    with ThreadPoolExecutor(len(rounds)) as threads:
        for done in [threads.submit(once) for once in rounds]:
            done.result(LONGEST_WAIT_S)
    for one in others:
        one.close()
    with database.reading() as session:
        runs = session.exec(select(Run.id)).all()
    assert set(bells.rung) == set(runs)
    assert all(bells.rung.count(run) <= len(others) for run in runs)
    assert count(database, Outbox, col(Outbox.sent_at).is_(None)) == 0


def test_boards_made_at_once_are_numbered_without_gap_or_double(
    published: Any,
    participant: Any,
    other: Any,
    fake: Any,
    scores: Any,
    settings: PlatformSettings,
    database: Database,
) -> None:
    with database.reading() as session:
        challenge = session.exec(select(Challenge.id)).one()
    makers = [Database(settings.database_address) for _ in range(2)]
    dispatchers = [Dispatcher(maker, LoudBells(), make_board) for maker in makers]
    for who, value in ((participant, 0.25), (other, 0.5), (participant, 0.75)):
        published.enter(who)
        fake.run()
        fake.score(scores(value, value, value))
        with database.writing() as session:
            renew_board(session, challenge, "main")
            session.commit()
        with ThreadPoolExecutor(2) as threads:
            for done in [threads.submit(each.boards_once) for each in dispatchers]:
                done.result(LONGEST_WAIT_S)
    for maker in makers:
        maker.close()
    with database.reading() as session:
        numbers = session.exec(
            select(LeaderboardSnapshot.number).order_by(col(LeaderboardSnapshot.number))
        ).all()
        newest = session.exec(
            select(LeaderboardSnapshot).order_by(col(LeaderboardSnapshot.number).desc())
        ).first()
    assert newest is not None
    assert list(numbers) == list(range(1, len(numbers) + 1))
    assert count(database, LeaderboardRow, LeaderboardRow.leaderboard_id == newest.id) == 2


def test_publishing_while_scores_come_in_leaves_every_run_with_a_score(
    published: Any,
    participant: Any,
    organizer: Any,
    fake: Any,
    scores: Any,
    twins: Twins,
    database: Database,
) -> None:
    for _ in range(3):
        assert published.enter(participant).status_code == 201
    for _ in range(3):
        fake.run()
    held = [fake.claim("score") for _ in range(3)]
    values = scores(0.5, 0.5, 0.5)

    def act(client: httpx2.Client, number: int) -> Any:
        if number < 3:
            one = held[number]
            from_there = type(one.holder)(one.holder.client, "", "order", one.holder.token)
            return type(one)(one.order, from_there).complete_scores(values)
        body = published.request(title=f"Tiny {number}")
        return client.post("/challenges/tiny/versions", json=body, headers=organizer.headers)

    answers = twins.at_once(act, 5)
    assert [answer.status_code for answer in answers[:3]] == [204] * 3
    assert {answer.status_code for answer in answers[3:]} <= {200, 201, 409, 503}
    while fake.ask("score").status_code == 200:
        pass
    with database.reading() as session:
        runs = session.exec(select(Run)).all()
    assert {run.state for run in runs} == {"succeeded"}
    assert count(database, EventRow, EventRow.name == "evaluation_scored") >= 3


def test_platforms_that_start_at_once_in_one_home_make_its_secrets_once(
    settings: PlatformSettings, database: Database
) -> None:
    others = [Database(settings.database_address) for _ in range(4)]
    with ThreadPoolExecutor(len(others)) as threads:
        done = [threads.submit(make_secrets, other, settings.home) for other in others]
        made = [path for each in done for path in each.result(LONGEST_WAIT_S)]
    for other in others:
        other.close()
    assert sorted(made) == sorted(secret_files(settings.home))
    assert count(database, User, User.name == ADMIN) == 1
    assert count(database, Token) == len(made)
