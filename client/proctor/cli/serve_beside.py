"""What `proctor serve` opens beside a model: a shell in its sandbox, or a Jupyter notebook."""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from proctor.cli.failures import CommandError, Exit
from proctor.cli.output import say

if TYPE_CHECKING:
    from socket import socket

    from proctor_runner.sandbox.interface import Inside

NOTEBOOK_FOLDER = Path("proctor-notebook")
_NOTEBOOK = "ask_the_model.ipynb"
_PROGRAMS = ("jupyter-lab", "jupyter-notebook", "jupyter-server")
_MODULES = ("jupyterlab", "notebook", "jupyter_server")
_ENDS_WITHIN_S = 10.0
_CELLS = (
    """import json, os, urllib.request

service = os.environ["PROCTOR_SERVICE"]

def ask(path, **inputs):
    \"\"\"Ask a call of the service; inputs are values by the names of the model's card.\"\"\"
    data = json.dumps(inputs).encode() if inputs else None
    request = urllib.request.Request(service + path, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)
""",
    'ask("/model.json")',
    'ask("/api/get_samples")',
    '# ask("/predict", values={"value": [1, 2, 3]})',
)


def require_terminal() -> None:
    """Refuse a shell where nobody could type.

    Raises:
        CommandError: Standard input or output is no terminal.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise CommandError(
            "--shell needs a terminal to type in, and this is none.",
            "Run it in a terminal (with `ssh -t` from elsewhere); programs ask the service itself.",
            Exit.USAGE,
        )


def open_shell(inside: Inside) -> None:
    """Join this terminal with a shell in the model's sandbox until it ends.

    Raises:
        PlatformError: The engine failed, or the image has no shell.
    """
    from proctor_runner.sandbox.daemon import connect
    from proctor_runner.serving.terminal import shell

    where = "in the model's container" if inside.container_id else "with the model's environment"
    say(f"A shell {where}; `exit` ends it, and the service with it.")
    if not inside.container_id:
        shell(inside, None)
        return
    with closing(connect()) as client:
        shell(inside, client.api)


@contextmanager
def notebook(inside: Inside, service: str, listening: socket) -> Iterator[str]:
    """Run Jupyter while the block lasts, in the model's sandbox or else here; give its address.

    Args:
        service: Where the model is served.
        listening: The port that Jupyter is to be found at.

    Raises:
        CommandError: There is no Jupyter, in the model's image or here.
        PlatformError: The engine failed.
    """
    token = secrets.token_urlsafe(24)
    port = listening.getsockname()[1]
    address = f"http://127.0.0.1:{port}/?token={token}"
    if inside.container_id:
        from proctor_runner.sandbox.daemon import connect
        from proctor_runner.serving.tunnel import Tunnel, find_jupyter, start_jupyter

        with closing(connect()) as client:
            found = find_jupyter(client.api, inside.container_id)
            if found:
                say(f"Jupyter of the model's image ({found}) runs in the model's sandbox.")
                say("It has no network, and what is written there ends with it.")
                start_jupyter(client.api, inside.container_id, found, token)
                with closing(Tunnel(listening, client.api, inside.container_id)) as tunnel:
                    tunnel.start()
                    yield address
                return
    command = find_jupyter_here()
    if command is None:
        listening.close()
        image = "in the model's image, nor " if inside.container_id else ""
        raise CommandError(
            f"There is no Jupyter {image}on this machine.",
            "Install one where you want it to run: `pip install jupyterlab` here, or in the"
            " Dockerfile of the model's image. Nothing was installed.",
        )
    listening.close()
    say(f"Jupyter of this machine ({command[0]}) runs with your rights, outside the sandbox.")
    with _jupyter_here(command, port, token, service):
        yield address


def find_jupyter_here() -> list[str] | None:
    """Return the command that starts Jupyter on this machine; None without."""
    for name in _PROGRAMS:
        if path := shutil.which(name):
            return [path]
    for name in _MODULES:
        if importlib.util.find_spec(name):
            return [sys.executable, "-m", name]
    return None


@contextmanager
def _jupyter_here(command: list[str], port: int, token: str, service: str) -> Iterator[None]:
    folder = NOTEBOOK_FOLDER.absolute()
    folder.mkdir(exist_ok=True)
    _write_notebook(folder / _NOTEBOOK)
    say(f"Notebooks are in {folder}.")
    options = [
        "--no-browser",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={folder}",
    ]
    if os.geteuid() == 0:
        options.append("--allow-root")
    # Not among the arguments, where everybody on this machine could read it.
    environment = {**os.environ, "JUPYTER_TOKEN": token, "PROCTOR_SERVICE": service}
    environment.pop("PROCTOR_TOKEN", None)
    with subprocess.Popen(
        [*command, *options],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(_ENDS_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _write_notebook(path: Path) -> None:
    """Write a notebook to start from, unless there is one."""
    if path.exists():
        return
    cells: list[dict[str, object]] = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"cell-{number}",
            "metadata": {},
            "outputs": [],
            "source": source,
        }
        for number, source in enumerate(_CELLS)
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    document = {
        "cells": cells,
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.write_text(json.dumps(document, indent=1), encoding="utf-8")
