"""Jupyter beside a model in its container, and a way to it through the engine.

The container has no network and gets none: a port of this machine's loopback is joined, connection
by connection, with a process in the container that speaks to Jupyter there. So whatever runs in a
notebook stays behind the walls that the model is behind.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import closing, suppress

import docker

from proctor.spec.outcomes import Code, PlatformError
from proctor_runner.sandbox.attached import STDOUT, Attached
from proctor_runner.sandbox.engine_errors import ours

_PORT = 8888
_READY_S = 60.0
_PAUSE_S = 0.3
_CHUNK_BYTES = 1 << 16
_FIND = "command -v jupyter-lab || command -v jupyter-notebook || command -v jupyter-server"
_RELAY = f"""
import os, socket, threading
s = socket.create_connection(("127.0.0.1", {_PORT}))
def up():
    while True:
        data = os.read(0, 65536)
        if not data:
            break
        s.sendall(data)
    s.shutdown(socket.SHUT_WR)
threading.Thread(target=up, daemon=True).start()
while True:
    data = s.recv(65536)
    if not data:
        break
    while data:
        data = data[os.write(1, data):]
"""
# A kernel asks for the host's networks when it opens a port, even on the loopback, and no model may
# do that. Ports are replaced by files, and one for the output of forked processes is left out.
_KERNEL = """
import ipykernel.iostream as streams
real = streams.IOPubThread.__init__
def without_port(self, socket, pipe=False, **options):
    real(self, socket, **options)
streams.IOPubThread.__init__ = without_port
from ipykernel.kernelapp import launch_new_instance
launch_new_instance()
"""
_KERNEL_SPEC = {
    "argv": ["python3", "-c", _KERNEL, "-f", "{connection_file}"],
    "display_name": "Python 3",
    "language": "python",
}
_PREPARE = f"""
import os
folder = os.path.expanduser("~/.local/share/jupyter/kernels/python3")
os.makedirs(folder)
with open(os.path.join(folder, "kernel.json"), "w") as file:
    file.write({json.dumps(_KERNEL_SPEC)!r})
"""
_LOOK = f"import socket; socket.create_connection(('127.0.0.1', {_PORT}), 1)"


def find_jupyter(api: docker.APIClient, container_id: str) -> str:
    """Return the path of Jupyter in a running container; empty without.

    Raises:
        PlatformError: SANDBOX_FAILED, the engine failed.
    """
    with ours("a container was searched for Jupyter"):
        made = api.exec_create(container_id, ["/bin/sh", "-c", _FIND], stderr=False)
        found = api.exec_start(made["Id"])
        code = api.exec_inspect(made["Id"])["ExitCode"]
    return found.decode(errors="replace").strip() if code == 0 else ""


def start_jupyter(api: docker.APIClient, container_id: str, program: str, token: str) -> None:
    """Start Jupyter in a container and wait until it answers there.

    Raises:
        PlatformError: SANDBOX_FAILED, it does not start.
    """
    command = [
        program,
        "--no-browser",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={_PORT}",
        "--ServerApp.port_retries=0",
        "--ServerApp.root_dir=/tmp",
        "--allow-root",
        "--KernelManager.transport=ipc",
    ]
    environment = {"JUPYTER_TOKEN": token, "HOME": "/tmp"}  # noqa: S108  likewise
    with ours("Jupyter was started"):
        prepare = ["python3", "-c", _PREPARE]
        made = api.exec_create(container_id, prepare, environment=environment)
        api.exec_start(made["Id"])
        made = api.exec_create(container_id, command, environment=environment)
        api.exec_start(made["Id"], detach=True)
        deadline = time.monotonic() + _READY_S
        while not _listens(api, container_id):
            state = api.exec_inspect(made["Id"])
            if not state["Running"] or time.monotonic() > deadline:
                raise PlatformError(
                    Code.SANDBOX_FAILED,
                    f"Jupyter did not start in the model's image (exit code {state['ExitCode']})",
                )
            time.sleep(_PAUSE_S)


class Tunnel:
    """A port of this machine's loopback that leads to Jupyter in a container."""

    def __init__(self, listening: socket.socket, api: docker.APIClient, container_id: str) -> None:
        self._listening = listening
        self._api = api
        self._container_id = container_id
        self._thread = threading.Thread(target=self._accept, name="tunnel", daemon=True)

    def start(self) -> None:
        """Accept connections from now on."""
        self._listening.listen(32)
        self._thread.start()

    def close(self) -> None:
        """Accept nothing more; what is open ends with the container."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(accepted,), daemon=True).start()

    def _carry(self, accepted: socket.socket) -> None:
        command = ["python3", "-c", _RELAY]
        with (
            accepted,
            suppress(OSError, docker.errors.APIError),
            closing(Attached.to_command(self._api, self._container_id, command)) as inside,
        ):
            up = threading.Thread(target=_send, args=(accepted, inside), daemon=True)
            up.start()
            while (piece := inside.read()) is not None:
                if piece.stream == STDOUT:
                    accepted.sendall(piece.data)
            with suppress(OSError):
                accepted.shutdown(socket.SHUT_RDWR)
            up.join()


def _send(accepted: socket.socket, inside: Attached) -> None:
    with suppress(OSError):
        while data := accepted.recv(_CHUNK_BYTES):
            inside.send(data)
    # The relay hears of it only when its standard input ends with the connection.
    inside.close()


def _listens(api: docker.APIClient, container_id: str) -> bool:
    made = api.exec_create(container_id, ["python3", "-c", _LOOK])
    api.exec_start(made["Id"])
    return bool(api.exec_inspect(made["Id"])["ExitCode"] == 0)
