"""A real engine that takes itself to have GPUs: NVIDIA's hook, a stand-in, gets the right one.

The engine (20.10) turns its GPU driver on when it finds the hook on its PATH at start. It is a
second one, in a network namespace of its own and without a bridge.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import time
from contextlib import closing
from pathlib import Path

import docker
import pytest

from proctor.spec.gpus import GpuLimits
from proctor.spec.limits import Limits
from proctor.spec.outcomes import Code, PlatformError
from proctor_runner.gpus.held import hold
from proctor_runner.gpus.sandbox import GpuSandbox
from proctor_runner.sandbox.docker import DockerSandbox
from proctor_runner.sandbox.interface import Program, SandboxJob
from proctor_runner.sandbox.slots import Slots

pytestmark = pytest.mark.docker

HOOK = """#!{python}
import json, sys
from pathlib import Path
bundle = Path(json.load(sys.stdin)["bundle"])
variables = json.loads((bundle / "config.json").read_text())["process"]["env"]
call = {{"arguments": sys.argv[1:], "variables": dict(v.split("=", 1) for v in variables)}}
with open("{calls}", "a") as stream:
    stream.write(json.dumps(call) + "\\n")
"""
SHELL = ("/bin/dash", "/lib64/ld-linux-x86-64.so.2", "/lib/x86_64-linux-gnu/libc.so.6")
SCRIPT = 'echo "$NVIDIA_VISIBLE_DEVICES" > /output/seen'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    # A short path: the name of a socket may have about a hundred characters.
    return tmp_path_factory.mktemp("g")


@pytest.fixture(scope="module")
def engine(folder):
    """Start a second engine that finds the stand-in; skip where none can be started."""
    programs = [shutil.which(name) for name in ("unshare", "dockerd")]
    if os.getuid() != 0 or None in programs:
        pytest.skip("needs root, unshare and dockerd")
    (folder / "bin").mkdir()
    hook = folder / "bin" / "nvidia-container-runtime-hook"
    hook.write_text(HOOK.format(python=sys.executable, calls=folder / "calls"))
    hook.chmod(0o755)
    address = f"unix://{folder}/docker.sock"
    options = {
        "--data-root": folder / "data",
        "--exec-root": folder / "exec",
        "--pidfile": folder / "pid",
        "--host": address,
        "--bridge": "none",
    }
    arguments = [f"{name}={value}" for name, value in options.items()]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*map(str, programs[:1]), "-n", str(programs[1]), *arguments, "--iptables=false"],
            env={**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"},
            stdout=log,
            stderr=log,
        )
    try:
        wait_for(folder / "docker.sock", process, folder / "log")
        with closing(docker.DockerClient(base_url=address)) as client:
            yield client
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(120)


def wait_for(path: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while True:
        with socket.socket(socket.AF_UNIX) as door:
            if door.connect_ex(str(path)) == 0:
                return
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.skip(f"a second engine does not start here: {log.read_text()[-500:]}")
        time.sleep(0.1)


def image_of(client: docker.DockerClient) -> str:
    """Make an image of a shell that says which GPUs it sees."""
    if not all(Path(path).exists() for path in SHELL):
        pytest.skip("needs dash of a Debian on x86-64")
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for path in SHELL:
            archive.add(Path(path).resolve(), arcname=path.lstrip("/"))
    entrypoint = f"ENTRYPOINT {json.dumps(['/bin/dash', '-c', SCRIPT])}"
    said = client.api.import_image_from_data(stream.getvalue(), changes=[entrypoint])
    return str(json.loads(said.strip().splitlines()[-1])["status"])


def run(client, folder, driver):
    """Run the shell with the second of two GPUs: the first is another worker's."""
    other = hold(driver.open, folder, 1)
    inner = DockerSandbox(client, folder / "state", Slots(folder / "slots"))
    sandbox = GpuSandbox(inner, hold(driver.open, folder, 1))
    destination = folder / "outputs"
    destination.mkdir()
    image = image_of(client)
    job = SandboxJob(
        work="run_1",
        fence=1,
        part="a",
        program=Program(image_id=image),
        documents={},
        inputs={},
        outputs=("seen",),
        destination=destination,
        limits=Limits(gpu=GpuLimits()),
        timeout_s=60,
    )
    try:
        return sandbox.run(job, lambda: False)
    finally:
        sandbox.close()
        client.images.remove(image)
        for lock in other.locks:
            os.close(lock)


def test_the_engines_hook_is_called_with_the_gpu_that_the_worker_holds(engine, folder, driver):
    result = run(engine, folder, driver)
    second = driver.there[1].uuid
    assert (result.exit_code, result.outputs["seen"].read_text()) == (0, f"{second}\n")
    assert result.peak_gpu_memory_bytes == 0
    (call,) = [json.loads(line) for line in (folder / "calls").read_text().splitlines()]
    assert call["arguments"] == ["prestart"]
    assert call["variables"]["NVIDIA_VISIBLE_DEVICES"] == second
    assert call["variables"]["NVIDIA_DRIVER_CAPABILITIES"] == "compute,utility"


def test_an_engine_without_the_hook_is_our_failure(docker_client, tmp_path, driver):
    with pytest.raises(PlatformError) as caught:
        run(docker_client, tmp_path, driver)
    assert caught.value.code is Code.SANDBOX_FAILED
    assert "could not select device driver" in caught.value.detail
