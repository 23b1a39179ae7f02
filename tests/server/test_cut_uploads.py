"""Large files from the client to the platform over connections that do not last."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from proctor import Client
from proctor.cli.services.endpoints import spare_port
from proctor.client import Blob
from proctor.client.errors import ApiError, HostError
from proctor.client.transport import RetryPolicy
from proctor.spec.base import FileRef
from proctor.spec.digests import digest_bytes
from proctor_platform.settings import PlatformSettings

LONGEST_WAIT_S = 120
PART_BYTES = 4 << 20
CONTENT = random.Random(3).randbytes(20 << 20)
BLOB = Blob.of_bytes(CONTENT)


def pause() -> None:
    threading.Event().wait(0.1)


STUBBORN = RetryPolicy(upload_attempts=600, sleep=lambda _: pause())


class CuttingProxy:
    """Passes connections on and cuts each after some bytes, as long as ``cuts`` has an entry.

    The platform reads what was passed on before the client learns of the cut: the buffers between
    them hold megabytes, and how much of that would be sent again is a matter of the machine.
    """

    def __init__(self, port: int, cuts: list[int]) -> None:
        self._target, self._cuts = ("127.0.0.1", port), cuts
        self._listener = socket.socket()
        # Small buffers: what lies in them at a cut was sent for nothing.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.passed = 0
        self.cut = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        left = self._cuts.pop(0) if self._cuts else -1
        with near, socket.create_connection(self._target) as far:
            back = threading.Thread(target=self._back, args=(far, near), daemon=True)
            back.start()
            # Either end may go first; what the test then finds tells.
            with suppress(ConnectionError):
                while chunk := near.recv(1 << 16):
                    self.passed += len(chunk)
                    chunk = chunk[:left] if left >= 0 else chunk
                    far.sendall(chunk)
                    if left >= 0 and (left := left - len(chunk)) <= 0:
                        self.cut += 1
                        far.shutdown(socket.SHUT_WR)
                        back.join()
                        break
            for end in (near, far):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def _back(self, far: socket.socket, near: socket.socket) -> None:
        try:
            while chunk := far.recv(1 << 16):
                near.sendall(chunk)
        except OSError:
            return


@pytest.fixture
def proxy_to(served: tuple[FastAPI, int]) -> Iterator[Callable[[list[int]], CuttingProxy]]:
    made: list[CuttingProxy] = []

    def make(cuts: list[int]) -> CuttingProxy:
        made.append(CuttingProxy(served[1], cuts))
        return made[-1]

    yield make
    for proxy in made:
        proxy.close()


@pytest.fixture
def patient(
    settings: PlatformSettings, eventually: Callable[[Callable[[], bool]], None]
) -> RetryPolicy:
    """Go on once the platform has written down what it read of what was cut."""

    def nobody_writes() -> bool:
        for path in settings.blobs.rglob("*.part"):
            with suppress(FileNotFoundError), path.open("rb") as part:
                try:
                    fcntl.flock(part, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    return False
        return True

    return RetryPolicy(sleep=lambda _: eventually(nobody_writes))


def client_of(url: str, token: str, retry: RetryPolicy | None = None) -> Client:
    return Client(url, token, part_bytes=PART_BYTES, retry=retry or RetryPolicy())


@pytest.mark.parametrize("seed", [1, 2])
def test_an_upload_cut_at_random_bytes_arrives_and_little_is_sent_twice(
    served: tuple[FastAPI, int],
    proxy_to: Callable[[list[int]], CuttingProxy],
    token_of: Callable[[FastAPI], str],
    patient: RetryPolicy,
    seed: int,
) -> None:
    draw = random.Random(seed)
    proxy = proxy_to([draw.randrange(3 << 20) for _ in range(12)])
    seen: list[int] = []
    with client_of(proxy.url, token_of(served[0]), patient) as client:
        client.upload([BLOB], lambda done, _: seen.append(done))
        assert client.get_blob(BLOB.ref.digest) == CONTENT
    assert proxy.cut == 12
    assert seen[-1] == BLOB.ref.size
    assert proxy.passed < 1.3 * BLOB.ref.size


def test_the_same_command_again_sends_only_the_rest(
    served: tuple[FastAPI, int],
    proxy_to: Callable[[list[int]], CuttingProxy],
    token_of: Callable[[FastAPI], str],
    patient: RetryPolicy,
) -> None:
    token = token_of(served[0])
    proxy = proxy_to([9 << 20])
    once = RetryPolicy(attempts=1, upload_attempts=1)
    with client_of(proxy.url, token, once) as client, pytest.raises(HostError):
        client.upload([BLOB])
    patient.sleep(0)
    with client_of(proxy.url, token, patient) as client:
        rest = client.upload([BLOB])
        assert client.upload([BLOB]) == 0
    assert BLOB.ref.size - (9 << 20) <= rest <= BLOB.ref.size - (8 << 20)


def test_what_an_earlier_upload_left_damaged_is_sent_anew_once(
    served: tuple[FastAPI, int], settings: PlatformSettings, token_of: Callable[[FastAPI], str]
) -> None:
    app, port = served
    token = token_of(app)
    url = f"http://127.0.0.1:{port}"
    with httpx2.Client(timeout=LONGEST_WAIT_S) as http:
        http.put(
            f"{url}/api/v1/blobs/{BLOB.ref.digest}/upload",
            params={"size": BLOB.ref.size, "offset": 0},
            content=bytes(1 << 20),
            headers={"Authorization": f"Bearer {token}"},
        ).raise_for_status()
    with client_of(url, token) as client:
        client.upload([BLOB])
        assert client.get_blob(BLOB.ref.digest) == CONTENT


def test_a_file_that_is_not_its_digest_is_refused(
    served: tuple[FastAPI, int], settings: PlatformSettings, token_of: Callable[[FastAPI], str]
) -> None:
    wrong = Blob(FileRef(digest=digest_bytes(b"other"), size=len(CONTENT)), BLOB.open)
    with (
        client_of(f"http://127.0.0.1:{served[1]}", token_of(served[0])) as client,
        pytest.raises(ApiError, match="digest"),
    ):
        client.upload([wrong])
    assert list(settings.blobs.rglob("*.part")) == []


def test_a_platform_that_is_killed_in_the_middle_of_an_upload_goes_on_with_it(
    app: FastAPI,
    settings: PlatformSettings,
    token_of: Callable[[FastAPI], str],
    eventually: Callable[[Callable[[], bool]], None],
    tmp_path: Path,
) -> None:
    port = spare_port()
    token = token_of(app)
    environment = {
        **os.environ,
        "PROCTOR_HOME": str(settings.home),
        "PROCTOR_DATABASE_URL": settings.database_address,
        "PROCTOR_LISTEN_PORT": str(port),
    }

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "proctor_platform"]
        with (tmp_path / "log").open("ab") as log:
            return subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    class Killing:
        """Kills the platform once so much was read, and starts the next one."""

        def __init__(self) -> None:
            self.process = start()
            self.kill_at = 7 << 20

        def sent(self, done: int, _total: int) -> None:
            if done >= self.kill_at:
                self.kill_at = 1 << 60
                self.process.send_signal(signal.SIGKILL)
                self.process.wait()
                self.process = start()

    killing = Killing()
    try:
        with client_of(f"http://127.0.0.1:{port}", token, STUBBORN) as client:
            eventually(lambda: answers(client))
            sent = client.upload([BLOB], killing.sent)
            assert client.get_blob(BLOB.ref.digest) == CONTENT
    finally:
        killing.process.terminate()
        killing.process.wait()
    assert killing.kill_at == 1 << 60, "it was killed"
    # What it had not written down when it was killed went again; it may have been quick.
    assert BLOB.ref.size <= sent < 1.4 * BLOB.ref.size


def answers(client: Any) -> bool:
    try:
        client.limits()
    except HostError:
        return False
    return True
