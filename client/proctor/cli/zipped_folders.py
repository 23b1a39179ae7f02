"""A zipped folder where a model is named: unpacked, as whoever zipped it had it.

It is a model folder or a ModelHub repository, at the top of the zip or in its only folder, as
GitHub and file managers pack them.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from proctor.cli.failures import CommandError
from proctor.cli.zip_members import plain_members
from proctor.spec.archive import MANIFEST

_SUFFIX = ".zip"
_EXECUTABLE, _PLAIN = 0o755, 0o644
# What the file manager of macOS keeps beside the files.
_NOT_FILES = "__MACOSX"


def is_zipped_folder(path: Path) -> bool:
    """Tell whether a path is a zip by its name, and no archive of Proctor."""
    if path.suffix.lower() != _SUFFIX or not path.is_file():
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return MANIFEST not in archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        # Whoever opens it as an archive says what is wrong with it.
        return False


@contextmanager
def unzipped_folder(path: Path) -> Generator[Path]:
    """Give the folder that a zip holds, unpacked for as long as the block lasts.

    Raises:
        CommandError: It is damaged, or holds what no folder may.
    """
    with (
        tempfile.TemporaryDirectory(prefix="proctor-zip-") as name,
        zipfile.ZipFile(path) as zipped,
    ):
        folder = Path(name) / path.stem
        folder.mkdir()
        members = plain_members(path, zipped, folders=True)
        for place, member in members.items():
            if place.split("/")[0] == _NOT_FILES:
                continue
            target = folder / place
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                with zipped.open(member) as source, target.open("xb") as stream:
                    shutil.copyfileobj(source, stream)
            except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
                raise CommandError(f"{path} cannot be unpacked: {place}: {error}.") from error
            executable = member.external_attr >> 16 & 0o100
            target.chmod(_EXECUTABLE if executable else _PLAIN)
        yield _top(folder)


def _top(folder: Path) -> Path:
    """Return the only folder of a folder that holds nothing else, else the folder itself."""
    found = [one for one in folder.iterdir() if not one.name.startswith(".")]
    return found[0] if len(found) == 1 and found[0].is_dir() else folder
