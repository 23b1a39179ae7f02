"""Holds the scoring of a case to a time limit, and knows what the time went into.

The limit is an alarm of this process: what is being computed is given up at the next step of the
interpreter, so a single call of a compiled library is waited for. Only a main thread can be
interrupted; in any other the time is measured and not limited.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_AGAIN_S = 1.0


class TimeUpError(BaseException):
    """The time is up; nothing that catches errors of a metric or a library is to catch this."""


class Spent:
    """What the time of a case goes into, part by part; ``part`` is the present one."""

    def __init__(self) -> None:
        self._parts: dict[str, float] = {}
        self.part = ""
        self._since = time.monotonic()

    def begin(self, part: str) -> None:
        """Count the time from now on for ``part``."""
        now = time.monotonic()
        self._parts[self.part] = self._parts.get(self.part, 0.0) + now - self._since
        self.part, self._since = part, now

    def most(self) -> tuple[str, float]:
        """Return the part that took longest so far, and its seconds; "" is before the first."""
        self.begin(self.part)
        return max(self._parts.items(), key=lambda part: part[1])


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeUpError in this block when it takes longer.

    Raises:
        TimeUpError: it did.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    armed = True

    def ring(_signal: int, _frame: FrameType | None) -> None:
        if armed:
            raise TimeUpError

    # Others use the alarm too: the queue's own limit is many days away.
    before = signal.signal(signal.SIGALRM, ring)
    left_s, every_s = signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN_S)
    try:
        yield
    finally:
        armed = False
        signal.setitimer(signal.ITIMER_REAL, left_s, every_s)
        signal.signal(signal.SIGALRM, before)
