"""Mounts and unmounts small file systems in memory, where this process may."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

_MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 2, 4, 8
_MNT_DETACH = 2
_libc = ctypes.CDLL(None, use_errno=True)


def mount(path: Path, source: str, size_bytes: int, files: int) -> None:
    """Mount an empty tmpfs at ``path``; ``source`` is the name it has in the list of mounts.

    Raises:
        OSError: it is not allowed here, among other reasons.
    """
    options = f"size={size_bytes},nr_inodes={files},mode=0755".encode()
    flags = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
    done = _libc.mount(source.encode(), os.fsencode(path), b"tmpfs", flags, options)
    _check(done, path)


def unmount(path: Path) -> None:
    """Take the mount at ``path`` away, now or when its last user ends.

    Raises:
        OSError: nothing is mounted there, among other reasons.
    """
    _check(_libc.umount2(os.fsencode(path), _MNT_DETACH), path)


def mounted(source: str) -> list[Path]:
    """Return where the mounts called ``source`` are, the newest first."""
    found = []
    with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            name, path, *_ = line.split(" ")
            if name == source:
                found.append(Path(path.encode("utf-8", "surrogateescape").decode("unicode_escape")))
    return found[::-1]


def _check(done: int, path: Path) -> None:
    if done != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(path))
