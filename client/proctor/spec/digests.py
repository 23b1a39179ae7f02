"""Digests: how bytes, files, folders and documents get their identity.

A folder's digest ignores times and owners: it is the digest of the canonical JSON of
``[[path, executable, size, sha256], …]`` sorted by the UTF-8 bytes of the path.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from pydantic import Field, ValidationError, field_validator

from proctor.spec.base import FileRef, Spec

_CHUNK_BYTES = 1 << 20
_MOST_NAME_BYTES = 255


class FolderError(ValueError):
    """A folder holds something that has no digest: a link, a device, an unreadable name."""


class FolderEntry(Spec):
    """One file of a folder."""

    path: str = Field(min_length=1, max_length=512)
    executable: bool = False
    file: FileRef

    @field_validator("path")
    @classmethod
    def _stays_inside(cls, path: str) -> str:
        parts = PurePosixPath(path).parts
        try:
            path.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"{path!r} is no name in UTF-8") from error
        bad = path != "/".join(parts) or path.startswith("/") or ".." in parts
        if bad or any(ord(character) < 32 or character == "\\" for character in path):
            raise ValueError(f"{path!r} is not a plain relative path with forward slashes")
        if any(len(part.encode()) > _MOST_NAME_BYTES for part in parts):
            raise ValueError(f"{path!r} has a name of more than {_MOST_NAME_BYTES} bytes")
        return path


def digest_bytes(content: bytes) -> str:
    """Return the digest of ``content``."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def digest_stream(stream: BinaryIO) -> FileRef:
    """Read ``stream`` to its end and return its digest and size."""
    state, size = hashlib.sha256(), 0
    while chunk := stream.read(_CHUNK_BYTES):
        state.update(chunk)
        size += len(chunk)
    return FileRef(digest=f"sha256:{state.hexdigest()}", size=size)


def digest_file(path: Path) -> FileRef:
    """Return the digest and size of the file at ``path``."""
    with path.open("rb") as stream:
        return digest_stream(stream)


def canonical_json(document: object) -> bytes:
    """Write ``document`` with sorted keys, no spaces, in UTF-8, refusing NaN and infinity."""
    text = json.dumps(
        document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def digest_document(document: object) -> str:
    """Return the digest of the canonical JSON of ``document``."""
    return digest_bytes(canonical_json(document))


def digest_entries(entries: Iterable[FolderEntry]) -> str:
    """Return the digest of a folder given as its entries."""
    ordered = sorted(entries, key=lambda entry: entry.path.encode())
    return digest_document(
        [
            [e.path, e.executable, e.file.size, e.file.digest.removeprefix("sha256:")]
            for e in ordered
        ]
    )


def read_folder(folder: Path) -> tuple[FolderEntry, ...]:
    """List every file below ``folder`` with its digest, sorted by path.

    Files and folders whose name starts with a dot and ``__pycache__`` are left out.

    Raises:
        FolderError: a link or a special file lies in the folder, or a name cannot be taken along.
    """
    entries = []
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(n for n in folders if not n.startswith(".") and n != "__pycache__")
        for name in [*folders, *files]:
            if (Path(root) / name).is_symlink():
                raise FolderError(f"{Path(root) / name} is a link; copy the file in its place")
        for name in files:
            path = Path(root) / name
            if name.startswith("."):
                continue
            if not path.is_file():
                raise FolderError(f"{path} is not a regular file; remove it")
            executable = bool(path.stat().st_mode & 0o100)
            relative = path.relative_to(folder).as_posix()
            file = digest_file(path)
            try:
                entries.append(FolderEntry(path=relative, executable=executable, file=file))
            except ValidationError as error:
                raise FolderError(f"{_reason(error)}; give it another name") from error
    return tuple(sorted(entries, key=lambda entry: entry.path.encode()))


def _reason(error: ValidationError) -> str:
    return error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
