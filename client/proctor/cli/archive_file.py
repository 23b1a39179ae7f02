"""Reads an archive that came from anywhere: nothing is believed before its digest is right.

A zip can lie about sizes, name a file twice, climb out of a folder or hold links. So every member
must be named by the manifest with its size, names are checked before anything is written, files
are written under their digests alone, and no more is unpacked than was announced.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pydantic import ValidationError

from proctor.cli.failures import CommandError
from proctor.cli.zip_members import plain_members, strange_member
from proctor.spec.archive import FORMAT, MANIFEST, ArchivedFile, ArchiveKind, ArchiveManifest
from proctor.spec.base import FileRef

_CHUNK_BYTES = 1 << 20
_MOST_MANIFEST_BYTES = 512 << 20
_READ_ONLY = 0o444
_FIRST = "Give the path of a file that `proctor archive <submission>` wrote."
_AGAIN = "Fetch it again with `proctor archive`, or ask whoever gave it to you."


@dataclass(frozen=True)
class ArchiveFile:
    """An archive whose members are those that its manifest names."""

    path: Path
    manifest: ArchiveManifest
    zip: zipfile.ZipFile

    def check(self) -> None:
        """Read every member and compare its digest.

        Raises:
            CommandError: One is damaged; it is named.
        """
        for listed in self.manifest.files:
            self._copy(listed, None)

    def unpack(self, folder: Path) -> dict[str, Path]:
        """Write every member into ``folder`` under its digest.

        Returns:
            Where the bytes of each digest lie.

        Raises:
            CommandError: A member is damaged; it is named.
        """
        found: dict[str, Path] = {}
        for listed in self.manifest.files:
            path = folder / listed.file.digest.removeprefix("sha256:")
            if listed.file.digest in found:
                self._copy(listed, None)
                continue
            with path.open("xb") as target:
                self._copy(listed, target)
            path.chmod(_READ_ONLY)
            found[listed.file.digest] = path
        return found

    def _copy(self, listed: ArchivedFile, target: IO[bytes] | None) -> None:
        state = hashlib.sha256()
        try:
            with self.zip.open(listed.path) as source:
                while chunk := source.read(_CHUNK_BYTES):
                    state.update(chunk)
                    if target is not None:
                        target.write(chunk)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise _damaged(self.path, listed.path) from error
        if f"sha256:{state.hexdigest()}" != listed.file.digest:
            raise _damaged(self.path, listed.path)


@contextmanager
def open_archive(path: Path) -> Generator[ArchiveFile]:
    """Give an archive that is whole as far as its names and sizes tell.

    Raises:
        CommandError: It is none, is damaged, is of a newer format, or holds what none may.
    """
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError as error:
        raise CommandError(f"There is no file {path}.", _FIRST) from error
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise CommandError(f"{path} is no whole zip archive: {error}.", _AGAIN) from error
    with archive:
        members = plain_members(path, archive)
        manifest = _manifest(path, archive, members)
        _refuse_unlike(path, members, manifest.files)
        _refuse_lacking(path, manifest)
        yield ArchiveFile(path, manifest, archive)


def _manifest(
    path: Path, archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo]
) -> ArchiveManifest:
    if MANIFEST not in members:
        raise CommandError(
            f"{path} holds no {MANIFEST}: it is no archive of Proctor, or only a part of one.",
            _AGAIN,
        )
    if members[MANIFEST].file_size > _MOST_MANIFEST_BYTES:
        raise _damaged(path, MANIFEST)
    try:
        document: Any = json.loads(archive.read(MANIFEST))
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RecursionError) as error:
        raise _damaged(path, MANIFEST) from error
    _refuse_newer(path, document)
    try:
        return ArchiveManifest.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise CommandError(f"{path}: {MANIFEST}: {place}: {first['msg']}", _AGAIN) from error


def _refuse_newer(path: Path, document: Any) -> None:
    number = document.get("format") if isinstance(document, dict) else None
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise CommandError(f"{path}: {MANIFEST} names no format.", _AGAIN)
    if number > FORMAT:
        named = document.get("requires")
        needed = f"Proctor {named[:40]} or newer" if isinstance(named, str) else "a newer Proctor"
        raise CommandError(
            f"{path} has the format {number}; this Proctor reads up to {FORMAT}.",
            f"It needs {needed}: install that and try again.",
        )


def _refuse_unlike(
    path: Path, members: dict[str, zipfile.ZipInfo], files: Iterable[ArchivedFile]
) -> None:
    """Refuse members that the manifest does not name, and names without a member of that size."""
    listed: dict[str, ArchivedFile] = {}
    for file in files:
        if file.path in listed:
            raise strange_member(path, file.path, "is listed twice")
        listed[file.path] = file
        if file.path not in members:
            raise CommandError(f"{path} lacks {file.path}.", _AGAIN)
        if members[file.path].file_size != file.file.size:
            raise _damaged(path, file.path)
    unknown = sorted(set(members) - set(listed) - {MANIFEST})
    if unknown:
        raise strange_member(path, unknown[0], f"is not named by {MANIFEST}")


def _refuse_lacking(path: Path, manifest: ArchiveManifest) -> None:
    """Refuse a manifest that speaks of bytes and lists no file with them."""
    listed = {file.file.digest for file in manifest.files}
    named = set(_digests(manifest.model_dump(exclude={"files"})))
    lacking = sorted(named - listed - _withheld(manifest))
    if lacking:
        raise CommandError(f"{path} lacks {lacking[0]}, which its {MANIFEST} names.", _AGAIN)


def _withheld(manifest: ArchiveManifest) -> set[str]:
    """Name the bytes that a public archive may lack: its organizers' own metrics are theirs."""
    if manifest.kind is not ArchiveKind.PUBLIC:
        return set()
    return {
        file.digest
        for task in manifest.challenge.tasks
        for metric in task.metrics
        if metric.custom is not None
        for file in metric.custom.content
    }


def _digests(value: Any) -> Iterator[str]:
    """Find every reference to a file in a document, however deep."""
    if isinstance(value, dict):
        if value.keys() == FileRef.model_fields.keys():
            yield value["digest"]
        for inner in value.values():
            yield from _digests(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _digests(inner)


def _damaged(path: Path, name: str) -> CommandError:
    what = "cannot be read" if name == MANIFEST else f"is not what {MANIFEST} says"
    return CommandError(f"{path} is damaged: {name} {what}.", _AGAIN)
