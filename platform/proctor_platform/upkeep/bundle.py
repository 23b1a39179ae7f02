"""Where a backup lies: a folder, or one tar file. Both hold the same names.

Names are always made by us and asked for one by one; nothing is ever unpacked by the names that a
file brings.
"""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from proctor_platform.upkeep.errors import UpkeepError

MANIFEST = "backup.json"
_FOLDER_MODE = 0o700
_FILE_MODE = 0o600


class BundleWriter(Protocol):
    """A backup that is being made."""

    def add(self, name: str, size: int, content: BinaryIO) -> None:
        """Keep ``size`` bytes under a name."""


class BundleReader(Protocol):
    """A backup that is there."""

    def open(self, name: str) -> BinaryIO:
        """Open what is kept under a name.

        Raises:
            UpkeepError: nothing is.
        """


@contextmanager
def new_bundle(target: Path) -> Iterator[BundleWriter]:
    """Make a backup at a place where nothing is: a tar file if it ends so, else a folder.

    It gets its name when it is whole; a backup that failed leaves nothing.

    Raises:
        UpkeepError: something is there already.
    """
    if target.exists():
        raise UpkeepError(f"{target} is there already.", "Name a file or folder that is not.")
    target.parent.mkdir(parents=True, exist_ok=True)
    growing = target.with_name(f".{target.name}.growing-{os.getpid()}")
    try:
        if target.suffix == ".tar":
            descriptor = os.open(growing, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE)
            with os.fdopen(descriptor, "wb") as file:
                with tarfile.open(fileobj=file, mode="w") as archive:
                    yield _NewTar(archive)
                os.fsync(file.fileno())
        else:
            growing.mkdir(mode=_FOLDER_MODE)
            yield _NewFolder(growing)
        growing.rename(target)
    finally:
        if growing.is_dir():
            shutil.rmtree(growing)
        growing.unlink(missing_ok=True)


@contextmanager
def opened_bundle(source: Path) -> Iterator[BundleReader]:
    """Open a backup.

    Raises:
        UpkeepError: there is none, or it is no tar file.
    """
    if source.is_dir():
        yield _Folder(source)
        return
    try:
        archive = tarfile.open(source)  # noqa: SIM115 - closed below; opening alone is guarded
    except FileNotFoundError as error:
        raise UpkeepError(f"There is no backup at {source}.") from error
    except (tarfile.TarError, OSError, EOFError) as error:
        raise UpkeepError(f"{source} is damaged or no backup: {error}.") from error
    with archive:
        yield _Tar(source, archive)


class _NewFolder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, name: str, size: int, content: BinaryIO) -> None:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=_FOLDER_MODE)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE)
        with os.fdopen(descriptor, "wb") as file:
            shutil.copyfileobj(content, file)
            file.flush()
            os.fsync(file.fileno())
        if path.stat().st_size != size:
            raise UpkeepError(f"{name} changed while it was copied.", "Make the backup again.")


class _NewTar:
    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive

    def add(self, name: str, size: int, content: BinaryIO) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode = size, _FILE_MODE
        self._archive.addfile(member, content)


class _Folder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, name: str) -> BinaryIO:
        try:
            return (self._folder / name).open("rb")
        except OSError as error:
            raise UpkeepError(f"The backup lacks {name}: {error.strerror}.") from error


class _Tar:
    def __init__(self, source: Path, archive: tarfile.TarFile) -> None:
        self._archive = archive
        try:
            self._members = {member.name: member for member in archive}
        except (tarfile.TarError, OSError, EOFError) as error:
            raise UpkeepError(
                f"{source} is damaged or cut off: {error}.",
                "Nothing was restored. Copy it again from where it was made, or take another.",
            ) from error

    def open(self, name: str) -> BinaryIO:
        member = self._members.get(name)
        stream = None if member is None else self._archive.extractfile(member)
        if stream is None:
            raise UpkeepError(f"The backup lacks {name}.")
        return stream  # type: ignore[return-value]  # a reader of bytes in all but its type
