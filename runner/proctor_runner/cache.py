"""A folder of blobs by digest, shared by all processes of a worker and limited in size.

A blob enters by a temporary file, a check of its digest and a rename, so a name in the folder is
always a whole blob. Its bytes are checked again at the first use in a process: a disk may
rot and a score must not. What is in use is linked into the user's own folder, so that
removing a name for space never takes a file away from a running job.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from proctor.spec.base import FileRef
from proctor.spec.digests import digest_file
from proctor.spec.outcomes import Code, PlatformError
from proctor_runner.sandbox.slot_folder import FILE_MODE, FIXED_TIME_S

Fill = Callable[[BinaryIO], None]
"""Writes the bytes of the wanted blob into the open file."""

_LOW_WATER = 0.8
_INCOMING_S = 3600.0


class BlobCache:
    """Blobs below ``folder``, the least recently used ones removed above ``limit_bytes``."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes
        self._checked: set[str] = set()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def take(self, file: FileRef, into: Path, fill: Fill) -> Path:
        """Return a read-only file inside ``into`` with the bytes of ``file``.

        Args:
            into: A folder on the same file system, of the caller's own.
            fill: Called when the blob is not here yet.

        Raises:
            PlatformError: STORAGE_FAILED, the disk failed or the bytes are not the digest's.
        """
        target = into / file.digest.removeprefix("sha256:")
        if target.exists():
            return target
        try:
            if not self._link(file, target):
                self._add(file, target, fill)
                self.trim()
        except OSError as error:
            raise PlatformError(
                Code.STORAGE_FAILED, f"the cache {self._folder} failed: {error.strerror}"
            ) from error
        return target

    def trim(self) -> None:
        """Remove the blobs that were not used for the longest time, down below the limit."""
        # A link made or removed moves ctime, so it tells the last use; nobody can set it.
        entries = []
        for path in [*self._folder.glob("??/*"), *self._abandoned()]:
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                entries.append((status.st_ctime_ns, status.st_size, path))
        held_bytes = sum(size for _, size, _ in entries)
        if held_bytes <= self._limit_bytes:
            return
        for _, size, path in sorted(entries):
            path.unlink(missing_ok=True)
            held_bytes -= size
            if held_bytes <= self._limit_bytes * _LOW_WATER:
                return

    def _abandoned(self) -> list[Path]:
        oldest = time.time() - _INCOMING_S
        found = []
        for path in self._folder.glob("incoming-*"):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_ctime < oldest:
                    found.append(path)
        return found

    def _path(self, digest: str) -> Path:
        text = digest.removeprefix("sha256:")
        return self._folder / text[:2] / text

    def _link(self, file: FileRef, target: Path) -> bool:
        path = self._path(file.digest)
        try:
            os.link(path, target)
        except FileNotFoundError:
            return False
        except FileExistsError:
            # Another thread of the same job was as quick; what is there was checked.
            return True
        if file.digest not in self._checked:
            if digest_file(target) != file:
                target.unlink()
                path.unlink(missing_ok=True)
                return False
            self._checked.add(file.digest)
        return True

    def _add(self, file: FileRef, target: Path, fill: Fill) -> None:
        path = self._path(file.digest)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix="incoming-", dir=self._folder)
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                fill(stream)
                stream.flush()
                os.fsync(stream.fileno())
            found = digest_file(temporary)
            if found != file:
                raise PlatformError(
                    Code.STORAGE_FAILED,
                    f"asked for {file.digest} of {file.size} bytes,"
                    f" got {found.digest} of {found.size} bytes",
                )
            # The mode and time of every input file, so that a sandbox may link it.
            temporary.chmod(FILE_MODE)
            os.utime(temporary, (FIXED_TIME_S, FIXED_TIME_S))
            # Linked before it has its name here: from then on it may be removed for space.
            with contextlib.suppress(FileExistsError):
                os.link(temporary, target)
            temporary.rename(path)
        finally:
            temporary.unlink(missing_ok=True)
        self._checked.add(file.digest)
