"""What the same attacks get from `docker run` as it is, and leave on its host."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest

pytestmark = [
    pytest.mark.docker,
    pytest.mark.xdist_group("attacks"),
    pytest.mark.skipif(os.getuid() != 0, reason="needs root, to look at what root left"),
]

_LEAVE = r"""
import json, os, stat

os.chdir("/output")
os.symlink(SECRET, "link")
os.mkfifo("pipe")
with open("sparse", "wb") as stream:
    stream.truncate(1 << 40)
for name in ("-rf", "new\nline", "\x1b[2J", b"\xff\xfe"):
    open(name, "w").close()
os.mknod("device", 0o600 | stat.S_IFCHR, os.makedev(1, 3))
open("program", "w").close()
os.chmod("program", 0o4755)
for _ in range(1200):
    os.mkdir("d")
    os.chdir("d")
with open("/tmp/scratch", "wb") as stream:
    for _ in range(192):
        stream.write(bytes(1 << 20))
print(json.dumps({
    "mounts": open("/proc/self/mountinfo").read(),
    "input": sorted(os.listdir("/input")),
    "scratch": os.path.getsize("/tmp/scratch"),
    "quota": [open(one).read().split()[0] for one in
              ("/sys/fs/cgroup/cpu.max", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
              if os.path.exists(one)],
}))
"""
_FORKS = """
import os, time
count = 0
try:
    for count in range(19):
        if os.fork() == 0:
            time.sleep(600)
            os._exit(0)
except OSError:
    pass
print(count, flush=True)
time.sleep(WAITS)
"""
Run = Callable[..., Any]


@dataclass(frozen=True)
class Left:
    """What one container said, and the folder of the host that it wrote to."""

    facts: dict[str, Any]
    output: Path


@pytest.fixture(scope="module")
def run(docker_client: docker.DockerClient, hostile_image: str) -> Any:
    """A function that starts a payload with a few options, and removes what it started."""
    started = []

    def run(payload: str, wait: bool = True, **options: Any) -> Any:
        command = ["-c", textwrap.dedent(payload)]
        container = docker_client.containers.create(hostile_image, command, **options)
        started.append(container)
        container.start()
        if wait:
            container.wait(timeout=300)
            container.reload()
        return container

    yield run
    for container in started:
        container.remove(v=True, force=True)


@pytest.fixture(scope="module")
def left(run: Run) -> Iterator[Left]:
    # Deeper than a path may be long, so nothing that follows paths may have to clean it up.
    top = Path(tempfile.mkdtemp(prefix="proctor-plain-"))
    try:
        folder = top / "patient-7"
        inputs, output = folder / "inputs", folder / "output"
        for one in (inputs, output):
            one.mkdir(parents=True)
        for name in ("case-1.npy", "case-2.npy", "labels.json"):
            (inputs / name).write_text(name)
        secret = folder / "secret"
        secret.write_text("of the host")
        secret.chmod(0o600)
        payload = _LEAVE.replace("SECRET", repr(str(secret)))
        container = run(payload, volumes=[f"{inputs}:/input:ro", f"{output}:/output"])
        said = container.logs(stderr=False)
        assert container.attrs["State"]["ExitCode"] == 0, container.logs()
        yield Left(json.loads(said), output)
    finally:
        subprocess.run(["rm", "-rf", str(top)], check=True)


def said_first(container: Any) -> bytes:
    """Wait until a container has said something, and return it."""
    end = time.monotonic() + 120
    while not (said := container.logs(stderr=False).strip()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return bytes(said)


def test_scratch_is_bounded_by_nothing_and_no_quota_holds_the_processor(left: Left) -> None:
    assert left.facts["scratch"] == 192 << 20
    assert set(left.facts["quota"]) <= {"-1", "max"}


def test_a_mount_tells_of_the_case_and_shows_its_neighbors_and_labels(left: Left) -> None:
    assert "patient-7" in left.facts["mounts"]
    assert left.facts["input"] == ["case-1.npy", "case-2.npy", "labels.json"]


def test_a_link_leads_whoever_opens_it_to_a_secret_of_the_host(left: Left) -> None:
    assert (left.output / "link").read_text() == "of the host"


def test_a_pipe_holds_up_whoever_opens_it(left: Left) -> None:
    opened = subprocess.run(["timeout", "0.2", "cat", str(left.output / "pipe")], check=False)
    assert opened.returncode == 124


def test_a_device_a_set_user_id_file_and_odd_names_lie_on_the_host(left: Left) -> None:
    assert stat.S_ISCHR((left.output / "device").lstat().st_mode)
    assert (left.output / "program").stat().st_mode & stat.S_ISUID
    names = set(os.listdir(os.fsencode(left.output)))
    assert {b"-rf", b"new\nline", b"\x1b[2J", b"\xff\xfe"} <= names


def test_a_sparse_file_of_a_terabyte_costs_its_writer_nothing(left: Left) -> None:
    found = (left.output / "sparse").stat()
    assert (found.st_size, found.st_blocks < 2048) == (1 << 40, True)


def test_a_flood_of_log_is_kept_whole(run: Run) -> None:
    container = run("for _ in range(4096): print('x' * 4095)")
    assert sum(map(len, container.logs(stream=True, stderr=False))) == 16 << 20


def test_one_job_takes_the_processes_of_another_under_the_same_user(run: Run) -> None:
    limits = [docker.types.Ulimit(name="nproc", soft=20, hard=20)]
    first = run(_FORKS.replace("WAITS", "600"), wait=False, user="60123", ulimits=limits)
    assert said_first(first) == b"18"
    second = run(_FORKS.replace("WAITS", "0"), user="60123", ulimits=limits)
    first.kill()
    assert second.attrs["State"]["ExitCode"] != 0 or int(second.logs(stderr=False)) < 18


def test_the_exit_status_says_nothing_of_a_child_killed_for_memory(run: Run) -> None:
    payload = """
        import os
        child = os.fork()
        if child == 0:
            hoard = [b"x" * (1 << 20) for _ in range(256)]
            os._exit(0)
        print(os.waitpid(child, 0)[1])
        """
    container = run(payload, mem_limit="96m", memswap_limit="96m")
    assert container.attrs["State"]["ExitCode"] == 0
    assert container.logs(stderr=False).strip() == b"9"


def test_a_stop_waits_as_long_as_a_signal_of_the_images_choice_is_ignored(run: Run) -> None:
    container = run("import time; print('up', flush=True); time.sleep(600)", wait=False)
    assert said_first(container) == b"up"
    began_at = time.monotonic()
    container.stop(timeout=1)
    assert time.monotonic() - began_at >= 1


def test_whoever_has_the_engines_socket_commands_it(run: Run) -> None:
    place = "/var/run/docker.sock"
    if not Path(place).is_socket():
        pytest.skip(f"the engine is not at {place}")
    payload = f"""
        import socket
        with socket.socket(socket.AF_UNIX) as engine:
            engine.connect({place!r})
            engine.sendall(b"GET /_ping HTTP/1.0\\r\\n\\r\\n")
            print(engine.recv(12))
        """
    assert b"200" in run(payload, volumes=[f"{place}:{place}"]).logs()
