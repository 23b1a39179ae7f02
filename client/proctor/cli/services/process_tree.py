"""Named child processes of this one, with a log each, that end when it ends.

It knows how to start, watch and stop; what the processes are is the caller's. Linux only: a child
that must not outlive a parent killed with -9 needs the kernel's help (see `guardian`).
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from proctor.cli.services import guardian
from proctor.cli.services.errors import ServiceError

_POLL_S = 0.05
# What services keep (models, hidden data, logs) is for its owner's eyes.
_PRIVATE_UMASK = 0o077
_GUARDIAN_MARGIN_S = 5.0
_TAIL_LINES = 15
_TAIL_BYTES = 16 * 1024


@dataclass(frozen=True)
class Child:
    """One running process of the tree."""

    name: str
    log: Path
    grace_s: float
    process: subprocess.Popen[bytes] = field(repr=False)

    @property
    def returncode(self) -> int | None:
        """Return how the process ended, or None while it runs."""
        return self.process.poll()

    def last_lines(self) -> str:
        """Return the end of the log, for a person to read."""
        with self.log.open("rb") as stream:
            stream.seek(max(0, self.log.stat().st_size - _TAIL_BYTES))
            lines = stream.read().decode(errors="replace").splitlines()
        return "\n".join(lines[-_TAIL_LINES:])


class ProcessTree:
    """Starts children in order and stops them in reverse order; a context manager.

    Args:
        logs: Folder for one `<name>.log` per child; an earlier log of the same name is replaced.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._children: list[Child] = []

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        ready: Callable[[], bool] | None = None,
        ready_limit_s: float = 30.0,
        grace_s: float = 10.0,
    ) -> Child:
        """Start a child and wait until it is ready. What it writes is for its owner alone.

        Call this from a thread that lives as long as the child: the kernel counts the end of the
        starting thread as the end of the parent.

        Args:
            name: Names the log and the child in messages.
            command: Program and arguments.
            environment: Added to this process's own environment.
            ready: Asked again and again until true; without it a started child counts as ready.
            ready_limit_s: How long the child may take to become ready.
            grace_s: How long the child may take to end when asked to, before it is killed.

        Raises:
            ServiceError: The child ended before it was ready, or was not ready in time; it is
            stopped then.
        """
        for folder in (self._logs.parent, self._logs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        log = self._logs / f"{name}.log"
        guarded = [sys.executable, "-I", "-S", guardian.__file__, str(os.getpid()), str(grace_s)]
        log.touch(mode=0o600)
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*guarded, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                # Ctrl-C then reaches this process alone, which stops its children in order.
                start_new_session=True,
                umask=_PRIVATE_UMASK,
            )
        child = Child(name, log, grace_s, process)
        self._children.append(child)
        if ready is not None:
            self._wait_until_ready(child, ready, ready_limit_s)
        return child

    def check(self) -> None:
        """Look whether all children still run.

        Raises:
            ServiceError: One ended by itself; the message has the last lines of its log.
        """
        for child in self._children:
            _check(child)

    def wait(self, seconds: float) -> None:
        """Watch the children for some time, for a caller that has nothing else to do.

        Raises:
            ServiceError: One ended by itself.
        """
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at:
            self.check()
            time.sleep(_POLL_S)

    def stop(self) -> None:
        """End all children, the last started first; each is killed once its grace is over."""
        while self._children:
            _stop(self._children.pop())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _wait_until_ready(self, child: Child, ready: Callable[[], bool], limit_s: float) -> None:
        ends_at = time.monotonic() + limit_s
        while not ready():
            try:
                _check(child)
            except ServiceError:
                self._children.remove(child)
                raise
            if time.monotonic() > ends_at:
                self._children.remove(child)
                _stop(child)
                raise ServiceError(
                    f"{child.name} was not ready within {limit_s:g} s. Its log ends:\n"
                    f"{child.last_lines()}",
                    f"The whole log is {child.log}.",
                )
            time.sleep(_POLL_S)


def _check(child: Child) -> None:
    if child.returncode is not None:
        raise ServiceError(
            f"{child.name} ended with exit status {child.returncode}. Its log ends:\n"
            f"{child.last_lines()}",
            f"The whole log is {child.log}.",
        )


def _stop(child: Child) -> None:
    child.process.terminate()
    try:
        child.process.wait(child.grace_s + _GUARDIAN_MARGIN_S)
    except subprocess.TimeoutExpired:
        child.process.kill()
        child.process.wait()
