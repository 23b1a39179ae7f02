"""The processes that one mark in their environment ties together, however they were started.

A session or a process group can be left by its members; the environment a process was started with
stays readable as long as it lives.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

MARK_VARIABLE = "PROCTOR_SANDBOX"
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_DIE_WITHIN_S = 10.0
_ENVIRONMENT_BYTES = 1 << 17


def marked(mark: str, session: int | None = None) -> list[int]:
    """Return the processes of this user that carry ``mark`` or belong to ``session``."""
    wanted = f"{MARK_VARIABLE}={mark}".encode()
    own = os.getpid()
    found = []
    for name in os.listdir("/proc"):
        if not name.isdecimal() or (pid := int(name)) == own:
            continue
        try:
            if (session is not None and os.getsid(pid) == session) or (
                wanted in _environment(name)
            ):
                found.append(pid)
        except OSError:
            continue
    return found


def memory_bytes(pids: list[int], suspicious_bytes: int) -> int:
    """Return the memory of ``pids`` together.

    Resident pages are counted first, which is quick and counts shared ones again for each process;
    only a sum above ``suspicious_bytes`` is looked at closely.
    """
    resident = sum(_resident_bytes(pid) for pid in pids)
    if resident <= suspicious_bytes:
        return resident
    return sum(_proportional_bytes(pid) for pid in pids)


def kill_all(mark: str, session: int | None = None) -> bool:
    """Kill until none is left; False when some survive."""
    deadline = time.monotonic() + _DIE_WITHIN_S
    while pids := [pid for pid in marked(mark, session) if not _is_zombie(pid)]:
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                continue
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def _environment(pid: str) -> list[bytes]:
    # Read for every process of the host, many times a second: by system calls alone.
    descriptor = os.open(f"/proc/{pid}/environ", os.O_RDONLY | os.O_CLOEXEC)
    try:
        content = b""
        while chunk := os.read(descriptor, _ENVIRONMENT_BYTES):
            content += chunk
    finally:
        os.close(descriptor)
    return content.split(b"\0")


def _resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
    except (OSError, ValueError, IndexError):
        return 0


def _proportional_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def _is_zombie(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return status.rpartition(")")[2].split()[0] in ("Z", "X")
