"""Holds the scoring of a case to a part of this machine's memory.

A limit on the data of this process makes the allocation fail that would go past it, where otherwise
the kernel would kill a process of its choice, and with it what other work is there. The limit is
the whole process's, so only its main thread sets it; in any other nothing is limited.
"""

from __future__ import annotations

import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SHARE = 0.8
_CONTROL_GROUPS = (
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
)


def most_bytes(processes: int) -> int:
    """Return how much each of so many processes that score may take beside what it holds.

    It is a part of what the machine, or the container that this process is in, has in all: what
    others take at the moment must not decide whether an answer is too large.
    """
    found = [1024 * _field("/proc/meminfo", "MemTotal")]
    for path in _CONTROL_GROUPS:
        try:
            text = Path(path).read_text().strip()
        except OSError:
            continue
        if text.isdecimal():
            found.append(int(text))
    return int(_SHARE * min(found) / processes)


@contextmanager
def memory_limit(more_bytes: int) -> Iterator[None]:
    """Have what takes so many bytes more than is held now fail with a MemoryError in this block."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = 1024 * _field("/proc/self/status", "VmData") + more_bytes
    kept = [one for one in (before, hard) if one != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min([most, *kept]), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (before, hard))


def _field(path: str, name: str) -> int:
    """Return a number of a file of the kernel's, in the unit that it has there."""
    for line in Path(path).read_text().splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0])
    raise RuntimeError(f"{path} has no {name}")
