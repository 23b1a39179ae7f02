"""Crashes at named points: every submission is scored once, and nobody is charged for them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import redis

pytestmark = [pytest.mark.e2e, pytest.mark.docker]

PATIENCE_S = 300
# Who is lost is missed soon; a lease that lapses because the machine is busy costs an attempt.
IMPATIENT = {
    "PROCTOR_LEASE_S": "2",
    "PROCTOR_RECONCILE_S": "0.3",
    "PROCTOR_MAX_ATTEMPTS": "1000",
}
SLOW = """
import time
import numpy as np

class Model:
    def predict(self, inputs):
        time.sleep(1)
        high = inputs["values"][:, 0] > 0.5
        return {"probabilities": np.where(high[:, None], [0.1, 0.9], [0.9, 0.1])}
"""


def assert_scored_once(stack: Any, submission: str, token: str) -> None:
    view = stack.finish(submission, token)
    assert view.progress == "scored", view
    first = [run for run in view.runs if run.purpose == "first"]
    assert len(first) == 1
    names = [event.name for event in stack.client(token).events(submission)]
    assert names.count("evaluation_scored") == 1, names
    assert all(run.cases_failed == 0 for run in view.runs)
    rows = stack.client(token).leaderboard(view.challenge, view.phase).rows
    assert [row.participant for row in rows].count(view.participant) == 1


POINTS = ("claim", "fetch", "create", "run", "decode", "complete", "score")


def assert_kills_cost_nothing(
    start: Callable[..., Any],
    write_challenge: Callable[..., Path],
    model: Path,
    tmp_path: Path,
    points: Sequence[str],
) -> None:
    """Kill a worker once at each point; a quota of one submission shows that nobody is charged."""
    stack = start(
        tmp_path / "home",
        PROCTOR_FAULT_AT=",".join(points),
        **IMPATIENT,
    )
    organizer, participant = stack.user("olga"), stack.user("paul")
    folder = write_challenge(tmp_path / "half", "half", quota={"total": 1})
    stack.cli("challenge", "publish", str(folder), token=organizer)
    stack.client(participant).join("half")
    submission = stack.submit("half", model, participant)
    assert_scored_once(stack, submission, participant)
    reached = {marker.name for marker in (tmp_path / "home").rglob("faults/*-0")}
    assert reached == {f"{point}-0" for point in points}


def test_a_worker_killed_at_every_point_in_turn_costs_nothing(
    start: Callable[..., Any],
    write_challenge: Callable[..., Path],
    model: Callable[..., Path],
    tmp_path: Path,
) -> None:
    assert_kills_cost_nothing(start, write_challenge, model(), tmp_path, POINTS)


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_at_a_point_costs_nothing(
    start: Callable[..., Any],
    write_challenge: Callable[..., Path],
    model: Callable[..., Path],
    tmp_path: Path,
    point: str,
) -> None:
    assert_kills_cost_nothing(start, write_challenge, model(), tmp_path, [point])


def test_an_emptied_redis_loses_no_submission(
    stack: Any, challenge: str, joined: str, model: Callable[..., Path]
) -> None:
    submissions = [
        stack.submit(challenge, model(SLOW, f"model{number}"), joined) for number in range(2)
    ]
    socket = next(stack.home.rglob("redis.sock"))
    redis.Redis(unix_socket_path=str(socket)).flushall()
    for submission in submissions:
        assert_scored_once(stack, submission, joined)


def test_a_platform_killed_in_the_middle_comes_back_to_the_same_end(
    start: Callable[..., Any],
    write_challenge: Callable[..., Path],
    model: Callable[..., Path],
    tmp_path: Path,
) -> None:
    stack = start(tmp_path / "home", **IMPATIENT)
    organizer, participant = stack.user("olga"), stack.user("paul")
    folder = write_challenge(tmp_path / "half", "half")
    stack.cli("challenge", "publish", str(folder), token=organizer)
    stack.client(participant).join("half")
    submission = stack.submit("half", model(SLOW), participant)
    stack.process.send_signal(signal.SIGKILL)
    stack.process.wait()
    again = start(tmp_path / "home", **IMPATIENT)
    assert_scored_once(again, submission, participant)


def test_ending_it_leaves_no_process(start: Callable[..., Any], tmp_path: Path) -> None:
    stack = start(tmp_path / "home")
    marker = str(tmp_path / "home")
    assert processes_with(marker)
    stack.process.send_signal(signal.SIGINT)
    assert stack.process.wait(PATIENCE_S) == 0
    assert processes_with(marker) == []
    assert not (tmp_path / "home" / "endpoints.json").exists()


def processes_with(text: str) -> list[int]:
    """Return the processes whose environment names this folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue
        if f"PROCTOR_HOME={text}".encode() in environment:
            found.append(int(entry.name))
    return found
