"""Folders that live as long as one attempt, and the removal of those whose attempt was killed.

A folder is held by a lock on a file beside it. A lock ends with its process, on whatever side of a
container's wall it ran, so nobody has to guess from a process id whether its owner still lives.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LOCK = ".lock"


@contextmanager
def scratch_folder(root: Path, name: str) -> Iterator[Path]:
    """Make an empty folder below ``root`` and remove it with everything in it at the end."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = root / f"{name}-{secrets.token_hex(8)}"
    lock = folder.with_suffix(_LOCK)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.unlink(missing_ok=True)
        os.close(descriptor)


def sweep_scratch(root: Path) -> None:
    """Remove the folders whose owner is gone."""
    for lock in root.glob(f"*{_LOCK}"):
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
            lock.unlink(missing_ok=True)
        finally:
            os.close(descriptor)
