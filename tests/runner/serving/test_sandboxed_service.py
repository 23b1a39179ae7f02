"""A service whose model lives in a sandbox: the same answers, and nothing gets out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

import httpx2
import numpy as np
import pytest

from proctor.spec.limits import GIB, Limits
from proctor.template.card import read_card
from proctor.template.engine import Engine
from proctor.template.rest.server import listen_on
from proctor.template.rest.settings import LOCAL_HOSTS, Settings
from proctor.template.rest.starting import served
from proctor_runner.sandbox.docker import DockerSandbox
from proctor_runner.sandbox.interface import Program, Sandbox
from proctor_runner.sandbox.process import ProcessSandbox
from proctor_runner.sandbox.slots import Slots
from proctor_runner.serving.sandbox_backend import SandboxBackend

MODEL = """
import os, random, sys, time
import numpy as np

class Model:
    def load(self, folder):
        print("loaded by", os.getpid())

    def predict(self, inputs):
        values = inputs["values"]
        what = int(values[0])
        if what == 1:
            raise ValueError("a s3cret of the model")
        if what == 2:
            os._exit(3)
        if what == 3:
            time.sleep(60)
        if what == 4:
            print("a line\\r of log \\x1b[31m")
        return {"sum": [float(values.sum()), random.random()], "pid": {"is": os.getpid()}}
"""
HOSTILE = """
import json, os, sys

class Model:
    def predict(self, inputs):
        return {"sum": [1.0], "pid": {}}

real = json.dumps
def lie(*arguments, **options):
    text = real(*arguments, **options)
    return WRITTEN if '"parts"' in text else text
json.dumps = lie
"""
IO = {
    "inputs": {"values": {"type": "array", "formats": [".npy"], "dim_limits": [{"max": 8}]}},
    "outputs": {"sum": {"type": "vector"}, "pid": {"type": "custom"}},
}


class Hosted(NamedTuple):
    client: httpx2.Client
    backend: SandboxBackend
    log: list[str]
    model: Path


Host = Callable[..., Hosted]


@pytest.fixture(params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Host]:
    with ExitStack() as stack:

        def start(body: str = MODEL, limits: Limits | None = None) -> Hosted:
            model = tmp_path / "model"
            model.mkdir()
            for folder in (tmp_path.parent, tmp_path, model):
                folder.chmod(0o755)
            (model / "model.py").write_text(body)
            (model / "model.json").write_text(json.dumps({"name": "sum", "io": IO}))
            (tmp_path / "answers").mkdir()
            sandbox: Sandbox
            slots, image = Slots(tmp_path / "slots"), ""
            if request.param == "docker":
                image = request.getfixturevalue("runtime_image")
                client = request.getfixturevalue("docker_client")
                sandbox = DockerSandbox(client, tmp_path / "state", slots, image)
            else:
                sandbox = ProcessSandbox(tmp_path / "state", slots)
            stack.enter_context(closing(sandbox))
            log: list[str] = []
            backend = SandboxBackend(
                sandbox,
                Program(image, model),
                read_card(model),
                model,
                limits or Limits(memory_bytes=GIB, case_s=20),
                tmp_path / "answers",
                log.append,
            )
            stack.callback(backend.stop)
            listening = listen_on("127.0.0.1", 0)
            service = stack.enter_context(served(backend, listening, Settings(hosts=LOCAL_HOSTS)))
            stack.callback(service.run_aside().join)
            stack.callback(service.close)
            address = f"http://127.0.0.1:{listening.getsockname()[1]}"
            http = stack.enter_context(httpx2.Client(base_url=address, timeout=120))
            return Hosted(http, backend, log, model)

        yield start
    assert list((tmp_path / "answers").iterdir()) == []


def values(*numbers: float) -> dict[str, tuple[str, bytes]]:
    from io import BytesIO

    stream = BytesIO()
    np.save(stream, np.array(numbers, dtype=np.float64))
    return {"values": ("v.npy", stream.getvalue())}


def test_a_model_in_a_sandbox_answers_fails_crashes_and_answers_again(host: Host) -> None:
    hosted = host()
    ask = hosted.client.post

    first = ask("/predict", files=values(0, 2, 3))
    failed = ask("/predict", files=values(1))
    alive = ask("/predict", files=values(0, 4))
    crashed = ask("/api/predict", files=values(2))
    again = ask("/predict", files=values(0, 5))

    assert first.status_code == 200, first.text
    assert first.json()["outputs"]["sum"]["value"][0] == 5.0
    pid = first.json()["outputs"]["pid"]["value"]
    assert alive.json()["outputs"]["pid"]["value"] == pid, "a failure costs no restart"
    assert (failed.status_code, failed.json()["code"]) == (500, "model_failed")
    assert (crashed.status_code, crashed.json()["code"]) == (500, "model_failed")
    assert again.json()["outputs"]["sum"]["value"][0] == 5.0
    assert "s3cret" not in failed.text
    assert "s3cret" in "\n".join(hosted.log), "whoever runs the service gets to know why"


def test_what_the_model_does_not_take_is_said_as_outside_of_a_sandbox(host: Host) -> None:
    hosted = host()

    long = hosted.client.post("/predict", files=values(*range(9)))
    text = hosted.client.post("/predict", files={"values": ("v.npy", b"no array")})

    assert (long.status_code, long.json()["code"], long.json()["field"]) == (
        422, "wrong_size", "values")  # fmt: skip
    assert "dim_limits[0]" in long.json()["detail"]
    assert (text.status_code, text.json()["code"]) == (415, "wrong_format")
    assert "(values.npy) is text, though its name says NPY" in text.json()["detail"]


def test_a_model_that_does_not_come_back_is_ended_in_time(host: Host) -> None:
    hosted = host(limits=Limits(memory_bytes=GIB, case_s=4))

    slow = hosted.client.post("/predict", files=values(3))
    after = hosted.client.post("/predict", files=values(0, 1))

    assert (slow.status_code, slow.json()["code"]) == (504, "model_too_slow")
    assert after.json()["outputs"]["sum"]["value"][0] == 1.0


def test_a_stopped_model_is_started_again_by_the_next_question(host: Host) -> None:
    hosted = host()
    before = hosted.client.post("/predict", files=values(0, 1)).json()["outputs"]

    hosted.backend.stop()
    after = hosted.client.post("/predict", files=values(0, 1)).json()["outputs"]

    assert before["sum"] == after["sum"], "every question is seeded anew"


@pytest.mark.parametrize(
    "written",
    [
        "null",
        "[]",
        "nonsense",
        '{"parts": {}, "seconds": 1, "pictures": {}, "sizes": {}}',
        '{"parts": [], "seconds": NaN, "pictures": {}, "sizes": {}}',
        '{"parts": [], "seconds": "1", "pictures": {}, "sizes": {}}',
        '{"refused": {"status": 200, "code": "x", "sentence": "y", "field": ""}}',
        '{"parts": [{"name": "a", "type": "text", "shape": [-1], "dtype": "", "value": 1,'
        ' "file": null, "picture": null, "over": "", "labels": []}],'
        ' "seconds": 1, "pictures": {}, "sizes": {}}',
        '{"parts": [{"name": "a", "type": "text", "shape": [], "dtype": "", "value": 1,'
        ' "file": "../../../etc/passwd", "picture": null, "over": "", "labels": []}],'
        ' "seconds": 1, "pictures": {}, "sizes": {}}',
        "[" * 100_000,
    ],
)
@pytest.mark.parametrize("host", ["process"], indirect=True)
def test_what_a_hostile_container_writes_is_no_answer(host: Host, written: str) -> None:
    hosted = host(f"WRITTEN = {written!r}\n{HOSTILE}")

    answer = hosted.client.post("/predict", files=values(0))

    assert (answer.status_code, answer.json()["code"]) == (502, "no_answer")


@pytest.mark.parametrize("host", ["process"], indirect=True)
def test_case_serve_and_rest_give_one_answer(host: Host, tmp_path: Path) -> None:
    hosted = host()
    sent = values(0, 0.1, 0.2)
    (tmp_path / "v.npy").write_bytes(sent["values"][1])

    boxed = hosted.client.post("/predict", files=sent).json()["outputs"]["sum"]["value"]
    own = Engine.start(hosted.model, 0).predict({"values": tmp_path / "v.npy"})
    case = {
        "contract": 1,
        "case": "c",
        "items": [],
        "inputs": {"values": {"type": "array", "file": "v.npy"}},
        "outputs": {
            "sum": {"type": "vector", "file": "sum.csv"},
            "pid": {"type": "custom", "file": "pid.json"},
        },
        "seed": 0,
    }
    (tmp_path / "case.json").write_text(json.dumps(case))
    places = {
        "PROCTOR_INPUT": str(tmp_path),
        "PROCTOR_OUTPUT": str(tmp_path / "out"),
        "PROCTOR_MODEL": str(hosted.model),
    }
    subprocess.run([sys.executable, "-m", "proctor.template"], env=os.environ | places, check=True)
    written = (tmp_path / "out" / "sum.csv").read_text().split()[1:]

    assert boxed == list(own.values["sum"]) == [float(number) for number in written]
