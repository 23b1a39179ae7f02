"""A platform, Redis and workers as processes that a test may harm, and disks that it may fill."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import redis
from storm.models import ROOM
from storm.proxy import Proxy

from proctor.cli.services.endpoints import spare_port
from proctor.cli.services.redis_server import server_program
from proctor.client import Client
from proctor.client.transport import RetryPolicy

if TYPE_CHECKING:
    from storm.engine import Engine

PATIENCE_S = 300.0
LEASE_S = 2.0
SKEW_S = 3_600.0
"""The workers' clock is so much ahead, the platform's so much behind."""

_PASSWORD = "the-right-one"


def wait_until(good: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    """Look until something is so."""
    end = time.monotonic() + patience_s
    while not good():
        assert time.monotonic() < end, f"not within {patience_s:g} s: {what}"
        time.sleep(0.02)


def is_alive(process: int) -> bool:
    """Tell whether it still does anything; one that nobody has buried does not."""
    return _stat(process)[:1] not in ([], ["Z"], ["X"])


@dataclass
class World:
    """All of it; ``world`` makes one.

    Attributes:
        folder: With a small disk for the database, one for the blobs and one for workers.
        sandbox: ``process`` or ``docker``.
        mutation: A function of ``mutations``, for the platform.
        disk_bytes: How large each of the disks is.
        engine: The Docker daemon of its workers, where it has one of its own.
        fault_socket: Where workers ask at named points.
        at_points: Whether they ask there; somebody must answer.
        forks_models: Whether models are forked from one process, in place of an interpreter each.
    """

    folder: Path
    sandbox: str = "process"
    mutation: str = ""
    run_slots: int = 2
    disk_bytes: int = 96 << 20
    engine: Engine | None = None
    at_points: bool = True
    forks_models: bool = True
    workers: dict[str, int] = field(default_factory=dict)
    platform: int = 0

    def __post_init__(self) -> None:
        self.port: int = spare_port()
        self.proxy = Proxy(self.port)
        self.redis: subprocess.Popen[bytes] | None = None
        self.log = self.folder / "log"
        self._servers: list[subprocess.Popen[str]] = []

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def database(self) -> Path:
        return self.home / "proctor.sqlite3"

    @property
    def blobs(self) -> Path:
        return self.folder / "blobs"

    @property
    def states(self) -> Path:
        return self.folder / "states"

    @property
    def fault_socket(self) -> Path:
        return self.folder / "faults.sock"

    @property
    def model_socket(self) -> Path:
        return self.folder / "models.sock"

    @property
    def redis_url(self) -> str:
        return f"unix://:{_PASSWORD}@{self.folder}/redis.sock"

    def client(self, token: str) -> Client:
        """A client through the proxy that does not give up."""
        patient = RetryPolicy(attempts=200, upload_attempts=200, sleep=_short)
        return Client(self.proxy.url, token, retry=patient)

    def direct_client(self, token: str) -> Client:
        return Client(f"http://127.0.0.1:{self.port}", token)

    @property
    def admin_token(self) -> str:
        return (self.home / "admin-token").read_text().strip()

    def read(self, statement: str, *values: object) -> list[sqlite3.Row]:
        """Read rows, whoever writes."""
        connection = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=30)
        connection.row_factory = sqlite3.Row
        try:
            return connection.execute(statement, values).fetchall()
        finally:
            connection.close()

    # What is started, and how it ends.

    def start_redis(self) -> None:
        with self.log.open("ab") as log:
            self.redis = subprocess.Popen(
                [
                    *(server_program(), "--port", "0", "--save", "", "--appendonly", "no"),
                    *("--unixsocket", str(self.folder / "redis.sock"), "--requirepass", _PASSWORD),
                ],
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )

    def kill_redis(self) -> None:
        assert self.redis is not None
        self.redis.kill()
        self.redis.wait()

    @contextmanager
    def redis_client(self) -> Iterator[redis.Redis]:
        client = redis.Redis.from_url(self.redis_url)
        try:
            yield client
        finally:
            client.close()

    def start_platform(self) -> None:
        self.platform = self._fork(
            "platform",
            {
                "PROCTOR_HOME": str(self.home),
                "PROCTOR_BLOB_FOLDER": str(self.blobs),
                "PROCTOR_LISTEN_PORT": str(self.port),
                "PROCTOR_REDIS_URL": self.redis_url,
                "PROCTOR_LEASE_S": f"{LEASE_S:g}",
                "PROCTOR_RECONCILE_S": "0.3",
                "PROCTOR_MAX_ATTEMPTS": "1000",
            },
            -SKEW_S,
            self.mutation,
        )
        wait_until(self._platform_answers, "the platform answers")

    def kill_platform(self) -> None:
        self._kill(self.platform)

    def start_worker(self, name: str) -> None:
        self.workers[name] = self._fork(
            "worker",
            {
                "PROCTOR_PLATFORM_URL": self.proxy.url,
                "PROCTOR_REDIS_URL": self.redis_url,
                "PROCTOR_RUN_TOKEN_FILE": str(self.home / "worker-run-token"),
                "PROCTOR_SCORE_TOKEN_FILE": str(self.home / "worker-score-token"),
                "PROCTOR_WORKER_NAME": name,
                "PROCTOR_WORKER_STATE": str(self.states / name),
                "PROCTOR_SANDBOX": self.sandbox,
                "PROCTOR_ACCEPT_UNENFORCED_LIMITS": "true",
                "PROCTOR_RUN_SLOTS": str(self.run_slots),
                "PROCTOR_POLL_S": "1",
                "PROCTOR_SWEEP_S": "1",
                "PROCTOR_DRAIN_S": "0.2",
                "PROCTOR_DECODE_CASES": "1",
                **({"PROCTOR_FAULT_SOCKET": str(self.fault_socket)} if self.at_points else {}),
                **({} if self.engine is None else {"DOCKER_HOST": self.engine.host}),
            },
            SKEW_S,
        )

    def kill_worker(self, name: str) -> None:
        self._kill(self.workers[name])

    def worker_of(self, process: int) -> str | None:
        """Name the worker that a process of it is below."""
        names = {number: name for name, number in self.workers.items()}
        while process > 1 and process not in names:
            process = parent_of(process)
        return names.get(process)

    def close(self) -> None:
        """End everything that still runs."""
        for process in (*self.workers.values(), self.platform):
            if process:
                self._kill(process)
        for server in self._servers:
            server.communicate()
        self.kill_redis()
        self.proxy.stop()

    def open(self) -> None:
        """Start everything but the workers."""
        self._nursery = self._serve("storm.nursery")
        if self.forks_models:
            self._serve("storm.models", str(self.model_socket))
        self.start_redis()
        self.proxy.start()
        for server in self._servers:
            assert server.stdout is not None
            assert server.stdout.readline() == "ready\n", self.log.read_text()
        self.start_platform()

    def _serve(self, module: str, *arguments: str) -> subprocess.Popen[str]:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("PROCTOR_")
        }
        with self.log.open("ab") as log:
            server = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=Path(__file__).parent.parent,
                env=environment | ROOM,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._servers.append(server)
        return server

    def _fork(
        self, what: str, environment: Mapping[str, str], skew_s: float, mutation: str = ""
    ) -> int:
        asked = {
            "what": what,
            "environment": dict(environment),
            "log": str(self.log),
            "skew_s": skew_s,
            "mutation": mutation,
            "models": str(self.model_socket) if self.forks_models else "",
        }
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.write(json.dumps(asked) + "\n")
        self._nursery.stdin.flush()
        return int(self._nursery.stdout.readline())

    def _kill(self, process: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        wait_until(lambda: not is_alive(process), "the process is gone")

    def _platform_answers(self) -> bool:
        assert is_alive(self.platform), self.log.read_text()[-4000:]
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@contextmanager
def filled(disk: Path, most_bytes: int) -> Iterator[None]:
    """Leave no byte of a disk free for as long as the block lasts."""
    path = disk / "filler"
    try:
        with path.open("wb") as stream, suppress(OSError):
            size = most_bytes
            while size >= 512:
                try:
                    os.posix_fallocate(stream.fileno(), os.fstat(stream.fileno()).st_size, size)
                except OSError:
                    size //= 2
        yield
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def world(folder: Path, **options: Any) -> Iterator[World]:
    """Give a world whose every process and mount is gone afterwards."""
    with ExitStack() as stack:
        for name in ("home", "blobs", "states"):
            disk_bytes = options.get("disk_bytes", World.disk_bytes)
            stack.enter_context(small_disk(folder / name, disk_bytes))
        made = World(folder, **options)
        try:
            made.open()
            yield made
        finally:
            made.close()


@contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[None]:
    """Mount a disk of so many bytes for as long as the block lasts."""
    folder.mkdir()
    size = f"size={size_bytes},mode=0755"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "proctor-test", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def parent_of(process: int) -> int:
    """Return the parent of a process; 0 where it is gone."""
    return int((_stat(process) or ["", "0"])[1])


def _stat(process: int) -> list[str]:
    """Return what /proc says of a process, from its state on; nothing where it is gone."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _short(seconds: float) -> None:
    time.sleep(min(seconds, 0.3) * random.uniform(0.5, 1.0))
