"""Brings every process of a running container to a standstill, and lets them go on.

The kernel does it in a tenth of a millisecond where this process may write to the container's own
control group; the engine, which starts a program for each of the two steps, takes some twenty. A
container that is frozen behind the engine's back can still be killed: runc thaws it for that, and
version 2 control groups need no thawing.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NamedTuple

import docker
from docker.errors import APIError

from proctor_runner.sandbox.container_end import ContainerEnd
from proctor_runner.sandbox.control_groups import find_file
from proctor_runner.sandbox.engine_errors import explain, ours

_ENDS_WITHIN_S = 5.0
_NOT_IN_THAT_STATE = 409
# Said of a container that has used up its share of the CPU or is on a crowded host: its processes
# are not scheduled, and so do not come to the place where they would stop.
_CANNOT_FREEZE = "unable to freeze"
_AGAIN_AFTER_S = (0.05, 0.1, 0.2, 0.4)
_KERNEL_WITHIN_S = 0.1


class Standstill:
    """Stops one container between two cases.

    Args:
        end: What knows when the container has ended.
        by_kernel: Turn the kernel's own switch where it is within reach; else the engine is asked.
    """

    def __init__(
        self, api: docker.APIClient, container_id: str, end: ContainerEnd, *, by_kernel: bool
    ) -> None:
        self._api = api
        self._container_id = container_id
        self._end = end
        self._freezer = _freezer_of(container_id) if by_kernel else None
        self._is_frozen = False
        self._is_paused = False

    def begin(self) -> None:
        """Stop every process, or end the container where that is not possible.

        A container that has just ended is left as it is; whose doing that was is judged when it
        is missed.

        Raises:
            PlatformError: SANDBOX_FAILED.
        """
        if self._freezer is not None and self._freezer.freeze():
            self._is_frozen = True
            return
        with ours("a container was paused"):
            for wait_s in (*_AGAIN_AFTER_S, None):
                try:
                    self._api.pause(self._container_id)
                    self._is_paused = True
                    return
                except APIError as error:
                    if error.status_code == _NOT_IN_THAT_STATE:
                        return
                    if _CANNOT_FREEZE not in explain(error):
                        # One that is just ending is refused in other words by each engine.
                        if not self._end.wait(_ENDS_WITHIN_S):
                            raise
                        self._end.raise_if_daemon_went_away()
                        return
                if wait_s is not None:
                    time.sleep(wait_s)
            # What it wrote is complete: the answer came before. The next case has a new one.
            self._end.kill()

    def finish(self) -> None:
        """Let the processes go on.

        Raises:
            PlatformError: SANDBOX_FAILED.
        """
        if self._is_frozen and self._freezer is not None:
            self._freezer.thaw()
            self._is_frozen = False
        if not self._is_paused:
            return
        with ours("a container was resumed"):
            try:
                self._api.unpause(self._container_id)
            except APIError as error:
                if error.status_code != _NOT_IN_THAT_STATE:
                    raise
        self._is_paused = False


class _Freezer(NamedTuple):
    """The switch of a control group, and where it says that all of its processes stand still."""

    switch: Path
    on: str
    off: str
    state: Path
    frozen: str

    def freeze(self) -> bool:
        """Stop every process; tell whether they all stand still."""
        try:
            self.switch.write_text(self.on)
            deadline = time.monotonic() + _KERNEL_WITHIN_S
            while self.frozen not in self.state.read_text().splitlines():
                if time.monotonic() >= deadline:
                    self.switch.write_text(self.off)
                    return False
        except OSError:
            # The group goes with its container, which has just ended.
            return False
        return True

    def thaw(self) -> None:
        """Let them go on; a group that is gone has nothing to thaw."""
        try:
            self.switch.write_text(self.off)
        except FileNotFoundError:
            return


def _freezer_of(container_id: str) -> _Freezer | None:
    """Return the switch of a container, where this host has one that this process may turn."""
    if (old := find_file(container_id, "freezer", "freezer.state")) is not None:
        found = _Freezer(old, "FROZEN", "THAWED", old, "FROZEN")
    elif (new := find_file(container_id, "", "cgroup.freeze")) is not None:
        found = _Freezer(new, "1", "0", new.with_name("cgroup.events"), "frozen 1")
    else:
        return None
    return found if os.access(found.switch, os.W_OK) else None
