"""Watches the memory of a running container from outside.

The kernel keeps the peak in a file that vanishes with the container, so it is read until then.
Where no such file can be read, the engine is asked now and then, which sees less.
"""

from __future__ import annotations

import time
from pathlib import Path

import docker

from proctor_runner.sandbox.engine_errors import ENGINE_ERRORS

_ROOT = Path("/sys/fs/cgroup")
_PLACES = ("docker/{id}", "system.slice/docker-{id}.scope")
_ASK_EVERY_S = 1.0


class MemoryWatch:
    """The highest memory use of one container seen so far."""

    def __init__(self, api: docker.APIClient, container_id: str) -> None:
        self._api = api
        self._container_id = container_id
        self._file = _peak_file(container_id)
        self._asks_engine = self._file is None
        self._peak_bytes = 0
        self._ask_at = time.monotonic() + _ASK_EVERY_S

    @property
    def peak_bytes(self) -> int | None:
        """Return the peak, None when it was never seen."""
        return self._peak_bytes or None

    def look(self) -> None:
        """Look again; cheap enough for fifty times a second."""
        if self._file is not None:
            try:
                self._peak_bytes = max(self._peak_bytes, int(self._file.read_text()))
            except (OSError, ValueError):
                self._file = None
        elif self._asks_engine and time.monotonic() >= self._ask_at:
            self._ask()

    def _ask(self) -> None:
        self._ask_at = time.monotonic() + _ASK_EVERY_S
        try:
            said = self._api.stats(self._container_id, stream=False, one_shot=True)
        except ENGINE_ERRORS:
            return
        memory = said.get("memory_stats", {})
        self._peak_bytes = max(self._peak_bytes, memory.get("max_usage", 0), memory.get("usage", 0))


def _peak_file(container_id: str) -> Path | None:
    for place in _PLACES:
        below = place.format(id=container_id)
        for path in (
            _ROOT / "memory" / below / "memory.max_usage_in_bytes",
            _ROOT / below / "memory.peak",
        ):
            if path.exists():
                return path
    return None
