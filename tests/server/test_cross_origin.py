"""Which pages a browser lets upload and submit."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from proctor_platform.app import create_app
from proctor_platform.settings import PlatformSettings

PAGES = "https://pages.example"
BLOB = f"/api/v1/blobs/sha256:{'0' * 64}"


@pytest.fixture
def answering(settings: PlatformSettings) -> Iterator[TestClient]:
    """A platform that knows its dashboard."""
    known = settings.model_copy(update={"dashboard_url": PAGES})
    with TestClient(create_app(known, rounds=False)) as client:
        yield client


def asked(client: TestClient, path: str, origin: str, method: str = "PUT") -> dict[str, str]:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    answer = client.options(path, headers=headers)
    return {name: value for name, value in answer.headers.items() if name.startswith("access-")}


@pytest.mark.parametrize(
    ("path", "method"),
    [
        (BLOB, "PUT"),
        (f"{BLOB}/upload", "PUT"),
        ("/api/v1/blobs/missing", "POST"),
        ("/api/v1/submissions", "POST"),
    ],
)
def test_the_dashboard_may_upload_and_submit(answering: TestClient, path: str, method: str) -> None:
    allowed = asked(answering, path, PAGES, method)
    assert allowed["access-control-allow-origin"] == PAGES
    assert "authorization" in allowed["access-control-allow-headers"].lower()
    assert "access-control-allow-credentials" not in allowed


@pytest.mark.parametrize(
    "path", ["/api/v1/me", "/api/v1/tokens", "/api/v1/submissions/sub_x/cancel", "/healthz"]
)
def test_no_page_may_call_anything_else(answering: TestClient, path: str) -> None:
    assert asked(answering, path, PAGES) == {}


@pytest.mark.parametrize(
    "origin", ["https://other.example", "http://pages.example", f"{PAGES}.example", "null"]
)
def test_no_other_page_may_call(answering: TestClient, origin: str) -> None:
    assert "access-control-allow-origin" not in asked(answering, BLOB, origin)
    answer = answering.post(
        "/api/v1/blobs/missing", json={"digests": []}, headers={"Origin": origin}
    )
    assert "access-control-allow-origin" not in answer.headers


def test_a_page_may_read_why_it_was_refused(answering: TestClient) -> None:
    answer = answering.post("/api/v1/submissions", json={}, headers={"Origin": PAGES})
    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == PAGES


def test_a_platform_without_a_dashboard_answers_no_page(client: TestClient) -> None:
    assert "access-control-allow-origin" not in asked(client, BLOB, PAGES)
