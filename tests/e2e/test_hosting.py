"""A model kept running by the platform: deployed, asked, swapped, stopped, as users do it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.docker]

PATIENCE_S = 300
SAYS = """
class Model:
    def predict(self, inputs):
        return {"probabilities": [[0.25, 0.75]] * len(inputs["values"])}
"""


def ask(address: str, token: str) -> httpx2.Response:
    content = BytesIO()
    np.save(content, np.full((2, 1), 0.9))
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


def test_a_model_is_deployed_asked_swapped_and_stopped(
    stack: Any, challenge: str, joined: str, model: Callable[..., Path]
) -> None:
    first = stack.submit(challenge, model(SAYS), joined)
    stack.finish(first, joined)
    # It has its place on the board, and is public by it, since it is better.
    second = stack.submit(challenge, model(name="other"), joined)
    stack.finish(second, joined)
    deployed = json.loads(stack.cli("deploy", first, "--format", "json", token=joined).stdout)
    assert deployed["state"] == "serving"
    address = f"{stack.endpoints['api']}{deployed['path']}"
    before = said(ask(address, joined))
    reader = stack.user("asks-a-model")
    assert ask(address, reader).status_code == 200
    assert httpx2.get(f"{address}healthz", timeout=PATIENCE_S).status_code == 401

    over = threading.Event()
    seen: list[int] = []

    def go_on_asking() -> None:
        while not over.is_set():
            seen.append(ask(address, reader).status_code)

    asking = threading.Thread(target=go_on_asking)
    asking.start()
    try:
        swapped = stack.cli("deployments", "swap", deployed["id"], second, token=joined)
    finally:
        over.set()
        asking.join()
    assert set(seen) == {200}, swapped.stdout
    after = said(ask(address, joined))
    assert after != before

    page = stack.cli("deployments", "open", deployed["id"], token=joined).stdout.strip()
    shown = httpx2.get(page, timeout=PATIENCE_S)
    assert shown.headers["Content-Security-Policy"].startswith("sandbox ")
    assert httpx2.get(f"{page}static/try.js", timeout=PATIENCE_S).status_code == 200

    stack.cli("deployments", "stop", deployed["id"], token=joined)
    assert ask(address, joined).status_code == 503
    listed = json.loads(stack.cli("deployments", "--format", "json", token=joined).stdout)
    assert {one["id"]: one["state"] for one in listed}[deployed["id"]] == "stopped"
