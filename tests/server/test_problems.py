"""Errors as problem+json, the frame of every answer, and the OpenAPI document."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from proctor.spec.api import Problem
from proctor_platform.database import Database
from proctor_platform.middleware import JsonLimit
from proctor_platform.rates import LaterError
from proctor_platform.tables import Token


def test_every_error_is_a_problem_of_the_table(anonymous: Any, participant: Any) -> None:
    for who, method, path, status, code in (
        (anonymous, "GET", "/nowhere", 404, "NOT_FOUND"),
        (anonymous, "DELETE", "/challenges", 405, "INVALID_REQUEST"),
        (anonymous, "GET", "/me", 401, "UNAUTHENTICATED"),
        (anonymous, "GET", "/challenges?limit=100000", 422, "INVALID_REQUEST"),
        (participant, "POST", "/blobs/missing", 422, "INVALID_REQUEST"),
    ):
        answer = who.request(method, path)
        assert answer.headers["Content-Type"] == "application/problem+json"
        problem = Problem.model_validate(answer.json())
        assert (answer.status_code, problem.status, problem.code) == (status, status, code)
        assert problem.type == f"urn:proctor:outcome:{code}"


def test_a_wrong_field_is_named(anonymous: Any) -> None:
    answer = anonymous.get("/challenges?limit=0").json()
    assert [row["field"] for row in answer["errors"]] == ["query.limit"]


def test_an_id_that_is_none_is_told_how_one_looks(anonymous: Any) -> None:
    told = anonymous.get("/models/sub_1").json()["errors"]
    assert [row["message"] for row in told] == [
        "'sub_1' is no such id: sub_ and 26 digits or lower-case letters"
    ]


@pytest.mark.parametrize(
    "body", [b"{", b"\xff", b'{"\\ud800": 1}', b'{"note": "\\ud800"}', b'{"note": NaN}']
)
def test_a_body_that_is_no_json_or_no_text_is_an_invalid_request(
    participant: Any, body: bytes
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = participant.request("POST", "/tokens", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_REQUEST")


def test_a_surprise_is_a_plain_500_with_the_requests_id(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("/srv/secret/path is broken")

    monkeypatch.setattr("proctor_platform.challenges.list_challenges", fail)
    with TestClient(app) as client, capture_logs() as logs:
        answer = client.get("/api/v1/challenges", headers={"X-Request-Id": "trace-me-1234"})
    assert (answer.status_code, answer.json()["code"]) == (500, "INTERNAL")
    assert answer.json()["detail"] == "The request's id is trace-me-1234."
    assert "secret" not in answer.text
    assert [(row["event"], row["path"]) for row in logs] == [
        ("request_failed", "/api/v1/challenges")
    ]
    assert answer.headers["X-Request-Id"] == "trace-me-1234"


def test_every_answer_has_an_id_and_the_security_headers(anonymous: Any) -> None:
    first, second = anonymous.get("/challenges"), anonymous.get("/nowhere")
    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]
    for answer in (first, second):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_an_id_that_could_break_a_log_line_is_replaced(anonymous: Any) -> None:
    answer = anonymous.get("/challenges", headers={"X-Request-Id": "a b{c}: injected"})
    assert answer.headers["X-Request-Id"] != "a b{c}: injected"


def test_a_json_body_above_the_limit_is_refused(app: FastAPI, participant: Any) -> None:
    limit = app.state.settings.max_json_bytes
    declared = participant.request(
        "POST", "/blobs/missing", content=b"{}", headers={"Content-Length": str(limit + 1)}
    )
    assert (declared.status_code, declared.json()["code"]) == (413, "TOO_LARGE")


@pytest.mark.parametrize(
    ("path", "most_mib"),
    [
        ("/blobs/missing", 16),
        ("/submissions", 16),
        ("/challenges/versions", 16),
        ("/challenges/tiny/versions", 64),
        ("/work/eva_1/complete", 64),
    ],
)
def test_long_bodies_are_for_publishing_and_for_results(
    participant: Any, path: str, most_mib: int
) -> None:
    def refused(size: int) -> bool:
        length = {"Content-Length": str(size)}
        answer = participant.request("POST", path, content=b"{}", headers=length)
        return bool(answer.status_code == 413)

    assert [refused((most_mib << 20) + more) for more in (0, 1)] == [False, True]


def test_a_large_json_body_is_parsed_for_a_valid_token_alone(
    anonymous: Any, participant: Any
) -> None:
    large = b'{"digests": [' + b" " * 65_536 + b"]}"

    def chunks() -> Iterator[bytes]:
        yield large

    for body in (large, chunks()):
        stranger = anonymous.request("POST", "/blobs/missing", content=body)
        assert (stranger.status_code, stranger.json()["code"]) == (401, "UNAUTHENTICATED")
        assert "needs a token" in stranger.json()["detail"]
    forged = {"Authorization": f"Bearer tok_{'0' * 26}.{'a' * 43}"}
    refused = anonymous.request("POST", "/blobs/missing", content=large, headers=forged)
    assert (refused.status_code, refused.json()["code"]) == (401, "UNAUTHENTICATED")
    for body in (large, chunks()):
        answer = participant.request(
            "POST", "/blobs/missing", content=body, headers={"Content-Type": "application/json"}
        )
        assert answer.json() == {"missing": []}


def test_healthz_says_what_is_not_well(
    client: TestClient, app: FastAPI, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/healthz").json() == {
        "status": "ok",
        "version": "0.1.0",
        "database": True,
        "queue": True,
        "storage": True,
    }
    monkeypatch.setattr(app.state.store, "healthy", lambda: False)
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["status"]) == (503, "degraded")
    assert answer.json()["storage"] is False


def test_the_calls_are_a_page_that_needs_nothing_from_elsewhere(
    client: TestClient, app: FastAPI
) -> None:
    answer = client.get("/docs")
    page = answer.text
    for path in app.openapi()["paths"]:
        assert f"<code>{path}</code>" in page
    assert not re.search("<script|<style|<link|<img", page)
    assert re.findall(r"""(?:src|href)=["']([^"']+)""", page) == ["/api/v1/openapi.json"]


def test_openapi_names_errors_and_examples(app: FastAPI) -> None:
    document = app.openapi()
    submit = document["paths"]["/api/v1/submissions"]["post"]
    assert set(submit["requestBody"]["content"]["application/json"]["examples"]) == {
        "folder",
        "image",
    }
    examples = submit["responses"]["429"]["content"]["application/problem+json"]["examples"]
    assert examples["QUOTA_USED"]["value"]["code"] == "QUOTA_USED"
    for path, methods in document["paths"].items():
        for method, route in methods.items():
            assert route["description"].strip(), (method, path)
            open_to_all = path in ("/healthz", "/docs", "/api/v1/limits")
            assert open_to_all or "401" in route["responses"], (method, path)


def test_one_user_holds_so_many_bytes_of_unfinished_requests_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("proctor_platform.middleware._MOST_HELD_BYTES", 150_000)

    async def scenario() -> None:
        heard, go_on = asyncio.Event(), asyncio.Event()

        async def app(_scope: Any, receive: Any, _send: Any) -> None:
            await receive()
            heard.set()
            await go_on.wait()

        limit = JsonLimit(
            app, 1 << 20, lambda _, text: Token(id="tok_1", secret_hash="", user_id=text)
        )

        async def ask(whose: str) -> None:
            async def receive() -> dict[str, Any]:
                return {"type": "http.request", "body": bytes(100_000), "more_body": True}

            headers = [
                (b"content-length", b"100000"),
                (b"authorization", f"Bearer {whose}".encode()),
            ]
            scope = {"type": "http", "method": "POST", "path": "/api/v1/x", "headers": headers}
            await limit(scope, receive, None)  # type: ignore[arg-type]

        first = asyncio.create_task(ask("usr_1"))
        await heard.wait()
        with pytest.raises(LaterError, match="Too many large requests at once"):
            await ask("usr_1")
        others = asyncio.create_task(ask("usr_2"))
        go_on.set()
        await asyncio.gather(first, others)
        await ask("usr_1")

    asyncio.run(scenario())
