"""The engine as a service of its own: what a container of a runtime image runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest

LONGEST_WAIT_S = 120
TEXT = {"text": {"type": "text"}}
LENGTH = {"length": {"type": "vector"}}
COUNT = "class Model:\n def predict(self, inputs):\n  return [len(inputs['text'])]\n"

OWN_THREAD = """
import threading

class Model:
    def load(self, folder):
        self.thread = threading.get_ident()

    def predict(self, inputs):
        return [len(inputs["text"]) if threading.get_ident() == self.thread else -1]
"""


def start(model: Path, address: str) -> subprocess.Popen[str]:
    variables = {
        "PROCTOR_PROTOCOL": "rest",
        "PROCTOR_MODEL": str(model),
        "PROCTOR_REST_ADDRESS": address,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "proctor.template"],
        env=os.environ | variables,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_container_answers_on_a_socket_until_it_is_stopped(
    model_folder: Any, tmp_path: Path
) -> None:
    model = model_folder(OWN_THREAD, TEXT, LENGTH)
    place = tmp_path / "door"
    with start(model, f"unix:{place}") as process:
        assert process.stderr is not None
        assert process.stderr.readline() == f"Serving {model} at unix:{place}.\n"
        assert place.stat().st_mode & 0o777 == 0o600
        transport = httpx2.HTTPTransport(uds=str(place))
        with httpx2.Client(
            transport=transport, base_url="http://model", timeout=LONGEST_WAIT_S
        ) as client:
            answer = client.post("/predict", json={"text": "four"}).json()
            assert answer["outputs"]["length"]["value"] == [4.0]
            # In chunks it comes to another thread first.
            chunked = client.post("/predict", content=iter([b"fo", b"ur"])).json()
            assert chunked["outputs"]["length"]["value"] == [4.0]
        process.send_signal(signal.SIGTERM)
        assert process.wait(LONGEST_WAIT_S) == 0
        assert process.stderr.read() == ""


@pytest.mark.parametrize("address", ["127.0.0.1:many", "203.0.113.1:1", "127.0.0.1:99999"])
def test_an_address_that_cannot_be_had_is_said(address: str, model_folder: Any) -> None:
    with start(model_folder(COUNT, TEXT, LENGTH), address) as process:
        assert process.stderr is not None
        said = process.stderr.read()

    assert process.returncode == 2
    assert said.startswith(f"PROCTOR_REST_ADDRESS={address!r} cannot be had: ")
    assert "Traceback" not in said


def test_the_engine_is_written_for_old_pythons() -> None:
    """Images of five years ago have Python 3.8; what is evaluated there must be known there."""
    import ast

    from proctor import template

    for path in Path(str(template.__file__)).parent.rglob("*.py"):
        tree = ast.parse(path.read_text(), feature_version=(3, 8))
        guarded = {
            name.asname or name.name
            for node in ast.walk(tree)
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
            for inner in ast.walk(node)
            if isinstance(inner, ast.ImportFrom)
            for name in inner.names
        }
        evaluated = {
            node.value.id
            for statement in tree.body
            if isinstance(statement, ast.Assign)
            for node in ast.walk(statement.value)
            if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name)
        }
        assert not evaluated & (guarded | {"dict", "list", "tuple", "set", "Callable"}), path
