"""Bytes by digest. The platform talks to a ``Store``; a folder is the first kind.

A blob is there whole or not at all: it is written under a temporary name, its digest and size are
checked, it is flushed to the disk, and only then gets its name. Whoever writes holds a lock on the
file, which ends with its process: what nobody holds was broken off.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Protocol, Self

from fastapi import Request

from proctor.spec.base import FileRef
from proctor.spec.outcomes import Code, PlatformError, ProctorError
from proctor_platform.disk import flush_folder, storage_failures
from proctor_platform.unfinished import UnfinishedFolder


class Writer(Protocol):
    """One blob on its way in."""

    def write(self, chunk: bytes) -> None:
        """Take the next bytes."""

    def check(self) -> None:
        """Check the whole and bring it safely to the disk, without its name."""

    def finish(self) -> None:
        """Keep it, after ``check`` if nobody called that."""

    def abort(self) -> None:
        """Leave nothing behind; does nothing after ``finish``."""


class Store(Protocol):
    """Where blobs are."""

    unfinished: UnfinishedFolder
    """Uploads in parts that are not whole yet; beside the blobs, or on a disk of their own."""

    def has(self, digest: str) -> bool:
        """Tell whether the blob is here."""

    def writer(self, ref: FileRef) -> Writer:
        """Begin to store the blob with this digest and size."""

    def open(self, digest: str) -> BinaryIO:
        """Open a blob for reading."""

    def healthy(self) -> bool:
        """Tell whether blobs can be stored."""

    def drop_broken_off(self) -> int:
        """Remove what processes that died were writing; return how many files."""


class FolderStore:
    """Blobs as files of a folder, two levels deep by the first digits of their digests."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._incoming = folder / "incoming"
        self._incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.unfinished = UnfinishedFolder(folder / "unfinished", self.path)

    def has(self, digest: str) -> bool:
        """Tell whether the blob is here."""
        return self.path(digest).is_file()

    def writer(self, ref: FileRef) -> FolderWriter:
        """Begin to store the blob with this digest and size."""
        return FolderWriter(self._incoming, self.path(ref.digest), ref)

    def open(self, digest: str) -> BinaryIO:
        """Open a blob for reading.

        Raises:
            PlatformError: the blob has a row but no file.
        """
        try:
            return self.path(digest).open("rb")
        except OSError as error:
            raise PlatformError(Code.STORAGE_FAILED, f"{digest} cannot be read") from error

    def healthy(self) -> bool:
        """Tell whether blobs can be stored."""
        return os.access(self._incoming, os.W_OK)

    def drop_broken_off(self) -> int:
        """Remove what processes that died were writing; return how many files."""
        return sum(_drop_unless_held(path) for path in self._incoming.iterdir())

    def path(self, digest: str) -> Path:
        """Return where a blob's file is, or would be."""
        name = digest.removeprefix("sha256:")
        return self._folder / name[:2] / name[2:4] / name


class FolderWriter:
    """One blob on its way into a folder."""

    def __init__(self, incoming: Path, final: Path, ref: FileRef) -> None:
        self._final, self._ref = final, ref
        self._state, self._size, self._checked = hashlib.sha256(), 0, False
        self._temporary, self._file = _opened(incoming)

    def write(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            ProctorError: more bytes came than were announced.
            PlatformError: the disk refused them.
        """
        self._size += len(chunk)
        if self._size > self._ref.size:
            raise ProctorError(Code.TOO_LARGE, f"{self._ref.size} bytes were announced; more came.")
        self._state.update(chunk)
        with storage_failures():
            self._file.write(chunk)

    def check(self) -> None:
        """Check the whole and bring it safely to the disk, without its name.

        Raises:
            ProctorError: fewer bytes came than were announced, or others.
            PlatformError: the disk refused them.
        """
        if self._size != self._ref.size:
            raise ProctorError(
                Code.DIGEST_MISMATCH, f"{self._ref.size} bytes were announced, {self._size} came."
            )
        received = f"sha256:{self._state.hexdigest()}"
        if received != self._ref.digest:
            raise ProctorError(
                Code.DIGEST_MISMATCH, f"{self._ref.digest} was announced, {received} came."
            )
        with storage_failures():
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        self._checked = True

    def finish(self) -> None:
        """Keep it, after ``check`` if nobody called that.

        Raises:
            ProctorError: fewer bytes came than were announced, or others.
            PlatformError: the disk refused them.
        """
        if not self._checked:
            self.check()
        with storage_failures():
            self._final.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._temporary.replace(self._final)
            flush_folder(self._final.parent)

    def abort(self) -> None:
        """Leave nothing behind; does nothing after ``finish``."""
        # What is still to be written fails on a full disk, and is of no use.
        with suppress(OSError):
            self._file.close()
        self._temporary.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        """Begin; what is not finished at the end of the block is dropped."""
        return self

    def __exit__(self, *_: object) -> None:
        """Drop what was not finished."""
        self.abort()


def _opened(folder: Path) -> tuple[Path, BinaryIO]:
    """Make a file of a new name and hold it."""
    while True:
        path = folder / secrets.token_hex(16)
        with storage_failures():
            file = path.open("xb")
            fcntl.flock(file, fcntl.LOCK_EX)
            # Somebody may have taken it for broken off before it was held.
            if os.fstat(file.fileno()).st_nlink:
                return path, file
            file.close()


def _drop_unless_held(path: Path) -> bool:
    with suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
        return True
    return False


def store_of(request: Request) -> Store:
    """Return the application's blob store."""
    store: Store = request.app.state.store
    return store
