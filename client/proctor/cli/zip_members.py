"""The members of a zip that came from anywhere, looked at by name and size before one is read."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

from proctor.cli.failures import CommandError

_MOST_RATIO = 100
# Encrypted, in a second way too, or what a program for patches has to put together.
_UNREADABLE = 0x1 | 0x20 | 0x40
# The others let a file say how much memory it takes to unpack.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def plain_members(
    path: Path, archive: zipfile.ZipFile, *, folders: bool = False
) -> dict[str, zipfile.ZipInfo]:
    """Return the files of a zip by name.

    Args:
        folders: Pass over folders that have a member of their own.

    Raises:
        CommandError: One is no plain file under a plain relative name, or unpacks to too much.
    """
    found: dict[str, zipfile.ZipInfo] = {}
    for member in archive.infolist():
        name, mode = member.orig_filename, member.external_attr >> 16
        if folders and name.endswith("/") and member.file_size == 0:
            continue
        parts = name.split("/")
        plain = name.isprintable() and "\\" not in name and ":" not in name
        if not plain or any(part in ("", ".", "..") for part in parts):
            raise strange_member(path, name, "is no plain relative name of a file")
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise strange_member(path, name, "is a link or a special file")
        if name in found:
            raise strange_member(path, name, "is there twice")
        if member.flag_bits & _UNREADABLE:
            raise strange_member(path, name, "is encrypted, or patches another file")
        if member.compress_type not in _METHODS:
            raise strange_member(path, name, "is neither stored nor deflated")
        found[name] = member
    unpacked = sum(member.file_size for member in found.values())
    if unpacked > _MOST_RATIO * max(path.stat().st_size, 1):
        raise CommandError(
            f"{path} would unpack to {unpacked} bytes, more than {_MOST_RATIO} times its size.",
            "Nothing of it was unpacked.",
        )
    return found


def strange_member(path: Path, name: str, what: str) -> CommandError:
    """Return the refusal of a zip for one of its members."""
    return CommandError(f"{path} is refused: {name!r} {what}.", "Nothing of it was unpacked.")
