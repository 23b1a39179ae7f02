"""Folders for requests, taken when needed and used again: making one costs more than the rest."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MEMORY = "/dev/shm"  # noqa: S108  a file system in memory, where there is one


class FolderPool:
    """Folders below one, each used by one request at a time.

    Args:
        root: An existing folder.
    """

    def __init__(
        self, root: Path, temporary: tempfile.TemporaryDirectory[str] | None = None
    ) -> None:
        self._root = root
        self._temporary = temporary
        self._free: list[Path] = []
        self._numbers = itertools.count()

    @classmethod
    def in_memory(cls) -> FolderPool | None:
        """Return a pool of folders in memory, for small files alone; None where there is none."""
        try:
            made = tempfile.TemporaryDirectory(prefix="proctor-rest-", dir=_MEMORY)
        except OSError:
            return None
        return cls(Path(made.name), made)

    @contextmanager
    def folder(self) -> Iterator[Callable[[], Path]]:
        """Give what returns an empty folder, the same each time, whose files end with the block."""
        lent = _Lent(self._taken)
        try:
            yield lent.folder
        finally:
            folder = lent.end()
            if folder is not None and _emptied(folder):
                self._free.append(folder)

    def close(self) -> None:
        """Remove what is in memory."""
        if self._temporary is not None:
            self._temporary.cleanup()

    def _taken(self) -> Path:
        try:
            return self._free.pop()
        except IndexError:
            folder = self._root / str(next(self._numbers))
            folder.mkdir()
            return folder


class _Lent:
    """The folder of one request, if it comes to need one."""

    def __init__(self, take: Callable[[], Path]) -> None:
        self._take = take
        self._folder: Path | None = None
        self._is_over = False

    def folder(self) -> Path:
        if self._is_over:
            raise FileNotFoundError("the request is over, and its files are gone")
        if self._folder is None:
            self._folder = self._take()
        return self._folder

    def end(self) -> Path | None:
        self._is_over = True
        return self._folder


def _emptied(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path)
                else:
                    os.unlink(entry.path)
    except OSError:
        return False
    return True
