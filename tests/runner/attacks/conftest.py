"""One hostile image, run once as `docker run` would and once in our sandbox; what both saw."""

from __future__ import annotations

import io
import json
import os
import textwrap
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import pytest

from proctor.spec.limits import MIB, Limits
from proctor_runner.sandbox import settings
from proctor_runner.sandbox.docker import DockerSandbox
from proctor_runner.sandbox.interface import Program, SandboxJob, SandboxResult
from proctor_runner.sandbox.slots import Slots

LIMITS = Limits(
    memory_bytes=128 * MIB,
    pids=48,
    output_bytes=MIB,
    output_files=32,
    tmp_bytes=16 * MIB,
    log_bytes=64 * 1024,
    cpus=1,
)
Change = dict[str, Any] | Callable[[dict[str, Any]], dict[str, Any]]
# `PROCTOR_TEST_RUNTIME=runsc` attacks gVisor, whose kernel counts against the memory, where the
# engine has it.
RUNTIME = os.environ.get("PROCTOR_TEST_RUNTIME", "")
# What gVisor holds otherwise, so that these rows cannot be measured from inside it.
GVISORS_OWN = {
    "test_row_08": "the number of files in scratch is bounded by memory alone",
    "test_row_12": "a bomb of processes ends by memory",
    "test_row_15": "its clocks count what a process waited as well",
    "test_row_31": "a named pipe does not reach the host",
    "test_a_weakened_setting_turns_its_row_red[row_01]": "its own --network=none holds as well",
    "test_a_weakened_setting_turns_its_row_red[row_19]": "no user of its kernel is one of the host",
}
WORK = "run_of_a_patient_with_a_name"
# Bounded wherever it runs: a few thousand empty files, a hundred forks, 4 MiB.
PAYLOAD = r"""
import ctypes, json, os, resource, socket, subprocess, sys, time

libc = ctypes.CDLL(None, use_errno=True)

def number(call):
    try:
        call()
    except OSError as error:
        return error.errno
    return 0

def syscall(*arguments):
    ctypes.set_errno(0)
    done = libc.syscall(*arguments)
    return ctypes.get_errno() if done < 0 else 0

def connect(address):
    with socket.socket() as one:
        one.settimeout(0.5)
        return number(lambda: one.connect((address, 9)))

def forks(most):
    children = []
    try:
        for _ in range(most):
            child = os.fork()
            if child == 0:
                time.sleep(20)
                os._exit(0)
            children.append(child)
    except OSError:
        pass
    for child in children:
        os.kill(child, 9)
        os.waitpid(child, 0)
    return len(children)

def zombies(most):
    for _ in range(most):
        child = os.fork()
        if child == 0:
            if os.fork() == 0:
                time.sleep(0.05)
                os._exit(0)
            os._exit(0)
        os.waitpid(child, 0)
    def count():
        found = 0
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    found += open("/proc/%s/stat" % name).read().split(") ")[1][0] == "Z"
                except OSError:
                    pass
        return found
    end = time.monotonic() + 2
    time.sleep(0.3)
    while count() and time.monotonic() < end:
        time.sleep(0.1)
    return count()

def files(folder, most):
    made = 0
    try:
        for made in range(most + 1):
            if made < most:
                open(os.path.join(folder, "flood-%d" % made), "x").close()
    except OSError:
        pass
    for gone in range(made):
        os.unlink(os.path.join(folder, "flood-%d" % gone))
    return made

def flood(path, most):
    written = 0
    try:
        with open(path, "wb", buffering=0) as stream:
            while written < most:
                written += stream.write(bytes(65536))
    except OSError:
        pass
    os.unlink(path)
    return written

def effective_user(program):
    done = subprocess.run([program, "-u"], capture_output=True, text=True)
    return done.stdout.strip() or done.stderr.strip()

status = dict(line.split(":\t", 1) for line in open("/proc/self/status").read().splitlines())
facts = {
    "interfaces": sorted(os.listdir("/sys/class/net")),
    "connect": [connect(a) for a in ("192.0.2.1", "169.254.169.254", GATEWAY)],
    "resolves": number(lambda: socket.getaddrinfo("example.invalid", 80)) == 0,
    "families": {name: number(lambda: socket.socket(family, kind).close()) for name, family, kind in
                 (("AF_UNIX", 1, 1), ("AF_INET", 2, 1), ("AF_INET6", 10, 1), ("AF_NETLINK", 16, 3),
                  ("AF_ALG", 38, 5), ("AF_VSOCK", 40, 1), ("AF_PACKET", 17, 3))},
    "calls": {name: syscall(*arguments) for name, arguments in {
        "io_uring_setup": (425, 1, None), "keyctl": (250, 0, 0), "ptrace": (101, 16, 999999, 0, 0),
        "bpf": (321, 0, None, 0), "unshare": (272, 0x10000000), "userfaultfd": (323, 0),
        "perf_event_open": (298, None, 0, 0, 0, 0), "mount": (165, 0, 0, 0, 0, 0),
        "process_vm_readv": (310, 1, 0, 0, 0, 0, 0)}.items()},
    "seccomp": status.get("Seccomp", "unknown").strip(),
    "no_new_privileges": status.get("NoNewPrivs", "unknown").strip(),
    "capabilities": int(status["CapBnd"], 16),
    "uid": os.getuid(),
    "setuid": effective_user("/usr/bin/id-of-root"),
    "secret": number(lambda: open("/secret").close()),
    "writes": {path: number(lambda: open(path, "w").close())
               for path in ("/x", "/etc/x", "/usr/x", "/opt/data/x", "/input/x", "/dev/x")},
    "shared_memory_files": files("/dev/shm", 5000),
    "tmp_files": os.statvfs("/tmp").f_files,
    "zombies": zombies(10),
    "core": resource.getrlimit(resource.RLIMIT_CORE)[1],
    "file_size": resource.getrlimit(resource.RLIMIT_FSIZE)[1],
    "preload": os.environ.get("LD_PRELOAD"),
    "gpus": os.environ.get("NVIDIA_VISIBLE_DEVICES"),
    "mounts": open("/proc/self/mountinfo").read(),
    "docker_socket": os.path.exists("/var/run/docker.sock"),
    "input": sorted(os.listdir("/input")) + sorted(os.listdir("/input/..")),
}
print(json.dumps(facts), flush=True)
time.sleep(0.5)
print(json.dumps({"forks": forks(100)}), flush=True)
os.makedirs("/output", exist_ok=True)
print(json.dumps({"output_files": files("/output", 256)}), flush=True)
print(json.dumps({"output_bytes": flood("/output/flood", 4 << 20)}), flush=True)
"""
_DOCKERFILE = """FROM {base}
USER 0
RUN cp /usr/bin/id /usr/bin/id-of-root && chmod 4755 /usr/bin/id-of-root \
 && mkdir -p /opt/data /input && echo secret > /secret && chmod 600 /secret
ENV NVIDIA_VISIBLE_DEVICES=all LD_PRELOAD=/opt/evil.so BUILT_FOR={number}
LABEL proctor.work=run_of_a_victim proctor.slots=victim
VOLUME /opt/data
HEALTHCHECK --interval=1s CMD true
STOPSIGNAL SIGCONT
ENTRYPOINT ["python3"]
"""


@dataclass
class Evidence:
    """What a payload said and what the engine showed of its container meanwhile."""

    facts: dict[str, Any] = field(default_factory=dict)
    container: dict[str, Any] = field(default_factory=dict)
    log_file_bytes: int = 0
    result: SandboxResult | None = None

    def hear(self, log: bytes) -> None:
        for line in log.decode(errors="replace").splitlines():
            if line.startswith("{"):
                self.facts |= json.loads(line)
        assert "uid" in self.facts, log.decode(errors="replace")[-2000:]


@dataclass(frozen=True)
class Room:
    """Where attacks run: our sandbox, on an image of the attacker's."""

    client: docker.DockerClient
    sandbox: DockerSandbox
    image_id: str
    folder: Path

    def attack(
        self,
        payload: str,
        timeout_s: float = 60,
        outputs: tuple[str, ...] = (),
        **limits: Any,
    ) -> Evidence:
        """Run a payload in our sandbox."""
        destination = self.folder / uuid.uuid4().hex
        destination.mkdir()
        evidence = Evidence()
        job = SandboxJob(
            work=WORK,
            fence=1,
            part="x1",
            program=Program(self.image_id, command=("python3", "-c", textwrap.dedent(payload))),
            documents={"case.json": b"{}"},
            inputs={},
            outputs=outputs,
            destination=destination,
            limits=LIMITS.model_copy(update=limits),
            timeout_s=timeout_s,
        )
        evidence.result = self.sandbox.run(job, lambda: self._look(evidence))
        return evidence

    def _look(self, evidence: Evidence) -> bool:
        ours = {"label": f"proctor.work={WORK}"}
        for container in self.client.containers.list(filters=ours, ignore_removed=True):
            try:
                found = self.client.api.inspect_container(container.id)
            except docker.errors.NotFound:
                # One of another test process, gone since it was listed.
                continue
            if found["Image"] == self.image_id:
                evidence.container = found
                path = found.get("LogPath") or ""
                if os.path.exists(path):
                    evidence.log_file_bytes = max(evidence.log_file_bytes, _on_disk(Path(path)))
        return False


def _on_disk(log: Path) -> int:
    """Return the bytes of a log in all of its files, which the engine renames meanwhile."""
    size_bytes = 0
    for file in log.parent.glob(f"{log.name}*"):
        with suppress(FileNotFoundError):
            size_bytes += file.stat().st_size
    return size_bytes


@pytest.fixture(autouse=True)
def _held_by_gvisor_otherwise(request: pytest.FixtureRequest) -> None:
    for name, reason in GVISORS_OWN.items():
        if RUNTIME and request.node.name.startswith(name):
            pytest.skip(f"under gVisor {reason}")


@pytest.fixture(scope="session")
def gateway(docker_client: docker.DockerClient) -> str:
    """The address at which a container on Docker's bridge finds its host."""
    try:
        pools = docker_client.networks.get("bridge").attrs["IPAM"]["Config"]
        return str(pools[0].get("Gateway") or "172.17.0.1")
    except (docker.errors.NotFound, IndexError, KeyError):
        return "172.17.0.1"


@pytest.fixture(scope="session")
def payload(gateway: str) -> str:
    return PAYLOAD.replace("GATEWAY", repr(gateway))


@pytest.fixture(scope="session")
def hostile_image(docker_client: docker.DockerClient, runtime_image: str) -> Iterator[str]:
    """An image that declares whatever might help it; intake would refuse its labels."""
    text = _DOCKERFILE.format(base=runtime_image, number=uuid.uuid4())
    image, _ = docker_client.images.build(
        fileobj=io.BytesIO(text.encode()), network_mode="none", rm=True, forcerm=True
    )
    yield str(image.id)
    docker_client.images.remove(image.id, force=True)


@pytest.fixture(scope="session")
def room(
    docker_client: docker.DockerClient,
    hostile_image: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Room]:
    folder = tmp_path_factory.mktemp("attacks")
    slots = Slots(folder / "slots")
    sandbox = DockerSandbox(docker_client, folder / "state", slots, runtime=RUNTIME)
    yield Room(docker_client, sandbox, hostile_image, folder)
    sandbox.close()


@pytest.fixture(scope="session")
def ours(room: Room, payload: str) -> Evidence:
    """What the payload gets from our sandbox."""
    evidence = room.attack(payload, memory_bytes=(1024 if RUNTIME else 128) * MIB)
    assert evidence.result is not None
    evidence.hear(evidence.result.log)
    return evidence


@pytest.fixture(scope="session")
def plain(docker_client: docker.DockerClient, hostile_image: str, payload: str) -> Evidence:
    """What the payload gets from `docker run` as it is."""
    evidence = Evidence()
    container = docker_client.containers.create(hostile_image, ["-c", payload])
    try:
        container.start()
        container.wait(timeout=300)
        evidence.container = docker_client.api.inspect_container(container.id)
        evidence.hear(container.logs())
    finally:
        container.remove(v=True, force=True)
    return evidence


@pytest.fixture
def weaken(monkeypatch: pytest.MonkeyPatch) -> Callable[[Change, Change], None]:
    """Weaken settings of every container that is made from now on."""

    def weaken(host: Change, create: Change) -> None:
        def changed(before: dict[str, Any], change: Change) -> dict[str, Any]:
            return before | (change(before) if callable(change) else change)

        strong, make = settings.confinement, docker.APIClient.create_container
        monkeypatch.setattr(settings, "confinement", lambda request: changed(strong(request), host))
        monkeypatch.setattr(
            docker.APIClient,
            "create_container",
            lambda api, **more: make(api, **changed(more, create)),
        )

    return weaken


@pytest.fixture
def measured(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Put what was measured into the table at the end of the session."""

    def measured(text: str) -> None:
        record_property("measured", text)

    return measured
