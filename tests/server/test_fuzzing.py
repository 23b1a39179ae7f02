"""Requests of every shape, made from the OpenAPI document: no 500, and answers as it says."""

from __future__ import annotations

import copy
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, seed, strategies
from hypothesis import settings as trying
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.python import asgi
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from proctor.spec.work import Role

SEED = 20260501
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
PUBLISH = "POST /api/v1/challenges/{slug}/versions"
"""Its document is so large that one request takes seconds to make; mutations stand in for it."""

JUNK: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**31,
    2**63,
    10**40,
    1.5,
    1e308,
    float("nan"),
    float("-inf"),
    "",
    "x",
    "\x00",
    "\ud800",
    "ü" * 300,
    "../..",
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00Z",
    [],
    {},
    [[]],
    {"": None},
)


@pytest.fixture
def known(
    published: Any, participant: Any, fake: Any, scores: Any, dispatch: Callable[[], None]
) -> dict[str, str]:
    """What there is, by the names that paths have for it: requests about it go deeper."""
    submission = published.enter(participant).json()["id"]
    fake.run()
    fake.score(scores(0.7, 0.8, 0.9))
    dispatch()
    board = participant.get("/challenges/tiny/phases/main/leaderboard").json()
    hidden = published.data["classify"].hidden.inputs.cases[0].files["images"].digest
    return {
        "slug": "tiny",
        "name": "runtime-cpu",
        "phase": "main",
        "task": "classify",
        "submission_id": submission,
        "run_id": participant.get(f"/submissions/{submission}").json()["runs"][-1]["id"],
        "case_id": "c0",
        "snapshot_id": board["id"],
        "token_id": participant.post("/tokens", {}).json()["id"],
        "digest": hidden,
    }


@pytest.fixture
def askers(
    admin: Any, worker: Callable[[Role], Any], published: Any, person: Any, fake: Any
) -> dict[str, Any]:
    """Whose token opens what: an admin's most, a worker's its claims, an order's its work."""
    published.enter(person("someone-else"))
    return {"user": admin, "claim": worker(Role.RUN), "held": fake.claim()}


def token_for(path: str, askers: dict[str, Any]) -> str:
    if path.startswith("/api/v1/work/{"):
        return str(askers["held"].holder.token)
    return str(askers["claim" if "/work" in path else "user"].token)


def fuzz(app: FastAPI, known: dict[str, str], askers: dict[str, Any], examples: int) -> list[str]:
    """Ask every operation so often, with values of the document and with those that there are."""
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app)
    wrong: list[str] = []
    known = {**known, "work_id": askers["held"].id}
    seen: Counter[int] = Counter()
    operations = [found.ok() for found in schema.get_all_operations()]
    with asgi.get_client(app) as client:
        for operation, mode in product(operations, GenerationMode):
            negative = mode is GenerationMode.NEGATIVE
            if operation.label == PUBLISH or (negative and not _takes_anything(operation)):
                continue

            @seed(SEED)
            @trying(
                max_examples=examples,
                database=None,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                phases=[Phase.generate],
            )
            @given(case=operation.as_strategy(generation_mode=mode), real=strategies.booleans())
            def ask(case: Any, real: bool) -> None:
                for name in case.path_parameters or {}:
                    if real and name in known:
                        case.path_parameters[name] = known[name]
                if isinstance(case.body, dict) and "wait_s" in case.body:
                    case.body["wait_s"] = 0
                headers = {"Authorization": f"Bearer {token_for(case.path, askers)}"}
                response = case.call(session=client, headers=headers)
                seen[response.status_code] += 1
                try:
                    case.validate_response(response, checks=CHECKS)
                except FailureGroup as group:
                    for failure in group.exceptions:
                        wrong.append(f"{case.operation.label}: {failure}"[:2000])

            ask()
    assert {200, 201, 204, 404, 409, 422} <= set(seen), seen
    return wrong


def _takes_anything(operation: Any) -> bool:
    return bool(list(operation.iter_parameters()) or operation.body)


def test_requests_of_every_shape_are_answered_as_the_document_says(
    app: FastAPI, known: dict[str, str], askers: dict[str, Any]
) -> None:
    assert fuzz(app, known, askers, examples=3) == []


@pytest.mark.slow
def test_many_requests_of_every_shape_are_answered_as_the_document_says(
    app: FastAPI, known: dict[str, str], askers: dict[str, Any]
) -> None:
    assert fuzz(app, known, askers, examples=80) == []


def places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Give the way to every value of a document but the whole."""
    if path:
        yield path
    if isinstance(document, dict):
        for key, value in document.items():
            yield from places(value, (*path, key))
    elif isinstance(document, list):
        for index, value in enumerate(document):
            yield from places(value, (*path, index))


def mutated(document: Any, chance: random.Random) -> Any:
    """Return a document with one value removed, doubled, or changed into something else."""
    changed = copy.deepcopy(document)
    *way, last = chance.choice(list(places(changed)))
    holder = changed
    for step in way:
        holder = holder[step]
    match chance.randrange(4):
        case 0 if isinstance(holder, dict):
            del holder[last]
        case 1 if isinstance(holder, list):
            holder.append(copy.deepcopy(holder[last]))
        case 2 if isinstance(holder, dict):
            holder["unheard-of"] = chance.choice(JUNK)
        case _:
            holder[last] = chance.choice(JUNK)
    return changed


def post(who: Any, path: str, body: Any) -> Any:
    """Send JSON that no client of ours would: NaN, and half of a pair of surrogates."""
    headers = {"Content-Type": "application/json"}
    return who.request("POST", path, content=json.dumps(body).encode(), headers=headers)


@pytest.mark.parametrize("times", [150, pytest.param(5_000, marks=pytest.mark.slow)])
def test_no_change_of_a_challenge_makes_publishing_fail(
    times: int, published: Any, organizer: Any
) -> None:
    chance = random.Random(SEED)
    whole = published.request()
    for _ in range(times):
        body = mutated(whole, chance)
        answer = post(organizer, "/challenges/tiny/versions", body)
        assert answer.status_code < 500, (answer.text, body)
        if chance.random() < 0.1:  # what was accepted must be shown, too
            assert organizer.get("/challenges/tiny").status_code == 200, body


def test_no_change_of_a_submission_or_a_report_makes_the_platform_fail(
    published: Any, participant: Any, fake: Any, scores: Any
) -> None:
    entered = published.enter(participant)
    held = fake.claim()
    chance = random.Random(SEED)
    content = published.model.model_dump(mode="json")
    card = published.card.model_dump(mode="json")
    submission = {"challenge": "tiny", "phase": "main", "content": content, "card": card}
    case = {"fence": held.fence, "case": "c0", "outcome": "OK", "predictions": {}, "seconds": 1.0}
    machine = {"worker": "w", "sandbox": "docker", "cpu": "c", "cpu_count": 1, "kernel": "k"}
    ended = {"fence": held.fence, "outcome": "OK", "seconds": 1.0, "environment": machine}
    beat = {"fence": held.fence, "stage": "x", "cases_done": 1}
    for who, path, body in (
        (participant, "/submissions", submission),
        (held.holder, f"/work/{held.id}/heartbeat", beat),
        (held.holder, f"/work/{held.id}/cases", case),
        (held.holder, f"/work/{held.id}/complete", ended),
    ):
        for _ in range(30):
            sent = mutated(body, chance)
            answer = post(who, path, sent)
            assert answer.status_code < 500, (path, answer.text, sent)
    assert participant.get(f"/submissions/{entered.json()['id']}").status_code == 200
