"""Named points of a piece of work at which a test may harm it, to prove that nothing is lost.

Off unless ``PROCTOR_FAULT_AT`` names points at which to die, or ``PROCTOR_FAULT_SOCKET`` somebody
to ask. A kill is counted in a file, so that the next attempt survives. Whoever is asked is told
where this process is, and does what it likes to it, or to the world, before it lets it go on.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from proctor.spec.outcomes import Code, PlatformError


class FaultPoint(StrEnum):
    """Where a worker can be made to die, in the order in which work passes them."""

    CLAIM = "claim"
    """The work is ours; nothing has been done."""
    FETCH = "fetch"
    """The inputs of a case are here."""
    CREATE = "create"
    """The sandbox is about to be asked."""
    START = "start"
    """The program has started."""
    RUN = "run"
    """It has ended, and what it wrote still lies where it wrote it."""
    COLLECT = "collect"
    """What it wrote is collected, and nothing of the sandbox is left."""
    DECODE = "decode"
    """What was collected is decoded."""
    UPLOAD = "upload"
    """A case's predictions are on the platform, or the values of a scoring; neither is reported."""
    SCORE = "score"
    """Every case is scored."""
    COMPLETE = "complete"
    """The report is about to be sent."""
    PUBLISH = "publish"
    """The platform has taken the report."""


@dataclass(frozen=True)
class Faults:
    """Kills this process as ``kill -9`` would, ``times`` times at each point of ``at``.

    Attributes:
        folder: Where kills are counted.
        socket: Somebody to ask at every point; the process waits until it hears back.
    """

    at: Collection[FaultPoint] = ()
    folder: Path | None = None
    times: int = 1
    socket: Path | None = None

    def reached(self, point: FaultPoint) -> None:
        """Die here when this is such a point and it has not happened often enough.

        Raises:
            PlatformError: INTERNAL, nobody answers at the socket.
        """
        if self.socket is not None:
            _ask(self.socket, point)
        if point not in self.at or self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        for number in range(self.times):
            try:
                (self.folder / f"{point}-{number}").touch(exist_ok=False)
            except FileExistsError:
                continue
            os.kill(os.getpid(), signal.SIGKILL)

    def before_first(self, point: FaultPoint, ask: Callable[[], bool]) -> Callable[[], bool]:
        """Return ``ask``, at whose first call ``point`` is reached."""
        calls = itertools.count()

        def asking() -> bool:
            if next(calls) == 0:
                self.reached(point)
            return ask()

        return asking


def _ask(address: Path, point: FaultPoint) -> None:
    here = {"point": point.value, "process": os.getpid(), "parent": os.getppid()}
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(address))
            connection.sendall(json.dumps(here).encode() + b"\n")
            connection.recv(1)
    except OSError as error:
        raise PlatformError(
            Code.INTERNAL, f"nobody answers at {address} (PROCTOR_FAULT_SOCKET): {error}"
        ) from error
