"""Learns from the engine that a container has ended, and what ended it.

The request that waits for the end stays open for the whole run: a daemon that goes away breaks it,
and that is how a killed program is told apart from one whose daemon was restarted.
"""

from __future__ import annotations

import threading
import time

import docker
from docker.errors import APIError
from requests.exceptions import ReadTimeout

from proctor.spec.outcomes import Code, PlatformError
from proctor_runner.sandbox.engine_errors import ENGINE_ERRORS, explain
from proctor_runner.sandbox.interface import Ending

KILL_TAKES_AT_MOST_S = 30.0
KILLED_CODES = (137, 143)
"""Exit statuses that a program's own end and a kill from outside have in common."""

_EVENTS_REACH_BACK_S = 86_400
_ONE_REQUEST_S = 3600


def weigh(stopped_for: Ending | None, out_of_memory: bool, full: bool) -> Ending:
    """Weigh what is known: a killed child explains more than the wait for it that followed."""
    if stopped_for is Ending.CANCELLED:
        return Ending.CANCELLED
    if out_of_memory:
        return Ending.OUT_OF_MEMORY
    if full:
        return Ending.OUTPUT_LIMIT
    return stopped_for or Ending.EXITED


class ContainerEnd:
    """Waits for the end of one container in a thread of its own."""

    def __init__(self, api: docker.APIClient, container_id: str) -> None:
        self._api = api
        self._container_id = container_id
        self._error: Exception | None = None
        self._event = threading.Event()
        threading.Thread(target=self._wait, name="container-end", daemon=True).start()

    def wait(self, seconds: float) -> bool:
        """Wait for the end, at most ``seconds``."""
        return self._event.wait(seconds)

    def kill(self) -> None:
        """Kill the container and wait until it is gone.

        Raises:
            PlatformError: SANDBOX_FAILED, it does not die.
            APIError: the engine refused.
        """
        try:
            self._api.kill(self._container_id, signal="SIGKILL")
        except APIError as error:
            # It ended by itself in this very moment.
            if error.status_code not in (404, 409):
                raise
        if not self.wait(KILL_TAKES_AT_MOST_S):
            raise PlatformError(
                Code.SANDBOX_FAILED,
                f"A container did not end within {KILL_TAKES_AT_MOST_S:g} s of being killed.",
            )

    def raise_if_daemon_went_away(self) -> None:
        """Raise what cut the waiting request off.

        Raises:
            PlatformError: SANDBOX_FAILED.
        """
        if self._error is not None:
            raise PlatformError(
                Code.SANDBOX_FAILED,
                f"The Docker daemon went away during the run: {explain(self._error)}",
            ) from self._error

    def raise_if_killed_through_engine(self) -> None:
        """Raise if somebody asked the engine to kill the container; we did not.

        Raises:
            PlatformError: SANDBOX_FAILED.
        """
        now = int(time.time()) + 1
        kills = self._api.events(
            since=now - _EVENTS_REACH_BACK_S,
            until=now,
            filters={"container": self._container_id, "event": "kill"},
            decode=True,
        )
        # Read to its end: a stream left half read would keep its connection.
        if list(kills):
            raise PlatformError(Code.SANDBOX_FAILED, "The container was killed from outside.")

    def _wait(self) -> None:
        try:
            while not self._ended_within(_ONE_REQUEST_S):
                pass
        except (*ENGINE_ERRORS, ValueError, OSError) as error:
            self._error = error
        finally:
            self._event.set()

    def _ended_within(self, seconds: int) -> bool:
        try:
            self._api.wait(self._container_id, timeout=seconds)
        except ReadTimeout:
            return False
        return True
