"""A zip as a stream: stored members, fixed times, one part in memory at a time.

The same members give the same bytes. Nothing is compressed: models and images are already, and a
stored member is the file itself, at whatever size (ZIP64 from 2 GiB on).
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

_CHUNK_BYTES = 1 << 20
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)
_REGULAR_FILE = 0o100644 << 16
_UNIX = 3


@dataclass(frozen=True)
class Member:
    """A file of the zip: where it lies, its size, and how to read it from the start."""

    path: str
    size: int
    open: Callable[[], BinaryIO]


class _Outgoing:
    """Takes what is written until it is collected; it cannot seek, as no stream can."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, part: bytes) -> int:
        self._parts.append(bytes(part))
        return len(part)

    def flush(self) -> None:
        """Keep what is there for ``collect``."""

    def collect(self) -> bytes:
        found, self._parts = b"".join(self._parts), []
        return found


def zip_stream(members: Iterable[Member], offset: int = 0) -> Iterator[bytes]:
    """Yield the bytes of a zip of these members, in their order, from ``offset`` on."""
    for part in _whole(members):
        if offset < len(part):
            yield part[offset:]
        offset = max(0, offset - len(part))


def _whole(members: Iterable[Member]) -> Iterator[bytes]:
    outgoing = _Outgoing()
    with zipfile.ZipFile(outgoing, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[call-overload]  # it needs write and flush alone
        for member in members:
            entry = zipfile.ZipInfo(member.path, _FIRST_DAY)
            entry.external_attr, entry.create_system = _REGULAR_FILE, _UNIX
            entry.file_size = member.size
            with archive.open(entry, "w") as target, member.open() as source:
                while chunk := source.read(_CHUNK_BYTES):
                    target.write(chunk)
                    yield outgoing.collect()
    yield outgoing.collect()
