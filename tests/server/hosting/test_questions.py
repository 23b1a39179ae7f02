"""What is asked of a hosted model: what reaches it, what comes back, and who hears nothing."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import select

from proctor_platform.clock import now
from proctor_platform.database import Database
from proctor_platform.hosting.tables import Question, Visit

InThread = Callable[..., Future[Any]]


def at(deployed: dict[str, Any], path: str) -> str:
    return f"/hosted/{deployed['id']}/{path}"


def test_a_question_reaches_the_model_without_anything_of_the_asker(
    other: Any, deployed: dict[str, Any], host: Any, in_thread: InThread, database: Database
) -> None:
    held = host.serve()
    headers = {"Cookie": "session=s3cret", "X-Forwarded-For": "10.0.0.7", "Content-Type": "a/b"}
    asked = in_thread(
        other.request, "POST", at(deployed, "predict?top=3"), content=b"pixels", headers=headers
    )
    question = held.next_question()
    assert (question["method"], question["path"]) == ("POST", "/predict")
    assert (question["query"], question["content_type"]) == ({"top": "3"}, "a/b")
    assert question["base"].endswith(f"/api/v1/hosted/{deployed['id']}")
    assert held.body(question) == b"pixels"
    for secret in (other.token, other.id, "s3cret", "10.0.0.7"):
        assert secret not in str(question)
    assert held.answer(question, b'{"outputs": {}}').status_code == 204
    answer = asked.result()
    assert (answer.status_code, answer.json()) == (200, {"outputs": {}})
    with database.reading() as session:
        assert session.exec(select(Question)).all() == []
    assert other.get(f"/deployments/{deployed['id']}").json()["asked"] == 1


def test_an_answer_can_neither_act_as_the_platform_nor_set_anything(
    other: Any, deployed: dict[str, Any], host: Any, in_thread: InThread
) -> None:
    held = host.serve()
    kinds = {
        "text/html; charset=utf-8": "sandbox allow-scripts allow-forms allow-downloads",
        "application/json": "default-src 'none'; sandbox",
        "application/x-hdf5": "default-src 'none'; sandbox",
        "text/html\r\nSet-Cookie: a=b": "default-src 'none'; sandbox",
    }
    for media_type, policy in kinds.items():
        asked = in_thread(other.get, at(deployed, "x"))
        held.answer(held.next_question(), b"<script>", media_type=media_type)
        headers = asked.result().headers
        assert headers["Content-Security-Policy"].startswith(policy)
        assert "allow-same-origin" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "Set-Cookie" not in headers
        assert "Access-Control-Allow-Origin" not in headers
        shown = media_type.startswith(("text/html;", "application/json"))
        assert headers.get("Content-Disposition") == (None if shown else "attachment")


def test_a_visit_opens_one_model_to_a_browser_and_only_as_long_as_its_visitor_may(
    other: Any,
    anonymous: Any,
    deployed: dict[str, Any],
    host: Any,
    in_thread: InThread,
    database: Database,
) -> None:
    held = host.serve()
    visit = other.post(f"/deployments/{deployed['id']}/visits").json()
    path = visit["path"].removeprefix("/api/v1")
    asked = in_thread(anonymous.get, f"{path}docs", headers={"Origin": "null"})
    question = held.next_question()
    assert question["path"] == "/docs"
    assert question["base"].endswith(visit["path"].rstrip("/"))
    held.answer(question, b"<p>", media_type="text/html")
    headers = asked.result().headers
    assert headers["Access-Control-Allow-Origin"] == "null"
    assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    wrong = path[:-2] + ("A" if path[-2] != "A" else "B") + "/"
    assert anonymous.get(wrong).status_code == 404
    assert (
        anonymous.get("/me", headers={"Authorization": f"Bearer {path[8:-1]}"}).status_code == 401
    )
    with database.writing() as session:
        session.execute(update(Visit).values(expires_at=now(-1)))
        session.commit()
    assert anonymous.get(f"{path}docs").status_code == 404


def test_a_stranger_asks_only_where_the_operator_opened_that(
    app: Any, anonymous: Any, deployed: dict[str, Any], host: Any, in_thread: InThread
) -> None:
    assert anonymous.get(at(deployed, "healthz")).status_code == 401
    assert anonymous.get(at(deployed, "")).status_code == 401
    assert anonymous.post(f"/deployments/{deployed['id']}/visits").status_code == 401
    app.state.settings = app.state.settings.model_copy(update={"hosted_open": True})
    led = anonymous.get(at(deployed, ""), follow_redirects=False)
    assert led.status_code == 303
    held = host.serve()
    path = led.headers["Location"].removeprefix("/api/v1")
    asked = in_thread(anonymous.get, path)
    held.answer(held.next_question(), b"ok", media_type="text/plain")
    assert asked.result().text == "ok"


def test_a_swap_fails_no_question(
    owner: Any,
    other: Any,
    better: str,
    deployed: dict[str, Any],
    host: Any,
    in_thread: InThread,
) -> None:
    first = host.serve()
    before = in_thread(other.get, at(deployed, "before"))
    taken = first.next_question()
    owner.post(f"/deployments/{deployed['id']}/swap", {"submission": better})
    second = host.serve()
    after = in_thread(other.get, at(deployed, "after"))
    question = second.next_question()
    assert question["path"] == "/after"
    assert first.take().json()["cancel"] is True
    first.answer(taken, b'"old"')
    first.say("fail", code="CANCELLED")
    second.answer(question, b'"new"')
    assert (before.result().json(), after.result().json()) == ("old", "new")


def test_a_question_that_a_lost_worker_had_is_asked_again(
    other: Any,
    deployed: dict[str, Any],
    host: Any,
    in_thread: InThread,
    look: Callable[[], None],
    lose_leases: Callable[[], None],
) -> None:
    lost = host.serve()
    asked = in_thread(other.get, at(deployed, "healthz"))
    question = lost.next_question()
    lose_leases()
    look()
    held = host.serve()
    again = held.next_question()
    assert again["id"] == question["id"]
    assert lost.answer(question, b"late").status_code == 409
    held.answer(again, b'"again"')
    assert asked.result().json() == "again"


def test_a_question_wakes_a_model_that_is_asleep(
    other: Any,
    deployed: dict[str, Any],
    host: Any,
    in_thread: InThread,
    look: Callable[[], None],
    forget_time: Callable[[], None],
    eventually: Callable[[Callable[[], bool]], None],
) -> None:
    host.serve()
    forget_time()
    look()
    asked = in_thread(other.get, at(deployed, "healthz"))
    address = f"/deployments/{deployed['id']}"
    eventually(lambda: other.get(address).json()["state"] == "starting")
    held = host.serve()
    held.answer(held.next_question(), b'"awake"')
    assert asked.result().json() == "awake"


def test_who_waits_hears_at_once_that_the_model_was_stopped(
    owner: Any, other: Any, deployed: dict[str, Any], host: Any, in_thread: InThread
) -> None:
    host.serve().take()
    asked = in_thread(other.get, at(deployed, "healthz"))
    owner.post(f"/deployments/{deployed['id']}/stop")
    answer = asked.result()
    assert (answer.status_code, answer.json()["detail"]) == (503, "It is stopped.")


def test_too_much_is_refused_before_it_is_kept(
    app: Any, other: Any, deployed: dict[str, Any], host: Any, in_thread: InThread
) -> None:
    held = host.serve()
    most = app.state.settings.hosted_question_bytes
    answer = other.request("POST", at(deployed, "predict"), content=b"x" * (most + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "TOO_LARGE")
    asked = in_thread(other.get, at(deployed, "healthz"))
    question = held.next_question()
    largest = app.state.settings.hosted_answer_bytes
    assert held.answer(question, b"x" * (largest + 1)).status_code == 413
    held.answer(question)
    assert asked.result().status_code == 200


@pytest.mark.parametrize("path", ["..%2fapi", "a/%2e%2e/b", "a%5cb", "a%00b"])
def test_a_path_that_leads_elsewhere_leads_nowhere(
    other: Any, deployed: dict[str, Any], path: str
) -> None:
    assert other.get(at(deployed, path)).status_code == 404


def test_questions_are_counted(app: Any, other: Any, deployed: dict[str, Any], owner: Any) -> None:
    from proctor_platform.rates import Rates

    owner.post(f"/deployments/{deployed['id']}/stop")
    limited = app.state.settings.model_copy(update={"rate_questions": "1/minute"})
    app.state.rates = Rates(limited)
    assert other.get(at(deployed, "healthz")).status_code == 503
    refused = other.get(at(deployed, "healthz"))
    assert (refused.status_code, "Retry-After" in refused.headers) == (429, True)


def test_one_more_question_than_may_wait_is_told_to_come_again(
    app: Any, other: Any, deployed: dict[str, Any], host: Any, in_thread: InThread
) -> None:
    app.state.forwarding._settings = app.state.settings.model_copy(
        update={"hosted_most_waiting": 1}
    )
    held = host.serve()
    asked = in_thread(other.get, at(deployed, "first"))
    question = held.next_question()
    assert other.get(at(deployed, "second")).status_code == 429
    held.answer(question)
    assert asked.result().status_code == 200
