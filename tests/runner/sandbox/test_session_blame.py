"""Whose fault the end of a serving container is, and that nothing of one stays."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import docker
import pytest
import requests
from docker.errors import APIError

from proctor.spec.limits import MIB, Limits
from proctor.spec.model import Protocol
from proctor.spec.outcomes import Code, PlatformError
from proctor_runner.sandbox.docker import DockerSandbox
from proctor_runner.sandbox.interface import Ending, Program, SandboxJob
from proctor_runner.sandbox.leftovers import SLOTS_LABEL
from proctor_runner.sandbox.slots import Slots
from proctor_runner.sandbox.standstill import _Freezer

pytestmark = pytest.mark.docker

CASE = b'{"contract":1,"case":"c","items":[],"inputs":{},"outputs":{},"seed":0}'


@pytest.fixture
def slots(tmp_path: Path) -> Slots:
    return Slots(tmp_path / "slots")


@pytest.fixture
def sandbox(
    docker_client: docker.DockerClient, slots: Slots, tmp_path: Path
) -> Iterator[DockerSandbox]:
    sandbox = DockerSandbox(docker_client, tmp_path / "state", slots)
    yield sandbox
    sandbox.close()


@pytest.fixture
def job(runtime_image: str, tmp_path: Path) -> SandboxJob:
    model = tmp_path / "model"
    model.mkdir()
    (model / "model.py").write_text("class Model:\n def predict(self, inputs): return {}\n")
    return SandboxJob(
        work="run_1",
        fence=1,
        part="a",
        program=Program(runtime_image, model),
        documents={"case.json": CASE},
        inputs={},
        outputs=(),
        destination=tmp_path,
        limits=Limits(memory_bytes=128 * MIB, start_s=30),
        timeout_s=20,
        protocol=Protocol.SERVE,
    )


def ours(client: docker.DockerClient, slots: Slots) -> list[str]:
    found = client.containers.list(all=True, filters={"label": f"{SLOTS_LABEL}={slots.id}"})
    return [container.name for container in found]


@pytest.mark.parametrize("how", ["kill", "remove"])
def test_a_container_ended_between_two_cases_is_not_blamed_on_the_model(
    docker_client: docker.DockerClient,
    slots: Slots,
    sandbox: DockerSandbox,
    job: SandboxJob,
    how: str,
) -> None:
    session = sandbox.session()
    assert session.run(job, lambda: False).ending is Ending.ANSWERED
    (name,) = ours(docker_client, slots)
    container = docker_client.containers.get(name)
    if how == "kill":
        container.kill()
    else:
        container.remove(force=True)

    with pytest.raises(PlatformError) as caught:
        session.run(replace(job, part="b"), lambda: False)
    session.close()

    assert caught.value.code is Code.SANDBOX_FAILED
    assert ours(docker_client, slots) == []


def test_an_image_that_is_not_there_is_ours(
    sandbox: DockerSandbox, docker_client: docker.DockerClient, slots: Slots, job: SandboxJob
) -> None:
    missing = replace(job, program=replace(job.program, image_id="sha256:" + "0" * 64))
    session = sandbox.session()

    with pytest.raises(PlatformError) as caught:
        session.run(missing, lambda: False)
    session.close()

    assert caught.value.code is Code.SANDBOX_FAILED
    assert ours(docker_client, slots) == []


def test_a_container_that_cannot_be_frozen_is_ended_and_its_answer_kept(
    docker_client: docker.DockerClient,
    slots: Slots,
    sandbox: DockerSandbox,
    job: SandboxJob,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried = []

    def pause(_api: docker.APIClient, container: str) -> None:
        tried.append(container)
        answer = requests.Response()
        answer.status_code = 500
        raise APIError("500", answer, f"Cannot pause {container}: unable to freeze: unknown")

    monkeypatch.setattr(docker.APIClient, "pause", pause)
    monkeypatch.setattr(_Freezer, "freeze", lambda _self: False)
    session = sandbox.session()
    first = session.run(job, lambda: False)
    left = ours(docker_client, slots)
    monkeypatch.undo()
    second = session.run(replace(job, part="b"), lambda: False)
    session.close()

    assert (first.ending, second.ending) == (Ending.ANSWERED, Ending.ANSWERED)
    assert len(tried) > 1
    assert left == []
    assert second.start_s > 0.1


@pytest.mark.parametrize("stopped_by", ["kernel", "engine"])
def test_a_paused_container_of_a_killed_worker_is_swept(
    docker_client: docker.DockerClient,
    slots: Slots,
    job: SandboxJob,
    tmp_path: Path,
    stands_still: Callable[[str], bool],
    stopped_by: str,
) -> None:
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, job.program.image_id, str(tmp_path), stopped_by],
        stdout=subprocess.PIPE,
    )
    assert worker.stdout is not None
    assert worker.stdout.readline() == b"answered\n"
    (name,) = ours(docker_client, slots)
    stopped = stands_still(name)
    status = docker_client.containers.get(name).status
    worker.kill()
    worker.wait()
    worker.stdout.close()
    sandbox = DockerSandbox(docker_client, tmp_path / "other", slots)
    try:
        sandbox.sweep()
        left = ours(docker_client, slots)
        mounts = Path("/proc/self/mounts").read_text()
    finally:
        sandbox.close()

    assert stopped
    assert status == ("paused" if stopped_by == "engine" else "running")
    assert left == []
    assert slots.id not in mounts


WORKER = """
import sys, time
from pathlib import Path
import docker
from proctor_runner.sandbox.docker import DockerSandbox
from proctor_runner.sandbox.interface import Program, SandboxJob
from proctor_runner.sandbox.slots import Slots
from proctor_runner.sandbox import standstill
from proctor_runner.sandbox.standstill import _Freezer
from proctor.spec.limits import Limits
from proctor.spec.model import Protocol

root = Path(sys.argv[2])
# Whatever it takes the kernel, it is the one that is asked to, or not at all.
standstill._KERNEL_WITHIN_S = 60
if sys.argv[3] == "engine":
    _Freezer.freeze = lambda self: False
sandbox = DockerSandbox(docker.from_env(), root / "state", Slots(root / "slots"))
case = b'{"contract":1,"case":"c","items":[],"inputs":{},"outputs":{},"seed":0}'
job = SandboxJob("run_1", 1, "a", Program(sys.argv[1], root / "model"), {"case.json": case}, {},
                 (), root, Limits(), 20, protocol=Protocol.SERVE)
session = sandbox.session()
print(session.run(job, lambda: False).ending.value, flush=True)
time.sleep(600)
"""
