"""Watches the memory of a running container from outside, and who was killed for it.

The engine's own word on the latter is not enough: on kernels that no longer send the events of
version 1 control groups it never comes. The group's counters tell, but vanish with the container;
the kernel's log names the group, where this process may read it. Any of these is believed.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import docker

from proctor.spec.outcomes import Code, PlatformError
from proctor_runner.sandbox.control_groups import find_file
from proctor_runner.sandbox.engine_errors import ENGINE_ERRORS

_ASK_EVERY_S = 1.0
_KILLS = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)
_KERNEL_LOG = "/dev/kmsg"
_MOST_RECORD_BYTES = 8192
# How near to the limit the last look must have been for a kill on this host to be ours.
_NEAR = 0.9


class KernelWitness:
    """What the kernel says of kills for memory on the whole host since this was made."""

    def __init__(self) -> None:
        self._before = _kills_on_host()
        try:
            flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
            self._log: int | None = os.open(_KERNEL_LOG, flags)
            os.lseek(self._log, 0, os.SEEK_END)
        except OSError:
            self._log = None

    def killed_anyone(self) -> bool:
        """Tell whether a process of this host, of any container or none, was killed."""
        return self._before is not None and _kills_on_host() != self._before

    def names(self, container_id: str) -> bool:
        """Tell whether the kernel's log says that this container met its own limit."""
        if self._log is None:
            return False
        group = re.compile(rf"oom_memcg=[^,]*{re.escape(container_id)}".encode())
        while True:
            try:
                if group.search(os.read(self._log, _MOST_RECORD_BYTES)):
                    return True
            except BrokenPipeError:
                # Records were overwritten before they were read; go on with those that are left.
                continue
            except OSError:
                return False

    def raise_if_host_lacks_memory(self) -> None:
        """Raise if the kernel killed somebody, as it may have killed a program of ours.

        Raises:
            PlatformError: SANDBOX_FAILED.
        """
        if self.killed_anyone():
            raise PlatformError(
                Code.SANDBOX_FAILED,
                "The kernel killed a process of this host for memory while the container ran.",
            )

    def close(self) -> None:
        """Close the kernel's log."""
        if self._log is not None:
            os.close(self._log)
            self._log = None


class MemoryWatch:
    """The highest memory use of one container, and whether one of its processes was killed."""

    def __init__(self, api: docker.APIClient, container_id: str, limit_bytes: int) -> None:
        self._api = api
        self._container_id = container_id
        self._limit_bytes = limit_bytes
        self._peak_file, self._kills_file = _files(container_id)
        self._peak_bytes = 0
        self._killed = False
        self._ask_at = time.monotonic() + _ASK_EVERY_S

    @property
    def peak_bytes(self) -> int | None:
        """Return the peak, None when it was never seen."""
        return self._peak_bytes or None

    def look(self) -> None:
        """Look again; cheap enough for fifty times a second."""
        if self._peak_file is None or self._kills_file is None:
            if time.monotonic() >= self._ask_at:
                self._ask()
            return
        try:
            self._peak_bytes = max(self._peak_bytes, int(self._peak_file.read_text()))
            kills = _KILLS.search(self._kills_file.read_text())
        except (OSError, ValueError):
            # The container has just ended; what was seen before stays.
            return
        self._killed = self._killed or (kills is not None and int(kills[1]) > 0)

    def was_out_of_memory(self, engine_says: bool, witness: KernelWitness) -> bool:
        """Weigh all that is known once the container has ended."""
        if not (engine_says or self._killed or witness.names(self._container_id)):
            near = self._peak_bytes >= _NEAR * self._limit_bytes
            if not (near and witness.killed_anyone()):
                return False
        self._peak_bytes = self._limit_bytes
        return True

    def _ask(self) -> None:
        self._ask_at = time.monotonic() + _ASK_EVERY_S
        try:
            said = self._api.stats(self._container_id, stream=False, one_shot=True)
        except ENGINE_ERRORS:
            return
        memory = said.get("memory_stats", {})
        self._peak_bytes = max(self._peak_bytes, memory.get("max_usage", 0), memory.get("usage", 0))


def _files(container_id: str) -> tuple[Path | None, Path | None]:
    """Find the container's own control group, of version 1 or 2."""
    for controller, peak, kills in (
        ("memory", "memory.max_usage_in_bytes", "memory.oom_control"),
        ("", "memory.peak", "memory.events"),
    ):
        if (found := find_file(container_id, controller, peak)) is not None:
            return found, found.with_name(kills)
    return None, None


def _kills_on_host() -> int | None:
    try:
        found = _KILLS.search(Path("/proc/vmstat").read_text())
    except OSError:
        return None
    return int(found[1]) if found else None
