"""Where a piece of work gets its files and leaves its results.

The work itself is written once against these protocols. A worker's desk speaks HTTP under an
order's token; a local run's desk is a folder. Neither lets a run near a reference.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Protocol

from proctor.spec.base import FileRef
from proctor.spec.work import CaseReport


class StopReason(StrEnum):
    """Why work must end before it is done."""

    LEASE_LOST = "lease_lost"
    CANCELLED = "cancelled"
    DRAINED = "drained"


class StoppedError(Exception):
    """The work was told to stop; whoever started it knows why and what to report."""


class Desk(Protocol):
    """What every piece of work needs."""

    def fetch(self, file: FileRef) -> Path:
        """Return a read-only file with these bytes, their digest verified.

        Raises:
            PlatformError: it cannot be had.
            LeaseLostError: the work is no longer ours.
        """
        ...

    def store(self, path: Path) -> FileRef:
        """Keep a copy of the file and return its name."""
        ...

    def store_bytes(self, content: bytes) -> FileRef:
        """Keep a few bytes and return their name."""
        ...

    def progress(self, stage: str, cases_done: int, cases_total: int) -> None:
        """Say what is being done; it never waits."""
        ...

    def stopped(self) -> bool:
        """Tell whether to end at once; asked several times a second, from any thread."""
        ...


class RunDesk(Desk, Protocol):
    """What a run needs besides."""

    def intake_passed(self) -> None:
        """Say that the submission's content was checked and may run."""
        ...

    def report_case(self, report: CaseReport) -> None:
        """Write the result of one case, once and for all."""
        ...
