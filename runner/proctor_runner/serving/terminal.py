"""A shell beside a model that is being served, in the very sandbox that it is in.

In a container it is a process more of the container: the same user, the same walls, the same
limits. This terminal and the engine's stream are joined byte by byte, so colors, line editing and
Ctrl-C are the shell's own affair.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

import docker

from proctor.spec.outcomes import Code, PlatformError
from proctor_runner.sandbox.engine_errors import ours
from proctor_runner.sandbox.interface import Inside

_COMMAND = ["/bin/sh", "-c", "command -v bash >/dev/null 2>&1 && exec bash -i; exec sh -i"]
_NO_SUCH_COMMAND = (126, 127)
_CHUNK_BYTES = 1 << 14


def shell(inside: Inside, api: docker.APIClient | None) -> None:
    """Join this terminal with a shell in the sandbox, until that ends.

    Args:
        api: The engine's, where the sandbox is a container.

    Raises:
        PlatformError: SANDBOX_FAILED, the engine failed, or the image has no shell.
    """
    if inside.container_id and api is not None:
        _in_container(api, inside.container_id)
    else:
        _as_process(inside)


def _as_process(inside: Inside) -> None:
    """Run a shell with the environment of the model."""
    program = shutil.which("bash") or "/bin/sh"
    environment = {**inside.environment, "TERM": os.environ.get("TERM", "dumb")}
    with _left_to_the_shell():
        subprocess.run([program], cwd=inside.folder, env=environment, check=False)


def _in_container(api: docker.APIClient, container_id: str) -> None:
    with ours("a shell was opened"):
        term = os.environ.get("TERM", "dumb")
        made = api.exec_create(
            container_id, _COMMAND, stdin=True, tty=True, environment={"TERM": term}
        )
        stream: Any = api.exec_start(made["Id"], tty=True, socket=True)
    try:
        with _raw_terminal(), _resized(api, made["Id"]):
            _join(getattr(stream, "_sock", stream))
    finally:
        getattr(stream, "_response", stream).close()
    with ours("a shell ended"):
        code = api.exec_inspect(made["Id"])["ExitCode"]
    if code in _NO_SUCH_COMMAND:
        raise PlatformError(Code.SANDBOX_FAILED, "the image has no shell (/bin/sh)")


def _join(connection: socket.socket) -> None:
    """Carry bytes both ways until the other side ends."""
    connection.settimeout(None)
    keyboard, screen = sys.stdin.fileno(), sys.stdout.fileno()
    read_from: list[Any] = [connection, keyboard]
    while True:
        ready, _, _ = select.select(read_from, [], [])
        if connection in ready:
            data = connection.recv(_CHUNK_BYTES)
            if not data:
                return
            os.write(screen, data)
        if keyboard in ready:
            typed = os.read(keyboard, _CHUNK_BYTES)
            if typed:
                connection.sendall(typed)
            else:
                read_from.remove(keyboard)
                connection.shutdown(socket.SHUT_WR)


@contextmanager
def _raw_terminal() -> Iterator[None]:
    """Hand every key on as it is, and give the terminal back as it was."""
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        # What was typed ahead is kept for the shell.
        tty.setraw(descriptor, termios.TCSANOW)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


@contextmanager
def _resized(api: docker.APIClient, exec_id: str) -> Iterator[None]:
    """Tell the shell how large the terminal is, now and whenever that changes."""

    def tell(_signal: int, _frame: FrameType | None) -> None:
        size = shutil.get_terminal_size()
        with suppress(docker.errors.APIError):
            api.exec_resize(exec_id, height=size.lines, width=size.columns)

    before = signal.signal(signal.SIGWINCH, tell)
    tell(signal.SIGWINCH, None)
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)


@contextmanager
def _left_to_the_shell() -> Iterator[None]:
    """Let Ctrl-C be the shell's, which has this terminal too."""

    def ignore(_signal: int, _frame: FrameType | None) -> None:
        return

    # No SIG_IGN: the shell would be born with it.
    before = signal.signal(signal.SIGINT, ignore)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
