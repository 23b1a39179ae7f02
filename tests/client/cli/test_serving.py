"""`proctor serve` as somebody types it: a page, answers, and nothing left behind."""

from __future__ import annotations

import io
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest

MODEL = """
import os

class Model:
    def predict(self, inputs):
        print("asked about", inputs["values"].tolist())
        return {"sum": [float(inputs["values"].sum())], "pid": {"is": os.getpid()}}
"""
IO = {
    "inputs": {"values": {"type": "array"}},
    "outputs": {"sum": {"type": "vector"}, "pid": {"type": "custom"}},
}
PATIENCE_S = 120

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "adder"
    folder.mkdir()
    (folder / "model.py").write_text(MODEL)
    card = {"name": "adder", "runtime": "runtime-cpu", "protocols": ["case", "serve"], "io": IO}
    (folder / "model.json").write_text(json.dumps(card))
    return folder


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []
    scratch = tmp_path / "tmp"
    scratch.mkdir()

    def run(*arguments: object) -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "proctor.cli", "serve", *map(str, arguments)],
                env=os.environ | {"TMPDIR": str(scratch), "XDG_CACHE_HOME": str(tmp_path / "c")},
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


def address(process: subprocess.Popen[str]) -> str:
    """Return where a service says that it can be tried."""
    assert process.stderr is not None
    said = ""
    deadline = time.monotonic() + PATIENCE_S
    while (found := re.search(r"^Try it +(http://127\.0\.0\.1:\d+)/", said, re.MULTILINE)) is None:
        assert time.monotonic() < deadline, said
        if select.select([process.stderr], [], [], 1)[0]:
            # Past the stream's buffer: select knows nothing of lines that lie there.
            more = os.read(process.stderr.fileno(), 4096).decode()
            assert more, f"it has ended: {said}"
            said += more
    return found[1]


def values(*numbers: float) -> dict[str, bytes]:
    stream = io.BytesIO()
    np.save(stream, np.array(numbers))
    return {"values": stream.getvalue()}


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_a_folder_is_served_to_many_at_once_until_it_is_interrupted(
    start: Start, model: Path, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = start(model, "--sandbox", "process", "--port", port)
        found = address(process)
    assert port < int(found.rpartition(":")[2]) <= port + 20, "the next port that is free"
    with httpx2.Client(base_url=found, timeout=PATIENCE_S) as client:

        def ask(number: int) -> httpx2.Response:
            return client.post("/predict", files=values(number, number))

        with ThreadPoolExecutor(2) as pool:
            answers = [answer.json()["outputs"] for answer in pool.map(ask, range(6))]
        page = client.get("/").text
        card = client.get("/model.json").json()

    assert [answer["sum"]["value"] for answer in answers] == [[2.0 * n] for n in range(6)]
    assert "adder" in page
    assert card["name"] == "adder"
    (pid,) = {answer["pid"]["value"]["is"] for answer in answers}
    assert is_alive(pid)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, said
    assert said.endswith("Stopping.\n")
    assert "| asked about [5, 5]" in said
    assert not is_alive(pid)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_what_cannot_be_served_is_said(
    proctor: Callable[..., Any], tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The suite keeps its own answer to Ctrl-C.
    monkeypatch.setattr("proctor.cli.running.stop_on_terminate", lambda: None)
    nothing = proctor("serve", tmp_path / "none", "--sandbox", "process")
    (model / "model.json").write_text(json.dumps({"name": "adder", "io": {"inputs": 3}}))
    broken = proctor("serve", model, "--sandbox", "process")
    image = proctor("serve", "some/image", "--sandbox", "process")

    assert nothing.code != 0
    assert broken.code != 0
    assert "io.inputs" in broken.err
    assert image.code != 0
    assert "some/image" in image.err
