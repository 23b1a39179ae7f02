"""What a monitoring system reads: numbers of the whole, for admins, without a name."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from proctor_platform.app import create_app
from proctor_platform.settings import PlatformSettings


def read(client: TestClient, headers: dict[str, str]) -> dict[tuple[str, frozenset[Any]], float]:
    """Return every sample by its name and labels."""
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(samples: dict[Any, float], name: str, **labels: str) -> float:
    return samples[name, frozenset(labels.items())]


def test_what_waits_what_ended_and_what_is_kept_is_counted(
    published: Any, participant: Any, admin: Any, client: TestClient, fake: Any, scores: Any
) -> None:
    published.enter(participant)
    published.enter(participant)
    before = read(client, admin.headers)
    assert value(before, "proctor_work", queue="run.cpu", state="queued") == 2
    assert 0 <= value(before, "proctor_oldest_waiting_seconds", queue="run.cpu") < 600
    assert value(before, "proctor_outbox_unsent", topic="bell") == 2
    assert value(before, "proctor_blob_bytes") > 0
    fake.run()
    fake.score(scores(1, 1, 1))
    after = read(client, admin.headers)
    assert value(after, "proctor_work", queue="run.cpu", state="succeeded") == 1
    assert value(after, "proctor_work", queue="score", state="scored") == 1
    assert value(after, "proctor_ended", kind="run", outcome="OK") == 1
    assert value(after, "proctor_ended", kind="evaluation", outcome="OK") == 1
    assert value(after, "proctor_oldest_waiting_seconds", queue="score") == 0
    assert value(after, "proctor_submissions", state="accepted") == 2


def test_requests_are_counted_by_template_and_never_by_id_or_name(
    published: Any, participant: Any, admin: Any, client: TestClient, fake: Any
) -> None:
    entered = published.enter(participant).json()["id"]
    participant.get(f"/submissions/{entered}")
    participant.get("/nowhere/at/all")
    client.request("INVENTED", "/api/v1/me")
    fake.ask()
    fake.ask()
    samples = read(client, admin.headers)
    route = "/submissions/{submission_id}"
    assert value(samples, "proctor_requests_total", method="GET", route=route, status="200") == 1
    assert value(samples, "proctor_request_seconds_count", method="GET", route=route) == 1
    claim = {"method": "POST", "route": "/work/claim"}
    assert value(samples, "proctor_requests_total", **claim, status="200") == 1
    assert value(samples, "proctor_requests_total", **claim, status="204") == 1
    other = {"method": "GET", "route": "other", "status": "404"}
    assert value(samples, "proctor_requests_total", **other) == 1
    text = client.get("/metrics", headers=admin.headers).text
    assert "INVENTED" not in text
    for secret in (entered, participant.id, participant.name, "nowhere"):
        assert secret not in text


@pytest.mark.parametrize(("who", "status"), [("anonymous", 401), ("participant", 403)])
def test_only_an_admin_reads_it(
    request: pytest.FixtureRequest, client: TestClient, who: str, status: int
) -> None:
    asker = request.getfixturevalue(who)
    assert client.get("/metrics", headers=asker.headers).status_code == status


def test_a_worker_token_does_not_read_it(fake: Any, client: TestClient) -> None:
    assert client.get("/metrics", headers=fake.runner.headers).status_code == 403


def test_an_operator_can_make_it_public(settings: PlatformSettings) -> None:
    public = settings.model_copy(update={"metrics_public": True})
    with TestClient(create_app(public, rounds=False)) as client:
        assert client.get("/metrics").status_code == 200
