"""The folder of one slot: fresh inputs for one job at a time, whatever umask and file system.

A container sees its /input as the only thing in the world; names, modes and times of what lies
there are made equal for every case so that they tell nothing.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from proctor.spec.outcomes import Code, PlatformError

FIXED_TIME_S = 946_684_800
FILE_MODE = 0o444
FOLDER_MODE = 0o755
_PRIVATE_MODE = 0o700


class SlotFolder:
    """``<state>/sandbox/slot-<n>``: emptied when taken, one job's folder below it at a time."""

    def __init__(self, state: Path, number: int) -> None:
        self._root = (state / "sandbox").absolute()
        self.path = self._root / f"slot-{number}"

    def clear(self) -> None:
        """Remove what lies there. Mounts below must be gone before.

        Raises:
            PlatformError: SANDBOX_FAILED, something cannot be removed.
        """
        try:
            shutil.rmtree(self.path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise _failed(self.path, error) from error

    def make(self, *names: str) -> list[Path]:
        """Return fresh empty folders of these names; nobody else can enter their parent.

        Raises:
            PlatformError: SANDBOX_FAILED, the disk is full or not ours.
        """
        self.clear()
        folders = [self.path / name for name in names]
        try:
            for folder in (self._root, self.path):
                folder.mkdir(parents=True, exist_ok=True)
                folder.chmod(_PRIVATE_MODE)
            for folder in folders:
                folder.mkdir()
                folder.chmod(FOLDER_MODE)
        except OSError as error:
            raise _failed(self.path, error) from error
        return folders


def fill_input(folder: Path, documents: Mapping[str, bytes], inputs: Mapping[str, Path]) -> None:
    """Put documents and input files into ``folder`` by path, read-only and with one fixed time.

    A file is linked when it already has the mode and time that it must have, since a link shares
    both with its source; else it is copied.

    Raises:
        PlatformError: SANDBOX_FAILED, a file cannot be read or written.
    """
    try:
        below = _make_parents(folder, (*documents, *inputs))
        for name, content in documents.items():
            _write(folder / name, content)
        for name, source in inputs.items():
            _place(source, folder / name)
        for one in (*below, folder):
            os.utime(one, (FIXED_TIME_S, FIXED_TIME_S))
    except OSError as error:
        raise _failed(folder, error) from error


class CaseSlot:
    """A program's whole /input, in which one case at a time has a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def fill(self, name: str, documents: Mapping[str, bytes], inputs: Mapping[str, Path]) -> None:
        """Put a case into a folder of this name.

        Raises:
            PlatformError: SANDBOX_FAILED.
        """
        try:
            (self._folder / name).mkdir()
            (self._folder / name).chmod(FOLDER_MODE)
            fill_input(self._folder / name, documents, inputs)
            os.utime(self._folder, (FIXED_TIME_S, FIXED_TIME_S))
        except OSError as error:
            raise _failed(self._folder, error) from error

    def empty(self) -> None:
        """Remove every case.

        Raises:
            PlatformError: SANDBOX_FAILED.
        """
        try:
            for case in self._folder.iterdir():
                shutil.rmtree(case)
        except OSError as error:
            raise _failed(self._folder, error) from error


def _make_parents(folder: Path, names: Iterable[str]) -> list[Path]:
    """Make the folders that files of these paths lie in, and return them, the deepest first."""
    parents = {folder / parent for name in names for parent in PurePosixPath(name).parents}
    below = sorted(parents - {folder})
    for one in below:
        one.mkdir()
        one.chmod(FOLDER_MODE)
    return below[::-1]


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
    _settle(path)


def _place(source: Path, path: Path) -> None:
    found = source.stat(follow_symlinks=False)
    settled = stat.S_IMODE(found.st_mode) == FILE_MODE and found.st_mtime == FIXED_TIME_S
    if settled and stat.S_ISREG(found.st_mode) and found.st_dev == path.parent.stat().st_dev:
        os.link(source, path)
        return
    shutil.copyfile(source, path)
    _settle(path)


def _settle(path: Path) -> None:
    path.chmod(FILE_MODE)
    os.utime(path, (FIXED_TIME_S, FIXED_TIME_S))


def _failed(path: Path, error: OSError) -> PlatformError:
    return PlatformError(
        Code.SANDBOX_FAILED, f"The sandbox folder {path} cannot be used: {error.strerror}."
    )
