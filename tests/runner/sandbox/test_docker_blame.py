"""Whose fault an ending is, and that nothing of a dead worker stays."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import uuid
from pathlib import Path

import docker
import pytest

from proctor.spec.limits import MIB, Limits
from proctor.spec.outcomes import Code, PlatformError
from proctor_runner.sandbox.docker import DockerSandbox
from proctor_runner.sandbox.interface import Ending, Program, SandboxJob
from proctor_runner.sandbox.leftovers import SLOTS_LABEL
from proctor_runner.sandbox.slots import Slots

pytestmark = pytest.mark.docker

LIMITS = Limits(memory_bytes=128 * MIB, output_bytes=MIB, log_bytes=4096)


def own_image(base: str) -> str:
    """Begin a Dockerfile whose image no other process of the suite builds, and so removes."""
    return f"FROM {base}\nENV BUILT_FOR={uuid.uuid4()}\n"


@pytest.fixture(scope="module")
def odd_image(docker_client: docker.DockerClient, runtime_image: str):
    """An image with a volume and a health check whose command sleeps; metadata only, no layer."""
    dockerfile = (
        f"{own_image(runtime_image)}VOLUME /opt/data /output\n"
        "HEALTHCHECK --interval=1s CMD echo healthy\nSTOPSIGNAL SIGCONT\n"
        'ENTRYPOINT ["/bin/sh", "-c"]\n'
        'CMD ["touch /opt/data/x; echo touched $?; exec sleep 600"]\n'
    )
    image, _ = docker_client.images.build(
        fileobj=io.BytesIO(dockerfile.encode()), network_mode="none", rm=True
    )
    yield image.id
    docker_client.images.remove(image.id, force=True)


@pytest.fixture
def slots(tmp_path: Path) -> Slots:
    return Slots(tmp_path / "slots")


@pytest.fixture
def sandbox(docker_client: docker.DockerClient, slots: Slots, tmp_path: Path):
    sandbox = DockerSandbox(docker_client, tmp_path / "state", slots)
    yield sandbox
    sandbox.close()


def job(image_id: str, tmp_path: Path) -> SandboxJob:
    destination = tmp_path / "collected"
    destination.mkdir(exist_ok=True)
    return SandboxJob(
        work="run_1",
        fence=1,
        part="a",
        program=Program(image_id),
        documents={"case.json": b"{}"},
        inputs={},
        outputs=("answer",),
        destination=destination,
        limits=LIMITS,
        timeout_s=60,
    )


def ours(client: docker.DockerClient, slots: Slots) -> list[str]:
    found = client.containers.list(all=True, filters={"label": f"{SLOTS_LABEL}={slots.id}"})
    return [container.name for container in found]


def test_an_entrypoint_that_is_not_there_is_the_participants(
    docker_client: docker.DockerClient, runtime_image: str, sandbox: DockerSandbox, tmp_path: Path
) -> None:
    dockerfile = f'{own_image(runtime_image)}ENTRYPOINT ["/no/such/program"]\n'
    image, _ = docker_client.images.build(
        fileobj=io.BytesIO(dockerfile.encode()), network_mode="none", rm=True
    )
    try:
        result = sandbox.run(job(image.id, tmp_path), lambda: False)
    finally:
        docker_client.images.remove(image.id, force=True)

    assert result.ending is Ending.START_FAILED
    assert "/no/such/program" in result.detail
    assert result.missing == ("answer",)


def test_what_a_participant_is_told_of_a_start_names_no_folder_of_the_host(
    docker_client: docker.DockerClient, runtime_image: str, sandbox: DockerSandbox, tmp_path: Path
) -> None:
    context = f"{own_image(runtime_image)}COPY Dockerfile /input\n"
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(context)
        tar.addfile(entry, io.BytesIO(context.encode()))
    archive.seek(0)
    image, _ = docker_client.images.build(
        fileobj=archive, custom_context=True, network_mode="none", rm=True
    )
    try:
        result = sandbox.run(job(image.id, tmp_path), lambda: False)
    finally:
        docker_client.images.remove(image.id, force=True)

    assert result.ending is Ending.START_FAILED
    assert "/input" in result.detail
    root = docker_client.info()["DockerRootDir"]
    for told in (result.detail, result.log.decode()):
        assert "not a directory" in told
        assert str(tmp_path) not in told
        assert root not in told


def test_an_image_that_is_not_there_is_ours(sandbox: DockerSandbox, tmp_path: Path) -> None:
    with pytest.raises(PlatformError) as caught:
        sandbox.run(job("sha256:" + "0" * 64, tmp_path), lambda: False)

    assert caught.value.code is Code.SANDBOX_FAILED


def test_volumes_of_an_image_are_masked_and_its_signals_and_checks_ignored(
    docker_client: docker.DockerClient,
    slots: Slots,
    sandbox: DockerSandbox,
    odd_image: str,
    tmp_path: Path,
) -> None:
    seen: list[dict[str, object]] = []

    def cancelled() -> bool:
        for name in ours(docker_client, slots):
            seen.append(docker_client.api.inspect_container(name))
        return b"touched" in docker_client.api.logs(seen[-1]["Id"])

    result = sandbox.run(job(odd_image, tmp_path), cancelled)

    assert result.ending is Ending.CANCELLED
    assert result.seconds < 30
    assert b"touched 1" in result.log
    state, mounts = seen[-1]["State"], seen[-1]["Mounts"]
    assert "Health" not in state
    assert sorted(mount["Destination"] for mount in mounts) == ["/input", "/output"]
    assert not any(mount["Type"] == "volume" for mount in mounts)
    assert ours(docker_client, slots) == []


@pytest.mark.parametrize("how", ["kill", "remove"])
def test_a_container_ended_behind_our_back_is_not_blamed_on_the_model(
    docker_client: docker.DockerClient,
    slots: Slots,
    sandbox: DockerSandbox,
    odd_image: str,
    tmp_path: Path,
    how: str,
) -> None:
    def cancelled() -> bool:
        for name in ours(docker_client, slots):
            container = docker_client.containers.get(name)
            if how == "kill":
                container.kill()
            else:
                container.remove(force=True)
        return False

    with pytest.raises(PlatformError) as caught:
        sandbox.run(job(odd_image, tmp_path), cancelled)

    assert caught.value.code is Code.SANDBOX_FAILED
    assert ours(docker_client, slots) == []


def test_what_a_killed_worker_left_is_swept_and_what_a_living_one_has_is_not(
    docker_client: docker.DockerClient, slots: Slots, odd_image: str, tmp_path: Path
) -> None:
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, odd_image, str(tmp_path)], stdout=subprocess.PIPE
    )
    assert worker.stdout is not None
    assert worker.stdout.readline() == b"running\n"
    before = ours(docker_client, slots)
    sandbox = DockerSandbox(docker_client, tmp_path / "state", slots)

    try:
        sandbox.sweep()
        living = ours(docker_client, slots)
        worker.kill()
        worker.wait()
        worker.stdout.close()
        sandbox.sweep()
        left = ours(docker_client, slots)
        mounts = Path("/proc/self/mounts").read_text()
    finally:
        sandbox.close()

    assert len(before) == 1
    assert living == before
    assert left == []
    assert slots.id not in mounts


WORKER = """
import sys, threading
from pathlib import Path
import docker
from proctor_runner.sandbox.docker import DockerSandbox
from proctor_runner.sandbox.interface import Program, SandboxJob
from proctor_runner.sandbox.slots import Slots
from proctor.spec.limits import Limits

root = Path(sys.argv[2])
sandbox = DockerSandbox(docker.from_env(), root / "state", Slots(root / "slots"))
asked = []
def cancelled():
    if not asked:
        print("running", flush=True)
    asked.append(1)
    return False
sandbox.run(SandboxJob("run_1", 1, "a", Program(sys.argv[1]), {}, {}, (), root, Limits(), 60),
            cancelled)
"""


def test_a_mount_that_the_daemon_does_not_see_is_replaced_by_a_keeper(
    runtime_image: str, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.py").write_text(WRITES_AN_ANSWER)

    # In a mount namespace of its own, as a worker in a container is.
    said = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", sys.executable, "-c", HIDDEN_WORKER,
         runtime_image, str(tmp_path)],
        check=True,
        capture_output=True,
    )  # fmt: skip

    assert said.stdout == b"exited 0\n"
    assert (tmp_path / "out" / "answer").read_text() == "42"


WRITES_AN_ANSWER = """
class Model:
    def predict(self, inputs):
        open("/output/answer", "w").write("42")
        return {}
"""

HIDDEN_WORKER = """
import sys
from pathlib import Path
import docker
from proctor_runner.sandbox.docker import DockerSandbox
from proctor_runner.sandbox.interface import Program, SandboxJob
from proctor_runner.sandbox.slots import Slots
from proctor.spec.limits import Limits

image_id, root = sys.argv[1], Path(sys.argv[2])
sandbox = DockerSandbox(docker.from_env(), root / "state", Slots(root / "slots"), image_id)
case = b'{"contract":1,"case":"c","items":[],"inputs":{},"outputs":{},"seed":0}'
result = sandbox.run(
    SandboxJob("run_1", 1, "a", Program(image_id, root / "model"), {"case.json": case}, {},
               ("answer",), root / "out", Limits(), 20),
    lambda: False,
)
print(result.ending.value, result.exit_code, flush=True)
"""
