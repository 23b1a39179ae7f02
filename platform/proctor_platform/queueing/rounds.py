"""A thread that does the same small thing again and again until it is stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

_log = structlog.get_logger(__name__)


class Rounds:
    """Calls ``once`` every ``period_s`` seconds, and at once when kicked."""

    def __init__(self, name: str, once: Callable[[], None], period_s: float) -> None:
        self._name = name
        self._once = once
        self._period_s = period_s
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, with a round at once."""
        self._stopped.clear()
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def kick(self) -> None:
        """Have the next round begin now."""
        self._wake.set()

    def stop(self) -> None:
        """End after the round in progress."""
        self._stopped.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._wake.clear()
            try:
                self._once()
            except Exception as error:
                # The one place that must outlive everything: what failed is tried next round.
                _log.error("round_failed", name=self._name, exc_info=error)
            self._wake.wait(self._period_s)
