"""Named points at which a test may kill a worker, to prove that nothing is scored twice or lost.

Off unless ``PROCTOR_FAULT_AT`` names points. A kill is counted in a file, so that the next attempt
survives and the outcome can be looked at.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class FaultPoint(StrEnum):
    """Where a worker can be made to die, in the order in which work passes them."""

    CLAIM = "claim"
    FETCH = "fetch"
    CREATE = "create"
    RUN = "run"
    DECODE = "decode"
    SCORE = "score"
    COMPLETE = "complete"


@dataclass(frozen=True)
class Faults:
    """Kills this process as ``kill -9`` would, ``times`` times at each point of ``at``."""

    at: Collection[FaultPoint] = ()
    folder: Path | None = None
    times: int = 1

    def reached(self, point: FaultPoint) -> None:
        """Die here when this is such a point and it has not happened often enough."""
        if point not in self.at or self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        for number in range(self.times):
            try:
                (self.folder / f"{point}-{number}").touch(exist_ok=False)
            except FileExistsError:
                continue
            os.kill(os.getpid(), signal.SIGKILL)
