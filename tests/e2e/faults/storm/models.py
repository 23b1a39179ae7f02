"""Forks models and decoders from one process that has numpy loaded: a storm starts hundreds.

A worker that says ``start_here`` starts them through a socket in place of ``Popen``. What matters
to it and to the oracle is as ever: a process in a session of its own that outlives its worker,
whose environment is there for whoever looks into /proc. All of them die with this process, and
this one ends with its standard input.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

from proctor_runner.parent_death import bind_to

_ROOM_BYTES = 4096
ROOM = {"ROOM": "." * _ROOM_BYTES}
"""A variable that the server must have; its children have their environment in its place."""

_LOADED = ("numpy", "proctor.template.engine", "proctor_runner.decode.case")


class Model:
    """As much of a ``Popen`` as the process sandbox needs, of a process that the server forked."""

    def __init__(self, address: Path, module: str, cwd: Path, env: Mapping[str, str]) -> None:
        reading, writing = os.pipe()
        self.stdout: IO[bytes] = os.fdopen(reading, "rb", buffering=0)
        self.stdin = self.stderr = None
        self._module = module
        self._status: int | None = None
        asked = {"module": module, "cwd": str(cwd), "env": dict(env)}
        try:
            self._line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._line.connect(str(address))
            socket.send_fds(self._line, [json.dumps(asked).encode()], [writing])
            self.pid = int(self._line.recv(100))
        finally:
            os.close(writing)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end as ``Popen`` does."""
        if self._status is None:
            if not select.select([self._line], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self._module, timeout or 0.0)
            self._status = int(self._line.recv(100) or -signal.SIGKILL)
            self._line.close()
        return self._status


def start_here(address: Path) -> None:
    """Have the process sandbox of this process start its programs through the server."""
    from proctor_runner.sandbox import process_start

    def start(command: list[str], *, cwd: Path, env: Mapping[str, str], **_: object) -> Model:
        return Model(address, command[-1], cwd, env)

    process_start.subprocess = SimpleNamespace(  # type: ignore[assignment]
        **vars(subprocess) | {"Popen": start}
    )


def main(address: Path) -> None:
    """Serve at a socket until standard input ends."""
    environment = (os.getpid(), _room())
    for module in _LOADED:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    server.bind(str(address))
    server.listen(64)
    print("ready", flush=True)
    while sys.stdin not in select.select([server, sys.stdin], [], [])[0]:
        line, _ = server.accept()
        with line:
            _fork(partial(_tend, line, *environment))


def _tend(line: socket.socket, parent: int, room: int) -> None:
    """Fork what is asked for and say how it ends, if whoever asked still lives."""
    bind_to(parent)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with suppress(OSError, ValueError):
        content, (output,), *_ = socket.recv_fds(line, 1 << 16, 1)
        here = os.getpid()
        child = _fork(lambda: _live(line, json.loads(content), output, here, room))
        os.close(output)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        line.sendall(str(status).encode())


def _live(line: socket.socket, asked: dict[str, Any], output: int, parent: int, room: int) -> None:
    bind_to(parent)
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    os.close(output)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    content = b"".join(f"{name}={value}\0".encode() for name, value in asked["env"].items())
    assert len(content) < _ROOM_BYTES, content
    ctypes.memmove(room, content.ljust(_ROOM_BYTES, b"\0"), _ROOM_BYTES)
    # Not before it can be found by whoever is to kill it.
    line.sendall(str(os.getpid()).encode())
    line.close()
    sys.argv = [asked["module"]]
    sys.dont_write_bytecode = True
    runpy.run_module(asked["module"], run_name="__main__", alter_sys=True)


def _fork(work: Callable[[], None]) -> int:
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        work()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _room() -> int:
    """Return where the environment of this process, as /proc shows it, has room."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    begins_at = int(fields[47])
    return begins_at + Path("/proc/self/environ").read_bytes().index(b"ROOM=")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
