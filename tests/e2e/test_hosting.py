"""A model kept running by the platform: deployed, asked, swapped, stopped, as users do it."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import docker
import httpx2
import numpy as np
import pytest

from proctor.spec.hosting import DeploymentState, DeploymentView
from proctor.spec.registry import Publication

pytestmark = [pytest.mark.e2e, pytest.mark.docker]

PATIENCE_S = 300
# Only who hosts it asks it through serve, and only of a seven it thinks for long.
THINKS = """
import os, time
import numpy as np

class Model:
    def load(self, folder):
        time.sleep(1 if os.environ["PROCTOR_PROTOCOL"] == "serve" else 0)

    def predict(self, inputs):
        values = inputs["values"][:, 0]
        time.sleep(1.5 if values[0] == 7 else 0)
        return {"probabilities": np.where(values[:, None] > HALF, [0.1, 0.9], [0.9, 0.1])}
"""
WORSE, BETTER = THINKS.replace("HALF", "0.95"), THINKS.replace("HALF", "0.5")


@dataclass(frozen=True)
class Entered:
    """Two public models of one person's, and their token."""

    token: str
    worse: str
    better: str


@pytest.fixture(scope="module")
def entered(
    stack: Any,
    eventually: Any,
    challenge: str,
    write_model: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Entered:
    token = stack.user("hosts-models")
    stack.client(token).join(challenge)
    folder = tmp_path_factory.mktemp("hosted")
    sources = {"worse": WORSE, "better": BETTER}
    ids = [
        stack.submit(challenge, write_model(folder / name, source, name), token)
        for name, source in sources.items()
    ]
    for submission in ids:
        stack.finish(submission, token)
    # One that is not public would not follow one that is.
    client = stack.client(token)
    eventually(lambda: client.model(ids[1]).publication, lambda p: p is Publication.PUBLIC)
    return Entered(token, *ids)


def ask(address: str, token: str, value: float = 0.9) -> httpx2.Response:
    content = BytesIO()
    np.save(content, np.full((2, 1), value))
    return httpx2.post(
        f"{address}predict",
        files={"values": ("values.npy", content.getvalue())},
        headers={"Authorization": f"Bearer {token}"},
        timeout=PATIENCE_S,
    )


def said(answer: httpx2.Response) -> Any:
    assert answer.status_code == 200, answer.text
    (output,) = answer.json()["outputs"].values()
    return output["value"]


@contextmanager
def asked_all_the_time(address: str, token: str) -> Iterator[list[str]]:
    """Ask again and again meanwhile, and give the refusals."""
    over = threading.Event()
    wrong: list[str] = []
    answered = threading.Event()

    def go_on() -> None:
        while not over.is_set():
            answer = ask(address, token)
            if answer.status_code == 200:
                answered.set()
            else:
                wrong.append(f"{answer.status_code}: {answer.text}")

    asking = threading.Thread(target=go_on)
    asking.start()
    try:
        yield wrong
    finally:
        over.set()
        asking.join()
    assert answered.is_set()


def containers_of(stack: Any) -> list[dict[str, Any]]:
    """Return the containers that have files of this platform's workers mounted."""
    with closing(docker.from_env()) as client:
        found = client.api.containers(all=True)
    state = f"{stack.home}/worker/"
    return [
        one
        for one in found
        if any(mount.get("Source", "").startswith(state) for mount in one["Mounts"])
    ]


def kill(stack: Any, worker: str) -> None:
    """Kill a process of the worker, and what it does with it, as nobody can prepare for."""
    lines = (stack.home / "logs" / "worker.log").read_text().splitlines()
    events = [json.loads(line) for line in lines if '"process_started"' in line]
    pid = next(one["pid"] for one in reversed(events) if one["process"] == worker)
    os.kill(pid, signal.SIGKILL)


# It takes two leases, which are as long as elsewhere: a shorter one is lost on a busy machine.
@pytest.mark.slow
def test_a_killed_worker_is_replaced_in_the_middle_of_a_question_and_of_a_swap(
    stack: Any, eventually: Any, entered: Entered
) -> None:
    token, client = entered.token, stack.client(entered.token)
    deployed = json.loads(
        stack.cli("deploy", entered.worse, "--format", "json", token=token).stdout
    )
    address = f"{stack.endpoints['api']}{deployed['path']}"

    def look() -> DeploymentView:
        found: DeploymentView = client.deployment(deployed["id"])
        return found

    before = look().asked
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask, address, token, 7)
        eventually(lambda: look().asked, lambda asked: asked > before)
        kill(stack, str(look().hostings[0].worker))
        assert said(answer.result()) == [[0.1, 0.9]] * 2
    assert look().state is DeploymentState.SERVING
    eventually(lambda: len(containers_of(stack)), lambda count: count == 1)

    with asked_all_the_time(address, token) as wrong:
        client.swap_version(deployed["id"], entered.better)
        waiting = eventually(lambda: look().next, lambda one: one is None or one.worker)
        if waiting is not None:  # else it was over before anybody looked
            kill(stack, waiting.worker)
        eventually(look, lambda view: view.next is None)
    assert wrong == []
    assert look().submission == entered.better, look().detail
    assert said(ask(address, token, 0.9)) == [[0.1, 0.9]] * 2
    eventually(lambda: len(containers_of(stack)), lambda count: count == 1)

    stack.cli("deployments", "stop", deployed["id"], token=token)
    eventually(lambda: containers_of(stack), lambda left: left == [])
    hosted = {one.id for one in look().hostings}
    eventually(lambda: {one.work for one in stack.admin.workers()}, lambda busy: not hosted & busy)


def test_a_model_is_deployed_asked_swapped_and_stopped(stack: Any, entered: Entered) -> None:
    token = entered.token
    deployed = json.loads(
        stack.cli("deploy", entered.worse, "--format", "json", token=token).stdout
    )
    assert deployed["state"] == "serving"
    address = f"{stack.endpoints['api']}{deployed['path']}"
    assert said(ask(address, token)) == [[0.9, 0.1]] * 2
    reader = stack.user("asks-a-model")
    assert ask(address, reader).status_code == 200
    assert httpx2.get(f"{address}healthz", timeout=PATIENCE_S).status_code == 401

    with asked_all_the_time(address, reader) as wrong:
        swapped = stack.cli("deployments", "swap", deployed["id"], entered.better, token=token)
    assert wrong == [], swapped.stdout
    assert said(ask(address, token)) == [[0.1, 0.9]] * 2

    page = stack.cli("deployments", "open", deployed["id"], token=token).stdout.strip()
    shown = httpx2.get(page, timeout=PATIENCE_S)
    assert shown.headers["Content-Security-Policy"].startswith("sandbox ")
    assert httpx2.get(f"{page}static/try.js", timeout=PATIENCE_S).status_code == 200

    stack.cli("deployments", "stop", deployed["id"], token=token)
    assert ask(address, token).status_code == 503
    listed = json.loads(stack.cli("deployments", "--format", "json", token=token).stdout)
    assert {one["id"]: one["state"] for one in listed}[deployed["id"]] == "stopped"
