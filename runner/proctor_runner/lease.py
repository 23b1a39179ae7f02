"""Keeps a lease alive from a thread of its own, and knows when it must be taken for lost.

The platform's clock decides. Here only a monotonic clock is used, started *before* each heartbeat
was sent, so this side always believes the lease to end no later than the platform does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from proctor.spec.outcomes import PlatformError
from proctor.spec.work import HeartbeatReply
from proctor_runner.desk import StopReason
from proctor_runner.platform_api import LeaseLostError

_BEATS_PER_LEASE = 4


class Beat(Protocol):
    """Sends one heartbeat."""

    def __call__(
        self, stage: str, cases_done: int, cases_total: int, give_up_s: float
    ) -> HeartbeatReply:
        """Return the platform's answer; see ``OrderApi.heartbeat``."""
        ...


@dataclass(frozen=True)
class _Progress:
    stage: str
    cases_done: int
    cases_total: int


class Lease:
    """A lease that lives as long as the ``with`` block, unless ``stopped`` says otherwise."""

    def __init__(
        self,
        beat: Beat,
        lease_s: float,
        cases_total: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._beat = beat
        self._clock = clock
        self._lease_s = lease_s
        self._ends_at = clock() + lease_s
        self._progress = _Progress("starting", 0, cases_total)
        self._lock = threading.Lock()
        self._reason: StopReason | None = None
        self._wake = threading.Event()
        self._over = False
        self._thread = threading.Thread(target=self._keep, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        """Send the first heartbeat, which says that the work has begun, and go on beating."""
        self._send()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop beating."""
        self._over = True
        self._wake.set()
        self._thread.join()

    @property
    def stop_reason(self) -> StopReason | None:
        """Why the work must stop, None while it may go on."""
        if self._reason is None and self._clock() >= self._ends_at:
            self.stop(StopReason.LEASE_LOST)
        return self._reason

    def stop(self, reason: StopReason) -> None:
        """Make the work stop; a lost lease outweighs every other reason."""
        with self._lock:
            if self._reason is None or reason is StopReason.LEASE_LOST:
                self._reason = reason

    def progress(self, stage: str, cases_done: int, cases_total: int) -> None:
        """Remember what to say; a new stage is told at once."""
        before, self._progress = self._progress, _Progress(stage, cases_done, cases_total)
        if before.stage != stage:
            self._wake.set()

    def _keep(self) -> None:
        while True:
            self._wake.wait(self._lease_s / _BEATS_PER_LEASE)
            self._wake.clear()
            if self._over or self.stop_reason is StopReason.LEASE_LOST:
                return
            self._send()

    def _send(self) -> None:
        sent_at = self._clock()
        now = self._progress
        left_s = max(self._ends_at - sent_at, 0.0)
        try:
            reply = self._beat(now.stage, now.cases_done, now.cases_total, left_s)
        except (LeaseLostError, PlatformError):
            # Tried again until the lease had to be taken for lapsed, or refused for good.
            self.stop(StopReason.LEASE_LOST)
            return
        self._lease_s = reply.lease_s
        self._ends_at = sent_at + reply.lease_s
        if reply.cancel:
            self.stop(StopReason.CANCELLED)
