"""A Docker daemon of a test's own, which may be killed, on a disk that may be filled.

It has a network of its own: in the host's it would take the bridge away from the daemon there.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import docker
from storm.world import filled, small_disk, wait_until

from proctor_runner.images.builder import released_tag

_DISK_BYTES = 4 << 30
_PROGRAMS = ("dockerd", "unshare")


def missing() -> str:
    """Name a program that is not here; empty where all are."""
    return next((name for name in _PROGRAMS if shutil.which(name) is None), "")


class Engine:
    """The daemon; ``engine`` makes one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        """What DOCKER_HOST says to whoever is to use it."""
        return f"unix://{self._folder}/docker.sock"

    @property
    def disk(self) -> Path:
        return self._folder / "disk"

    def client(self) -> docker.DockerClient:
        return docker.DockerClient(self.host, timeout=120)

    def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *("unshare", "--net", "--mount", "--propagation", "slave", "dockerd"),
                    *("--data-root", str(self.disk), "--exec-root", str(self._folder / "exec")),
                    *("--pidfile", str(self._folder / "pid"), "--host", self.host),
                    *("--bridge", "none", "--iptables=false", "--ip-forward=false"),
                ],
                stdout=log,
                stderr=log,
            )
        wait_until(self._answers, "the daemon answers")

    def kill(self) -> None:
        """Kill it and everything it has forked for itself; containers stay as they are."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        (self._folder / "pid").unlink(missing_ok=True)
        # The next daemon would take a dead one that nobody has buried for one that is running.
        helper = self._folder / "exec" / "containerd" / "containerd.pid"
        with suppress(FileNotFoundError, ProcessLookupError):
            os.kill(int(helper.read_text()), signal.SIGKILL)
        helper.unlink(missing_ok=True)

    def stop(self) -> None:
        """End it, and its containers with it."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        self._process.wait()

    @contextmanager
    def full(self) -> Iterator[None]:
        """Leave no byte free where it keeps images and containers."""
        with filled(self.disk, _DISK_BYTES):
            yield

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "log").read_text()[-4000:]
        with socket.socket(socket.AF_UNIX) as connection:
            if connection.connect_ex(str(self._folder / "docker.sock")):
                return False
            connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b" 200 " in connection.recv(16)


@contextmanager
def engine(folder: Path) -> Iterator[Engine]:
    """Give a daemon that has the image for decoding, and nothing else."""
    folder.mkdir()
    with small_disk(folder / "disk", _DISK_BYTES):
        made = Engine(folder)
        try:
            made.start()
            tag = released_tag("proctor/decode")
            with subprocess.Popen(["docker", "save", tag], stdout=subprocess.PIPE) as saved:
                load = ["docker", "--host", made.host, "load"]
                subprocess.run(load, stdin=saved.stdout, check=True, capture_output=True)
            yield made
        finally:
            made.stop()
