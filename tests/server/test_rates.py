"""How often somebody may ask, with small limits."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis
from fastapi import FastAPI
from limits.storage import memory
from pydantic import ValidationError
from starlette.requests import HTTPConnection
from starlette.testclient import TestClient

from proctor.cli.services.redis_server import answers, server_program
from proctor.spec.work import Role
from proctor_platform.app import create_app
from proctor_platform.rates import Act, Rates, TooOftenError, address_of
from proctor_platform.settings import PlatformSettings

FORGED = f"tok_{'0' * 26}.{'a' * 43}"


@pytest.fixture
def settings(settings: PlatformSettings) -> PlatformSettings:
    return settings.model_copy(
        update={
            "rate_requests": "20/minute",
            "rate_wrong_tokens": "3/minute",
            "rate_submissions": "2/minute",
            "rate_uploads": "2/minute",
            "rate_tokens": "2/minute",
        }
    )


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let time pass for the counts."""
    ahead = [0.0]
    present = memory.time.time
    monkeypatch.setattr("limits.storage.memory.time.time", lambda: present() + ahead[0])

    def pass_by(seconds: float) -> None:
        ahead[0] += seconds

    return pass_by


def statuses(ask: Callable[[], Any], times: int) -> list[int]:
    return [ask().status_code for _ in range(times)]


def test_a_user_who_asks_too_often_hears_when_to_come_back(
    participant: Any, other: Any, anonymous: Any, later: Callable[[float], None]
) -> None:
    second = participant.post("/tokens", {}).json()["secret"]
    again = replace(participant, token=second)
    assert set(statuses(lambda: participant.get("/me"), 10)) == {200}
    assert set(statuses(lambda: again.get("/me"), 9)) == {200}
    refused = again.get("/me")
    assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMITED")
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.json()["detail"].startswith("At most 20 per 1 minute (request)")
    assert other.get("/me").status_code == 200
    assert anonymous.get("/challenges").status_code == 200
    later(int(refused.headers["Retry-After"]) + 1)
    assert participant.get("/me").status_code == 200


def test_without_a_token_the_address_is_counted(app: FastAPI, participant: Any) -> None:
    with TestClient(app, client=("203.0.113.7", 1)) as here:
        assert set(statuses(lambda: here.get("/api/v1/challenges"), 20)) == {200}
        assert here.get("/api/v1/challenges").status_code == 429
        assert here.get("/healthz").status_code == 200
        assert here.get("/api/v1/me", headers=participant.headers).status_code == 200
    with TestClient(app, client=("203.0.113.8", 1)) as elsewhere:
        assert elsewhere.get("/api/v1/challenges").status_code == 200


def test_what_is_refused_counts_too(participant: Any, anonymous: Any) -> None:
    claim = {"queue": "run.cpu", "worker": "w"}
    for who, refused in ((participant, 403), (anonymous, 401)):
        asked = statuses(lambda asker=who: asker.post("/work/claim", claim), 21)
        assert asked == [refused] * 20 + [429]


def test_after_a_few_wrong_tokens_an_address_is_told_to_wait(
    app: FastAPI, participant: Any, later: Callable[[float], None]
) -> None:
    wrong = {"Authorization": f"Bearer {FORGED}"}
    large = {**wrong, "Content-Length": str(1 << 20)}
    with TestClient(app, client=("203.0.113.7", 1)) as client:

        def guess() -> Any:
            return client.get("/api/v1/me", headers=wrong)

        def guess_beside_a_large_body() -> Any:
            return client.post("/api/v1/blobs/missing", content=b"{}", headers=large)

        assert statuses(guess, 2) == [401, 401]
        assert statuses(guess_beside_a_large_body, 2) == [401, 429]
        refused = guess()
        assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMITED")
        assert int(refused.headers["Retry-After"]) <= 60
        right = client.get("/api/v1/me", headers=participant.headers)
        assert right.status_code == 200
        later(61)
        assert guess().status_code == 401


def test_what_a_user_makes_is_limited_more_closely(published: Any, participant: Any) -> None:
    assert statuses(lambda: participant.post("/tokens", {}), 3) == [201, 201, 429]
    entered = published.enter(participant)
    submission = f"/submissions/{entered.json()['id']}"
    made = [entered.status_code, published.enter(participant).status_code]
    refused = participant.post(f"{submission}/reruns", {})
    assert [*made, refused.status_code, refused.json()["code"]] == [201, 201, 429, "RATE_LIMITED"]
    assert participant.get(submission).status_code == 200


def test_an_upload_too_many_is_refused_and_its_connection_closed(
    participant: Any, tiny: Any, app: FastAPI
) -> None:
    participant.put_blob(b"one")
    participant.put_blob(b"two")

    digest = next(iter(tiny.blobs))
    for address in (f"/blobs/{digest}", f"/blobs/{digest}/upload?size=5&offset=0"):
        answer = participant.request(
            "PUT", address, content=b"three", headers={"Content-Length": "5"}
        )
        assert (answer.status_code, answer.json()["code"]) == (429, "RATE_LIMITED")
        assert answer.headers["Connection"] == "close"
    assert not app.state.store.has(digest)


def test_workers_are_not_counted_and_an_admin_may_make_any_number(
    worker: Callable[[Role], Any], admin: Any
) -> None:
    runner = worker(Role.RUN)
    claim = {"queue": "run.cpu", "worker": "w"}
    assert set(statuses(lambda: runner.post("/work/claim", claim), 25)) == {204}
    assert set(statuses(lambda: admin.post("/tokens", {}), 5)) == {201}


def test_many_at_once_get_as_many_as_are_allowed(settings: PlatformSettings) -> None:
    rates, passed = Rates(settings), []

    def ask() -> None:
        for _ in range(10):
            try:
                rates.count(Act.REQUEST, "usr_1")
            except TooOftenError:
                continue
            passed.append(1)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passed) == 20


def test_an_empty_limit_is_none(settings: PlatformSettings) -> None:
    rates = Rates(settings.model_copy(update={"rate_tokens": ""}))
    for _ in range(100):
        rates.count(Act.TOKEN, "usr_1")


@pytest.mark.parametrize("text", ["often", "5/fortnight", "0/minute", "-1/minute"])
def test_a_limit_that_is_none_is_refused_at_the_start(text: str) -> None:
    with pytest.raises(ValidationError, match="rate_requests"):
        PlatformSettings(rate_requests=text)


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::7", "2001:db8:1:2::/64"),
        ("a-unix-socket", "a-unix-socket"),
    ],
)
def test_the_neighbours_in_one_network_are_one_asker(host: str, counted: str) -> None:
    assert address_of(HTTPConnection({"type": "http", "client": (host, 1)})) == counted


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis of our own on a private socket."""
    socket = tmp_path_factory.mktemp("redis") / "redis.sock"
    command = [server_program(), "--port", "0", "--unixsocket", str(socket), "--save", ""]
    server = subprocess.Popen([*command, "--dir", str(socket.parent)], stdout=subprocess.DEVNULL)
    try:
        while not answers(f"unix://{socket}"):
            assert server.poll() is None
        yield f"unix://{socket}"
    finally:
        server.terminate()
        server.wait()


def test_two_platforms_count_together_in_redis_and_alone_without_it(
    settings: PlatformSettings, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A Redis that is there is waited for, however busy the machine is.
    monkeypatch.setattr("proctor_platform.rates._SOCKET_TIMEOUT_S", 60)
    shared = settings.model_copy(update={"redis_url": redis_url, "rates_in_redis": True})
    one, two = Rates(shared), Rates(shared)
    one.count(Act.TOKEN, "usr_1")
    two.count(Act.TOKEN, "usr_1")
    for rates in (one, two):
        with pytest.raises(TooOftenError) as caught:
            rates.count(Act.TOKEN, "usr_1")
        assert 1 <= caught.value.retry_after_s <= 60
    with redis.Redis.from_url(redis_url) as connection:
        connection.flushall()
    one.count(Act.TOKEN, "usr_1")
    gone = shared.model_copy(update={"redis_url": f"unix://{tmp_path}/nothing.sock"})
    alone = Rates(gone)
    alone.count(Act.TOKEN, "usr_1")
    alone.count(Act.TOKEN, "usr_1")
    with pytest.raises(TooOftenError):
        alone.count(Act.TOKEN, "usr_1")


def test_the_document_tells_of_the_limit_on_every_route(settings: PlatformSettings) -> None:
    paths = create_app(settings, rounds=False).openapi()["paths"]
    for path, methods in paths.items():
        for method, route in methods.items():
            unlimited = path in ("/healthz", "/docs", "/api/v1/limits")
            assert unlimited or "429" in route["responses"], (method, path)
