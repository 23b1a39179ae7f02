"""`proctor serve --shell` and `--notebook`: beside the model, in its sandbox where that can be."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

MODEL = """
class Model:
    def predict(self, inputs):
        return {"sum": [float(inputs["values"].sum())]}
"""
CARD = {
    "name": "adder",
    "runtime": "runtime-cpu",
    "protocols": ["case", "serve"],
    "io": {"inputs": {"values": {"type": "array"}}, "outputs": {"sum": {"type": "vector"}}},
}
# What of Jupyter matters here: it listens where it is told to, and asks for its token.
JUPYTER = """#!{python}
import http.server, os, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        right = self.path == "/?token=" + os.environ["JUPYTER_TOKEN"]
        self.send_response(200 if right else 403)
        self.end_headers()
        self.wfile.write(" ".join([os.environ["PROCTOR_SERVICE"], *sys.argv]).encode())

port = next(a for a in sys.argv if a.startswith("--ServerApp.port=")).partition("=")[2]
http.server.HTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()
"""
PATIENCE_S = 120


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "adder"
    folder.mkdir()
    (folder / "model.py").write_text(MODEL)
    (folder / "model.json").write_text(json.dumps(CARD))
    return folder


class Typed:
    """A command in a terminal."""

    def __init__(self, arguments: list[object], folder: Path) -> None:
        self.screen = ""
        self._keyboard, terminal = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "proctor.cli", "serve", *map(str, arguments)],
            cwd=folder,
            env={**os.environ, "TMPDIR": str(folder), "TERM": "dumb"},
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        )
        os.close(terminal)

    def wait_for(self, pattern: str) -> str:
        """Return what is on the screen once ``pattern`` is."""
        deadline = time.monotonic() + PATIENCE_S
        while (found := re.search(pattern, self.screen)) is None:
            assert time.monotonic() < deadline, self.screen
            if select.select([self._keyboard], [], [], 1)[0]:
                try:
                    self.screen += os.read(self._keyboard, 4096).decode()
                except OSError:
                    raise AssertionError(f"it has ended: {self.screen}") from None
        return found[found.lastindex or 0]

    def type(self, text: str) -> None:
        os.write(self._keyboard, f"{text}\n".encode())

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._keyboard)


@pytest.fixture
def typed(tmp_path: Path) -> Iterator[Callable[..., Typed]]:
    """Type a command in a terminal."""
    opened: list[Typed] = []

    def begin(*arguments: object) -> Typed:
        opened.append(Typed(list(arguments), tmp_path))
        return opened[-1]

    yield begin
    for one in opened:
        one.close()


@pytest.mark.parametrize(
    "sandbox",
    ["process", pytest.param("docker", marks=[pytest.mark.docker, pytest.mark.slow])],
)
def test_a_shell_is_in_the_models_own_sandbox(
    sandbox: str, typed: Callable[..., Typed], model: Path
) -> None:
    for folder in (model.parent.parent, model.parent, model):
        folder.chmod(0o755)
    terminal = typed(model, "--sandbox", sandbox, "--shell")
    address = terminal.wait_for(r"(http://127\.0\.0\.1:\d+)/docs")
    terminal.wait_for("A shell .*ends it")
    terminal.type('echo "in <$PROCTOR_PROTOCOL> as <$(id -u)>"')
    user = terminal.wait_for(r"in <serve> as <(\d+)>")
    assert (user == "0") == (sandbox == "process" and os.geteuid() == 0)
    answer = httpx2.post(
        f"{address}/predict", json={"values": {"value": [1, 2]}}, timeout=PATIENCE_S
    )
    assert answer.json()["outputs"]["sum"]["value"] == [3.0]
    terminal.type("echo still here; false")
    terminal.wait_for(r"\nstill here")
    terminal.type("exit")
    terminal.wait_for("Stopping")
    assert terminal.process.wait(PATIENCE_S) == 0


def test_a_shell_without_a_terminal_is_refused(proctor: Callable[..., Any], model: Path) -> None:
    refused = proctor("serve", model, "--sandbox", "process", "--shell")
    assert refused.code == 2
    assert "--shell needs a terminal" in refused.err


def test_a_notebook_of_this_machine_is_opened_beside_the_model(
    typed: Callable[..., Typed], model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    jupyter = programs / "jupyter-lab"
    jupyter.write_text(JUPYTER.replace("{python}", sys.executable))
    jupyter.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    terminal = typed(model, "--sandbox", "process", "--notebook")
    service = terminal.wait_for(r"(http://127\.0\.0\.1:\d+)/docs")
    assert terminal.wait_for(r"Jupyter of this machine \((\S+)\)") == str(jupyter)
    address = terminal.wait_for(r"Notebook +(http://127\.0\.0\.1:\d+/\?token=[\w-]{32})")
    answer = _once_it_listens(address)
    assert answer.status_code == 200
    said, *arguments = answer.text.split(" ")
    token = address.partition("=")[2]
    assert said == service
    assert not any(token in argument for argument in arguments)
    assert _once_it_listens(address[:-1]).status_code == 403
    written = json.loads((tmp_path / "proctor-notebook" / "ask_the_model.ipynb").read_text())
    assert "PROCTOR_SERVICE" in written["cells"][0]["source"]
    terminal.process.send_signal(signal.SIGINT)
    terminal.wait_for("Stopping")
    assert terminal.process.wait(PATIENCE_S) == 0
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(address, timeout=PATIENCE_S)


def test_without_jupyter_it_says_what_to_install_and_installs_nothing(
    typed: Callable[..., Typed], model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.defpath)
    terminal = typed(model, "--sandbox", "process", "--notebook")
    terminal.wait_for("There is no Jupyter on this machine")
    terminal.wait_for("pip install jupyterlab")
    assert terminal.process.wait(PATIENCE_S) == 1


def _once_it_listens(address: str) -> httpx2.Response:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return httpx2.get(address, timeout=PATIENCE_S)
        except httpx2.ConnectError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
