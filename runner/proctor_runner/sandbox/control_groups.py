"""Where the kernel keeps the control groups of Docker's containers, seen from the host."""

from __future__ import annotations

from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_PLACES = ("docker/{id}", "system.slice/docker-{id}.scope")


def find_file(container_id: str, controller: str, name: str) -> Path | None:
    """Return a file of a container's own group; None where this host does not show it.

    Args:
        controller: Of version 1 the controller that has the file; empty for version 2.
    """
    for place in _PLACES:
        path = _ROOT / controller / place.format(id=container_id) / name
        if path.exists():
            return path
    return None
