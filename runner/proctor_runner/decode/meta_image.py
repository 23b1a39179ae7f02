"""Reads what a MetaImage (.mha) says of its voxels, before and beside SimpleITK.

Its library is a forgiving reader: it takes voxels from any place that a header names, and where a
packed stream ends before the voxels do it leaves their memory as it was, so that an answer would
hold what another had there before.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

from proctor.template.own_voxels import MOST_HEADER_BYTES, holds_own_voxels
from proctor_runner.decode.errors import InvalidOutputError

_CHUNK_BYTES = 1 << 20
_SHOWN_CHARACTERS = 60
_PACKED, _PACKED_SIZE = "compresseddata", "compresseddatasize"


@dataclass(frozen=True)
class MetaHeader:
    """What a header says.

    Attributes:
        sizes: Voxels along each axis.
        voxels_at: The first byte after the header.
        is_packed: Whether the voxels are one zlib stream.
        packed_bytes: How long it is said to be, as it is written; empty where that is not said.
    """

    sizes: tuple[int, ...]
    voxels_at: int
    is_packed: bool
    packed_bytes: str


def read_meta_header(path: Path, name: str) -> MetaHeader:
    """Read the header of a MetaImage; its voxels must follow right after it in the same file.

    Raises:
        InvalidOutputError: It cannot be read in one way alone.
    """
    fields: dict[str, str] = {}
    start = header_start(path, name)
    voxels_at = 0
    for line in start.decode("latin-1").split("\n"):
        voxels_at += len(line) + 1
        key, separator, value = line.partition("=")
        if not separator:
            raise InvalidOutputError(f"{name} has no MetaImage header.")
        key = key.strip().lower()
        if key in fields:
            raise InvalidOutputError(f"{name} gives {_shown(key)} twice in its header.")
        fields[key] = value.strip()
        if key == "elementdatafile":
            break
    if fields.get("elementdatafile") != "LOCAL":
        place = fields.get("elementdatafile", "no file")[:_SHOWN_CHARACTERS]
        raise InvalidOutputError(
            f"{name} keeps its voxels in {place!r}; expected ElementDataFile = LOCAL."
        )
    if not holds_own_voxels(path):
        raise InvalidOutputError(
            f"{name} says ElementDataFile twice, or not on a line of its own; expected"
            " ElementDataFile = LOCAL once."
        )
    if fields.get("elementnumberofchannels", "1") != "1":
        raise InvalidOutputError(f"{name} has several channels; expected one.")
    packed = fields.get(_PACKED, "False").lower()
    # The library sees these words in more places than a line that starts with them.
    said = start[:voxels_at].lower().count(_PACKED.encode())
    if packed not in ("true", "false") or said != (_PACKED in fields) + (_PACKED_SIZE in fields):
        raise InvalidOutputError(
            f"{name} does not say plainly whether it is packed; expected CompressedData = True or"
            " False on a line of its own."
        )
    if b"headersize" in start[:voxels_at].lower():
        raise InvalidOutputError(
            f"{name} says HeaderSize; expected its voxels right after the header."
        )
    sizes = sizes_of(fields.get("dimsize", ""), name)
    return MetaHeader(sizes, voxels_at, packed == "true", fields.get(_PACKED_SIZE, ""))


def check_packed(path: Path, name: str, header: MetaHeader, expected_bytes: int) -> None:
    """Check that packed voxels are as many bytes as were read, and not fewer.

    Raises:
        InvalidOutputError: They are not, or something follows them.
    """
    if not header.is_packed:
        return
    length = path.stat().st_size - header.voxels_at
    if header.packed_bytes and header.packed_bytes != str(length):
        said = header.packed_bytes[:_SHOWN_CHARACTERS]
        raise InvalidOutputError(
            f"{name} says {said!r} in CompressedDataSize; {length} bytes follow its header."
        )
    found = 0
    unpacker = zlib.decompressobj()
    with path.open("rb") as stream:
        stream.seek(header.voxels_at)
        try:
            while not unpacker.eof and found <= expected_bytes:
                chunk = unpacker.unconsumed_tail or stream.read(_CHUNK_BYTES)
                if not chunk:
                    break
                found += len(unpacker.decompress(chunk, _CHUNK_BYTES))
        except zlib.error:
            found = -1
    if found != expected_bytes or not unpacker.eof:
        have = "more" if found > expected_bytes else "fewer"
        raise InvalidOutputError(
            f"{name} is packed and holds {have} bytes of voxels than the {expected_bytes} that its"
            " header announces."
        )


def header_start(path: Path, name: str) -> bytes:
    """Return the bytes that the header of a MetaImage or NRRD must lie in.

    Raises:
        InvalidOutputError: The file is a packed one.
    """
    with path.open("rb") as stream:
        start = stream.read(MOST_HEADER_BYTES)
    if start[:2] == b"\x1f\x8b":
        raise InvalidOutputError(f"{name} is a gzip file; expected it unpacked.")
    return start


def sizes_of(text: str, name: str) -> tuple[int, ...]:
    """Return the sizes that a header announces.

    Raises:
        InvalidOutputError: They are no plain numbers.
    """
    parts = text.split()
    if not parts or not all(part.isdecimal() and len(part) < 10 for part in parts):
        raise InvalidOutputError(f"{name} announces the size {text[:_SHOWN_CHARACTERS]!r}.")
    return tuple(int(part) for part in parts)


def _shown(key: str) -> str:
    """Return the name of a field as it may stand in a sentence."""
    return (
        key
        if key.isidentifier() and len(key) <= _SHOWN_CHARACTERS
        else f"{key[:_SHOWN_CHARACTERS]!r}"
    )
