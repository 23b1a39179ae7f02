"""Uploads that come in parts and are not whole yet: a file for each (user, digest, size).

The file is the state: its length is how many bytes have come, so there is nothing beside it that a
killed process could leave wrong. A part is flushed to the disk before it is answered. What a power
cut leaves is checked like everything else when the last byte is here. A lock on the file, which
ends with its process, keeps two uploads of the same bytes from each other.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple

from proctor.spec.base import FileRef
from proctor.spec.digests import digest_stream
from proctor.spec.outcomes import Code, PlatformError, ProctorError
from proctor_platform.disk import flush_folder, storage_failures
from proctor_platform.settings import PlatformSettings

KEPT_S = 24 * 3600.0
"""So long an unfinished upload may be gone on with."""

Guard = Callable[[], AbstractContextManager[None]]
"""Keeps a user's uploads from being begun, named or removed while one is looked up."""

_OWNER = re.compile(r"[a-z0-9_]+")
_GUARD = "guard"


class UnfinishedLimits(NamedTuple):
    """What unfinished uploads may take: how many of one user, and bytes of everybody's in all."""

    uploads: int
    total_bytes: int


def limits_of(settings: PlatformSettings) -> UnfinishedLimits:
    """Return the limits that the operator set."""
    return UnfinishedLimits(settings.max_open_uploads, settings.max_unfinished_bytes)


class PartFile:
    """The bytes of one upload that have come, held by one request."""

    def __init__(
        self, path: Path, final: Path, ref: FileRef, stream: IO[bytes], guard: Guard
    ) -> None:
        self._path, self._final, self._ref = path, final, ref
        self._stream, self._guard = stream, guard
        self.received = os.fstat(stream.fileno()).st_size

    def write(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            PlatformError: the disk refused them.
        """
        with storage_failures():
            self._stream.write(chunk)
        self.received += len(chunk)

    def flush(self) -> None:
        """Bring what has come safely to the disk.

        Raises:
            PlatformError: the disk refused it.
        """
        with storage_failures():
            self._stream.flush()
            os.fsync(self._stream.fileno())

    def check(self) -> None:
        """Check the whole; other bytes than announced are dropped, all of them.

        Raises:
            ProctorError: DIGEST_MISMATCH.
            PlatformError: the disk failed.
        """
        self.flush()
        with storage_failures(), self._path.open("rb") as whole:
            found = digest_stream(whole)
        if found != self._ref:
            with self._guard():
                self._path.unlink(missing_ok=True)
            raise ProctorError(
                Code.DIGEST_MISMATCH, f"{self._ref.digest} was announced, {found.digest} came."
            )

    def finish(self) -> None:
        """Give the checked bytes their name.

        Raises:
            PlatformError: the disk refused it.
        """
        with storage_failures():
            self._final.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._guard():
                self._path.replace(self._final)
            flush_folder(self._final.parent)

    def abort(self) -> None:
        """Let go; what has come stays for the next part."""
        with suppress(OSError):
            self._stream.close()


class UnfinishedFolder:
    """Unfinished uploads below a folder, a folder a user."""

    def __init__(self, folder: Path, final: Callable[[str], Path]) -> None:
        self._folder = folder
        self._final = final

    def received(self, owner: str, ref: FileRef) -> int:
        """Return how many bytes of an upload have come; none of one that nobody began."""
        try:
            return self._path(owner, ref).stat().st_size
        except FileNotFoundError:
            return 0

    def announced(self, owner: str, but: FileRef) -> int:
        """Return the size that a user's other uploads will have in all when they are whole."""
        mine = self._path(owner, but)
        return sum(_size_of(path) for path in self._open_of(owner) if path != mine)

    def open(self, owner: str, ref: FileRef, limits: UnfinishedLimits, coming: int) -> PartFile:
        """Hold an upload to go on with it, beginning it if need be.

        Args:
            owner: the user's id.
            ref: digest and size of the whole.
            limits: what all unfinished uploads may take.
            coming: how many bytes this request brings.

        Raises:
            ProctorError: another request goes on with it now, or too many others do.
            PlatformError: the platform keeps too many unfinished bytes already.
        """
        path = self._path(owner, ref)
        with storage_failures():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._guarded(owner):
            if not path.exists():
                self._make_room(owner, limits.uploads)
            held = sum(_length(one) for one in self._folder.glob("*/*.part"))
            if held + coming > limits.total_bytes:
                raise PlatformError(
                    Code.STORAGE_FAILED, "Unfinished uploads fill the room that there is for them."
                )
            with storage_failures():
                stream = path.open("ab")
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                stream.close()
                detail = "Another request is sending these bytes now; ask again in a moment."
                raise ProctorError(Code.CONFLICT, detail) from None
        final = self._final(ref.digest)
        return PartFile(path, final, ref, stream, partial(self._guarded, owner))

    def drop_stale(self, kept_s: float = KEPT_S) -> int:
        """Remove the uploads that nobody went on with for so long; return how many."""
        dropped = 0
        for path in self._folder.glob("*/*.part"):
            with suppress(FileNotFoundError), self._guarded(path.parent.name):
                if time.time() - path.stat().st_mtime > kept_s:
                    dropped += _drop_unheld(path)
        return dropped

    def _make_room(self, owner: str, most: int) -> None:
        """Give up the uploads that their user left longest ago, so that one more may begin.

        Raises:
            ProctorError: all of them go on at this moment.
        """
        begun = sorted(self._open_of(owner), key=lambda path: path.stat().st_mtime)
        too_many = len(begun) - most + 1
        for path in begun:
            if too_many <= 0:
                return
            too_many -= _drop_unheld(path)
        if too_many > 0:
            detail = f"{most} uploads of yours go on at this moment; wait until one is done."
            raise ProctorError(Code.CONFLICT, detail)

    @contextmanager
    def _guarded(self, owner: str) -> Iterator[None]:
        with (self._folder / owner / _GUARD).open("ab") as guard:
            fcntl.flock(guard, fcntl.LOCK_EX)
            yield

    def _open_of(self, owner: str) -> list[Path]:
        return list((self._folder / owner).glob("*.part"))

    def _path(self, owner: str, ref: FileRef) -> Path:
        if not _OWNER.fullmatch(owner):
            raise PlatformError(Code.INTERNAL, f"{owner!r} is no user's id")
        return self._folder / owner / f"{ref.digest.removeprefix('sha256:')}.{ref.size}.part"


def _size_of(path: Path) -> int:
    return int(path.name.split(".")[1])


def _length(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def _drop_unheld(path: Path) -> bool:
    """Remove an upload unless a request goes on with it now; call it under its user's guard."""
    with path.open("rb") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        path.unlink()
    return True
