"""`proctor worker` as an operator of another host starts it, and `proctor workers` as an admin."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proctor.spec.work import Queue, Role
from proctor_runner.settings import WorkerSettings

WORKER_TOKEN = "tok_0123456789abcdefghjkmnpqrt.anothersecretpart"
GPU = {
    "uuid": "GPU-1",
    "name": "NVIDIA A10",
    "vram_bytes": 24_000_000_000,
    "compute_capability": "8.6",
    "driver": "535.104.05",
}


@pytest.fixture
def token_file(alone):
    file = alone / "worker-token"
    file.write_text(f"{WORKER_TOKEN}\n")
    file.chmod(0o600)
    return file


@pytest.fixture
def started(monkeypatch) -> list[WorkerSettings]:
    """Keep the settings that the worker would have been started with."""
    kept: list[WorkerSettings] = []

    def main(read: Any) -> int:
        kept.append(read())
        return 0

    monkeypatch.setattr("proctor_runner.worker.main", main)
    return kept


def welcome(platform: Any, role: str = "run", version: str | None = None) -> None:
    from importlib.metadata import version as installed

    answer = {"role": role, "version": version or installed("proctor")}
    platform.on("GET /workers/me", (200, answer))


def view(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "queue": "run.gpu",
        "state": "idle",
        "work": None,
        "facts": {
            "version": "0.1.0",
            "role": "run",
            "slots": 1,
            "sandbox": "docker",
            "host": "box",
            "gpus": [GPU],
            "cache_bytes": 1,
        },
        "token": "tok_0123456789abcdefghjkmnpqrt",
        "first_seen_at": "2026-01-01T00:00:00Z",
        "seen_at": "2026-01-01T12:30:00Z",
        **changes,
    }


def test_a_host_needs_an_address_and_a_token_alone(proctor, platform, token_file, started):
    welcome(platform)
    ended = proctor("worker", "--url", platform.url, "--token-file", token_file)
    assert (ended.code, len(started)) == (0, 1)
    settings = started[0]
    assert (settings.platform_url, settings.redis_url) == (platform.url, None)
    assert (settings.roles, settings.run_queue) == ((Role.RUN,), Queue.RUN_CPU)
    assert settings.token(Role.RUN) == WORKER_TOKEN
    assert f"Enrolled at {platform.url} as a worker of role run." in ended.err


def test_role_queue_slots_and_redis_are_as_they_are_said(proctor, platform, token_file, started):
    welcome(platform)
    options = ["--queue", "run.gpu", "--slots", 3, "--redis", "rediss://r", "--name", "box"]
    proctor("worker", "--url", platform.url, "--token-file", token_file, *options)
    (settings,) = started
    assert (settings.run_queue, settings.run_slots) == (Queue.RUN_GPU, 3)
    assert (settings.redis_url, settings.worker_name) == ("rediss://r", "box")


def test_a_token_for_scoring_makes_a_worker_that_scores(proctor, platform, token_file, started):
    welcome(platform, "score")
    proctor("worker", "--url", platform.url, "--token-file", token_file, "--slots", 2)
    (settings,) = started
    assert (settings.roles, settings.score_slots) == ((Role.SCORE,), 2)


def test_without_options_the_environment_says_everything(proctor, started, monkeypatch):
    monkeypatch.setenv("PROCTOR_ROLES", "score")
    assert proctor("worker").code == 0
    assert started[0].roles == (Role.SCORE,)


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (["--role", "score"], 2, "is of role run, not score"),
        (["--queue", "score"], 2, "is of role run, not score"),
        (["--queue", "gpu"], 2, "There is no queue 'gpu'"),
        (["--role", "judge"], 2, "There is no role 'judge'"),
        (["--role", "score", "--queue", "run.cpu"], 2, "does not serve the queue run.cpu"),
    ],
)
def test_what_does_not_go_together_is_refused(
    proctor, platform, token_file, started, options, code, sentence
):
    welcome(platform)
    ended = proctor("worker", "--url", platform.url, "--token-file", token_file, *options)
    assert ended.code == code
    assert sentence in ended.err
    assert started == []


def test_a_token_that_is_refused_ends_the_command(proctor, platform, token_file, started):
    problem = {
        "type": "urn:proctor:outcome:UNAUTHENTICATED",
        "title": "No valid token was given.",
        "status": 401,
        "code": "UNAUTHENTICATED",
        "detail": "This token is unknown or revoked.",
    }
    platform.on("GET /workers/me", (401, problem))
    ended = proctor("worker", "--url", platform.url, "--token-file", token_file)
    assert ended.code == 3
    assert "refused the token: This token is unknown or revoked." in ended.err
    assert started == []


def test_a_token_that_others_may_read_is_not_used(proctor, platform, token_file, started):
    token_file.chmod(0o644)
    ended = proctor("worker", "--url", platform.url, "--token-file", token_file)
    assert ended.code == 2
    assert "is open to others; run: chmod 600" in ended.err


def test_a_platform_that_is_away_is_asked_until_it_answers(
    proctor, platform, token_file, started, monkeypatch
):
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            welcome(platform)

    monkeypatch.setattr("proctor.cli.workers.time.sleep", pause)
    platform.on("GET /workers/me", (503, {}))
    ended = proctor("worker", "--url", platform.url, "--token-file", token_file)
    assert (ended.code, len(started), len(pauses)) == (0, 1, 2)
    assert "trying again in 1 s." in ended.err
    assert "trying again in 2 s." in ended.err


def test_the_list_says_who_is_idle_busy_or_silent(proctor, logged_in):
    rows = [
        view("a/run-0"),
        view("b/run-0", state="busy", work="run_1"),
        view("c/run-0", state="silent"),
    ]
    logged_in.on("GET /workers", (200, rows))
    ended = proctor("workers")
    lines = {line.split()[0]: line for line in ended.out.splitlines() if "/run-0" in line}
    assert "idle" in lines["a/run-0"]
    assert "NVIDIA A10 24 GB" in lines["a/run-0"]
    assert "busy with run_1" in lines["b/run-0"]
    assert "silent since 2026-01-01 12:30:00" in lines["c/run-0"]
    document = json.loads(proctor("workers", "--format", "json").out)
    assert document[0]["facts"]["gpus"] == [GPU]


def test_the_list_says_once_what_is_wrong_with_a_host(proctor, logged_in):
    rows = [view("a/run-0"), view("a/run-1")]
    for row in rows:
        row["facts"]["problems"] = ["Slot 0 is set aside: its container stays."]
    logged_in.on("GET /workers", (200, rows))
    said = proctor("workers").err
    assert said.count("Slot 0 is set aside: its container stays.") == 1
