"""Every route beside every role, on a challenge that only its members may know of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, _IncludedRouter

from proctor.spec.digests import digest_bytes
from proctor.spec.work import Role
from proctor_platform import tokens
from proctor_platform.database import Database

ROLES = ("anonymous", "worker", "outsider", "participant", "organizer")
ROW = tuple[int, int, int, int, int]
OPEN = {
    ("GET", "/healthz"),
    ("GET", "/docs"),
    ("GET", "/limits"),
    ("GET", "/visits/{visit}/{path}"),
    ("POST", "/visits/{visit}/{path}"),
}
"""Routes that do not ask who asks; a visit says so itself."""

READ_CHALLENGE: ROW = (404, 403, 404, 200, 200)
READ_BOARD: ROW = (404, 403, 404, 0, 0)
READ_CASE: ROW = (404, 403, 404, 403, 200)
WORK_ORDER: ROW = (401, 403, 403, 403, 403)
CHANGE_DEPLOYMENT: ROW = (401, 403, 404, 200, 200)
ASK_STOPPED: ROW = (404, 403, 404, 503, 503)

# One status a role in the order of ROLES; 0 where another test says what the allowed get.
EXPECTED: dict[tuple[str, str], ROW] = {
    ("GET", "/healthz"): (200, 200, 200, 200, 200),
    ("GET", "/docs"): (200, 200, 200, 200, 200),
    ("GET", "/metrics"): (401, 403, 403, 403, 403),
    ("GET", "/me"): (401, 403, 200, 200, 200),
    ("POST", "/users"): (401, 403, 403, 403, 403),
    ("POST", "/tokens"): (401, 403, 201, 201, 201),
    ("GET", "/challenges"): (200, 403, 200, 200, 200),
    ("GET", "/challenges/{slug}"): READ_CHALLENGE,
    ("POST", "/challenges/{slug}/versions"): (401, 403, 404, 403, 200),
    ("POST", "/challenges/{slug}/join"): (401, 403, 404, 204, 204),
    ("POST", "/challenges/{slug}/members"): (401, 403, 404, 403, 204),
    ("POST", "/challenges/{slug}/reevaluations"): (401, 403, 404, 403, 202),
    ("GET", "/challenges/{slug}/reevaluations"): (401, 403, 404, 403, 200),
    ("POST", "/challenges/{slug}/refreshes"): (401, 403, 404, 403, 202),
    ("GET", "/challenges/{slug}/refreshes"): (401, 403, 404, 403, 200),
    ("GET", "/challenges/{slug}/sample"): READ_CHALLENGE,
    ("GET", "/challenges/{slug}/tasks/{task}/inputs"): (404, 403, 404, 404, 404),
    ("GET", "/challenges/{slug}/runtimes/{name}"): READ_CHALLENGE,
    ("GET", "/challenges/{slug}/phases/{phase}/quota"): (401, 403, 404, 200, 200),
    ("GET", "/challenges/{slug}/phases/{phase}/leaderboard"): READ_BOARD,
    ("GET", "/challenges/{slug}/phases/{phase}/leaderboards"): READ_BOARD,
    ("GET", "/leaderboards/{snapshot_id}"): READ_BOARD,
    ("GET", "/leaderboards/{snapshot_id}/changes"): READ_BOARD,
    ("GET", "/leaderboards/{snapshot_id}/private"): READ_BOARD,
    ("GET", "/leaderboards/{snapshot_id}/overfitting"): READ_BOARD,
    ("GET", "/leaderboards/{snapshot_id}/statistics"): READ_BOARD,
    ("POST", "/blobs/missing"): (401, 403, 200, 200, 200),
    ("PUT", "/blobs/{digest}"): (401, 403, 201, 201, 201),
    ("GET", "/blobs/{digest}/upload"): (401, 403, 200, 200, 200),
    ("PUT", "/blobs/{digest}/upload"): (401, 403, 200, 200, 200),
    ("GET", "/limits"): (200, 200, 200, 200, 200),
    ("GET", "/blobs/{digest}"): (404, 403, 404, 404, 200),
    ("POST", "/submissions"): (401, 403, 404, 201, 201),
    ("GET", "/submissions"): (401, 403, 200, 200, 200),
    ("GET", "/submissions/{submission_id}"): (404, 403, 404, 200, 200),
    ("GET", "/submissions/{submission_id}/cases"): (404, 403, 404, 200, 200),
    ("GET", "/submissions/{submission_id}/runs/{run_id}/cases/{case_id}"): READ_CASE,
    ("GET", "/submissions/{submission_id}/runs/{run_id}/cases/{case_id}/{part}/{name}"): (
        *READ_CASE[:4],
        404,
    ),
    ("GET", "/submissions/{submission_id}/archive"): (404, 403, 404, 0, 0),
    ("GET", "/submissions/{submission_id}/log"): (401, 403, 404, 200, 200),
    ("GET", "/submissions/{submission_id}/events"): (401, 403, 404, 200, 200),
    ("POST", "/submissions/{submission_id}/reruns"): (401, 403, 404, 201, 409),
    ("GET", "/models"): (200, 403, 200, 200, 200),
    ("GET", "/analytics"): (200, 403, 200, 200, 200),
    ("GET", "/models/{submission_id}"): READ_CHALLENGE,
    ("GET", "/models/{submission_id}/citation"): READ_CHALLENGE,
    ("GET", "/models/{submission_id}/metadata"): (404, 403, 404, 404, 404),
    ("GET", "/models/{submission_id}/licenses"): (404, 403, 404, 404, 404),
    ("GET", "/models/{submission_id}/files"): READ_CHALLENGE,
    ("GET", "/models/{submission_id}/similar"): READ_CHALLENGE,
    ("GET", "/models/{submission_id}/differences"): (404, 403, 404, 404, 404),
    ("GET", "/models/{submission_id}/reviews"): READ_CHALLENGE,
    ("POST", "/models/{submission_id}/reviews"): (401, 403, 404, 403, 409),
    ("PUT", "/models/{submission_id}/doi"): (401, 403, 404, 403, 200),
    ("GET", "/challenges/{slug}/reviews"): (401, 403, 404, 403, 200),
    ("POST", "/deployments"): (401, 403, 404, 201, 201),
    ("GET", "/deployments"): (200, 403, 200, 200, 200),
    ("GET", "/deployments/{deployment_id}"): READ_CHALLENGE,
    ("POST", "/deployments/{deployment_id}/swap"): CHANGE_DEPLOYMENT,
    ("POST", "/deployments/{deployment_id}/start"): CHANGE_DEPLOYMENT,
    ("POST", "/deployments/{deployment_id}/stop"): CHANGE_DEPLOYMENT,
    ("POST", "/deployments/{deployment_id}/visits"): (404, 403, 404, 201, 201),
    ("GET", "/hosted/{deployment_id}/{path}"): ASK_STOPPED,
    ("POST", "/hosted/{deployment_id}/{path}"): ASK_STOPPED,
    ("GET", "/visits/{visit}/{path}"): (404, 404, 404, 404, 404),
    ("POST", "/visits/{visit}/{path}"): (404, 404, 404, 404, 404),
    ("POST", "/models/{submission_id}/withdrawal"): (401, 403, 404, 200, 200),
    ("POST", "/submissions/{submission_id}/cancel"): (401, 403, 404, 409, 409),
    ("DELETE", "/tokens/{token_id}"): (401, 403, 404, 204, 404),
    ("GET", "/workers"): (401, 403, 403, 403, 403),
    ("GET", "/workers/me"): (401, 200, 403, 403, 403),
    ("POST", "/work/claim"): (401, 0, 403, 403, 403),
    ("POST", "/work/{work_id}/heartbeat"): WORK_ORDER,
    ("POST", "/work/{work_id}/intake"): WORK_ORDER,
    ("GET", "/work/{work_id}/blobs/{digest}"): WORK_ORDER,
    ("PUT", "/work/{work_id}/blobs/{digest}"): WORK_ORDER,
    ("POST", "/work/{work_id}/cases"): WORK_ORDER,
    ("POST", "/work/{work_id}/complete"): WORK_ORDER,
    ("POST", "/work/{work_id}/fail"): WORK_ORDER,
    ("POST", "/work/{work_id}/questions"): WORK_ORDER,
    ("GET", "/work/{work_id}/questions/{question_id}/body"): WORK_ORDER,
    ("PUT", "/work/{work_id}/questions/{question_id}/answer"): WORK_ORDER,
}


def expected_of(route: tuple[str, str]) -> dict[str, int]:
    """Return what a route answers each role, and those that are no better than one of them."""
    row = dict(zip(ROLES, EXPECTED[route], strict=True))
    nothing = 401 if route not in OPEN else row["anonymous"]
    wrong_role = {("POST", "/work/claim"): 403}
    # The token of one order is good for that order alone: of others it learns nothing.
    other_order = 404 if "{work_id}" in route[1] else row["worker"]
    if route in (("POST", "/work/claim"), ("GET", "/workers/me")):
        other_order = 403
    return row | {
        "organizer of another": row["outsider"],
        "participant of another": row["outsider"],
        "worker of the wrong role": wrong_role.get(route, row["worker"]),
        "holder of another order": other_order,
        "revoked": nothing,
        "forged": nothing,
    }


@pytest.fixture
def people(
    anonymous: Any,
    worker: Callable[[Role], Any],
    other: Any,
    participant: Any,
    organizer: Any,
    person: Callable[[str], Any],
    database: Database,
) -> dict[str, Any]:
    with database.writing() as session:
        order = tokens.mint(session, work_id="run_" + "1" * 26, fence=1).secret
        session.commit()
    revoked = person("rita")
    mine = revoked.token.partition(".")[0]
    assert revoked.request("DELETE", f"/tokens/{mine}").status_code == 204
    return {
        "anonymous": anonymous,
        "worker": worker(Role.RUN),
        "outsider": other,
        "participant": participant,
        "organizer": organizer,
        "organizer of another": person("otto"),
        "participant of another": person("petra"),
        "worker of the wrong role": worker(Role.SCORE),
        "holder of another order": replace(anonymous, token=order),
        "revoked": revoked,
        "forged": replace(participant, token=participant.token[:-1] + "-"),
    }


def organize_another(tiny: Any, organizer: Any) -> None:
    """Publish a challenge on the sample of the other, and on nothing that is hidden there."""
    sample = tiny.data["classify"].sample
    data = {"classify": tiny.data["classify"].model_copy(update={"hidden": sample})}
    blobs = {key: value for key, value in tiny.blobs.items() if not value.startswith(b"hidden")}
    answer = replace(tiny, blobs=blobs, data=data).publish(organizer, slug="elsewhere")
    assert answer.status_code == 201, answer.text


def leaks_nothing_to_pages(headers: Mapping[str, str]) -> bool:
    """Tell whether an answer cannot be framed, sniffed, kept by others or read by other pages."""
    return (
        headers["X-Content-Type-Options"] == "nosniff"
        and headers["X-Frame-Options"] == "DENY"
        and headers["Referrer-Policy"] == "no-referrer"
        and headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        and headers["Cross-Origin-Resource-Policy"] == "same-origin"
        and headers["Cache-Control"] in ("no-store", "private, no-cache")
        and "Server" not in headers
        and "Access-Control-Allow-Origin" not in headers
    )


def test_every_route_answers_every_role_as_the_table_says(
    tiny: Any,
    people: dict[str, Any],
    fake: Any,
    scores: Callable[..., Any],
    dispatch: Callable[[], None],
) -> None:
    organizer, participant = people["organizer"], people["participant"]
    closed = {"visibility": "members", "members": ["paul"]}
    assert tiny.publish(organizer, **closed).status_code == 201
    submission = tiny.enter(participant, "the-first-key").json()["id"]
    organize_another(tiny, people["organizer of another"])
    joining = ("/challenges/elsewhere/join", {"terms_version": "1"})
    assert people["participant of another"].post(*joining).status_code == 204
    fake.run()
    fake.score(scores(0.7, 0.8, 0.9))
    dispatch()
    organizer.have_blobs(tiny.blobs.values())
    content = b"a blob of the matrix"
    hidden = tiny.data["classify"].hidden.inputs.cases[0].files["images"].digest
    spare = participant.post("/tokens", {}).json()["id"]
    values = {
        "slug": "tiny",
        "name": "runtime-cpu",
        "phase": "main",
        "task": "classify",
        "submission_id": submission,
        "run_id": participant.get(f"/submissions/{submission}").json()["runs"][-1]["id"],
        "case_id": "c0",
        "part": "predictions",
        "snapshot_id": "lea_" + "0" * 26,
        "work_id": "run_" + "0" * 26,
        "token_id": spare,
        "deployment_id": participant.post("/deployments", {"submission": submission}).json()["id"],
        "path": "healthz",
        "visit": f"vis_{'0' * 26}.{'0' * 43}",
        "question_id": "que_" + "0" * 26,
    }
    fence = {"fence": 1}
    facts = dict.fromkeys(("worker", "sandbox", "cpu", "kernel"), "x") | {"cpu_count": 1}
    bodies: dict[tuple[str, str], Any] = {
        ("POST", "/users"): {"name": "nora"},
        ("POST", "/tokens"): {},
        ("POST", "/challenges/{slug}/versions"): tiny.request(**closed),
        ("POST", "/challenges/{slug}/join"): {"terms_version": "1"},
        ("POST", "/challenges/{slug}/members"): {"user": "paul"},
        ("POST", "/challenges/{slug}/reevaluations"): {"phase": "main"},
        ("POST", "/challenges/{slug}/refreshes"): {"phase": "main"},
        ("POST", "/blobs/missing"): {"digests": []},
        ("POST", "/submissions"): {
            "challenge": "tiny",
            "phase": "main",
            "content": tiny.model.model_dump(mode="json"),
            "card": tiny.card.model_dump(mode="json"),
        },
        ("POST", "/submissions/{submission_id}/reruns"): {},
        ("POST", "/models/{submission_id}/reviews"): {"outcome": "approved"},
        ("PUT", "/models/{submission_id}/doi"): {"doi": "10.5072/a-test"},
        ("POST", "/models/{submission_id}/withdrawal"): {},
        ("POST", "/deployments"): {"submission": submission},
        ("POST", "/deployments/{deployment_id}/swap"): {"submission": submission},
        ("POST", "/work/{work_id}/questions"): fence,
        ("POST", "/work/claim"): {"queue": "run.cpu", "worker": "w"},
        ("POST", "/work/{work_id}/heartbeat"): fence | {"stage": "x"},
        ("POST", "/work/{work_id}/intake"): fence,
        ("POST", "/work/{work_id}/cases"): fence | {"case": "c0", "outcome": "OK"},
        ("POST", "/work/{work_id}/complete"): fence
        | {"outcome": "OK", "seconds": 1, "environment": facts},
        ("POST", "/work/{work_id}/fail"): fence | {"code": "INTERNAL"},
    }
    wrong = []
    for method, path in EXPECTED:
        digest = digest_bytes(content) if method == "PUT" else hidden
        address = path.format(**values, digest=digest)
        for role, expected in expected_of((method, path)).items():
            options: dict[str, Any] = {"content": content} if method == "PUT" else {}
            if path.endswith("/answer"):
                options["params"] = {"status": 200, "media_type": "text/plain"}
            if path.endswith("/upload"):
                options["params"] = {"size": len(content), "offset": 0}
            if (method, path) in bodies:
                options.pop("content", None)
                options["json"] = bodies[method, path]
            prefix = "" if path in ("/healthz", "/docs", "/metrics") else "/api/v1"
            person = people[role]
            answer = person.client.request(
                method, prefix + address, headers=person.headers, **options
            )
            allowed = expected == 0 and answer.status_code not in (401, 403, 500)
            if answer.status_code != expected and not allowed:
                wrong.append((method, path, role, expected, answer.status_code, answer.text[:200]))
            assert leaks_nothing_to_pages(answer.headers), (method, path, role, answer.headers)
    assert wrong == []


def test_the_table_has_every_route(app: FastAPI) -> None:
    routes = {
        (method.upper(), path.removeprefix("/api/v1"))
        for path, methods in app.openapi()["paths"].items()
        for method in methods
    }
    assert routes == set(EXPECTED)


def test_no_route_is_kept_out_of_the_document_of_all_routes(app: FastAPI) -> None:
    # Included routers stand in a list of their own; what stands here by itself is the document.
    routers = [route.original_router for route in app.routes if isinstance(route, _IncludedRouter)]
    alone = [route for route in app.routes if not isinstance(route, _IncludedRouter)]
    assert [getattr(route, "path", "") for route in alone] == ["/api/v1/openapi.json"]
    routes = [route for router in routers for route in router.routes]
    shown = [r for r in routes if isinstance(r, APIRoute) and r.include_in_schema]
    assert shown == routes
    assert sum(len(route.methods) for route in shown) == len(EXPECTED)


@pytest.mark.parametrize("path", ["/api/v1/openapi.json", "/nowhere", "/redoc", "/"])
def test_what_is_no_route_is_framed_too(anonymous: Any, path: str) -> None:
    for method in ("GET", "HEAD", "OPTIONS", "POST"):
        answer = anonymous.client.request(method, path)
        assert answer.status_code in ((200, 405) if path.endswith(".json") else (404,))
        assert leaks_nothing_to_pages(answer.headers)
