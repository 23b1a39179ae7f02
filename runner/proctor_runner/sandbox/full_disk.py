"""A program that failed for want of room on this machine's disk is not to blame for it.

The process sandbox has no disk of its own: what it grants ends with other errors, so ENOSPC always
means that the machine was full. Looking at the disk tells of it only while it lasts; a moment too
short for that is known to the program alone. Its word is taken here, where one's own models run.
"""

from __future__ import annotations

import errno
import os

from proctor.spec.outcomes import Code, PlatformError
from proctor_runner.sandbox.interface import Ending, SandboxResult

_NO_ROOM = os.strerror(errno.ENOSPC).encode()
_FAILURES = (Ending.EXITED, Ending.FAILED, Ending.START_FAILED)


def disk_was_full() -> PlatformError:
    """Return what is raised of a program's work while there was no room."""
    return PlatformError(
        Code.SANDBOX_FAILED, "The disk of this worker was full while the model ran."
    )


def raise_if_disk_is_blamed(result: SandboxResult) -> None:
    """Refuse a failure whose log says that the disk was full.

    Raises:
        PlatformError: SANDBOX_FAILED.
    """
    if result.ending in _FAILURES and result.exit_code != 0 and _NO_ROOM in result.log:
        raise disk_was_full()
