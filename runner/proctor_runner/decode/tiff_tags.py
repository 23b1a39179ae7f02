"""Reads how a TIFF says that it stores its numbers, which ITK does not tell.

Numbers are those of the first directory, and a file that has none gets no opinion: ITK has one.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

BITS, PHOTOMETRIC, SAMPLES, SAMPLE_FORMAT = 258, 262, 277, 339
PALETTE, FLOATING_POINT = 3, 3

_ORDERS = {b"II": "<", b"MM": ">"}
# Per version: the offset of the directory, the count of its entries, and one of them.
_LAYOUTS = {42: (4, "I", "H", "HHIH2x"), 43: (8, "Q", "Q", "HHQH6x")}
_SHORT = 3
_MOST_ENTRIES = 4096

MOST_PAGES = 10_000
"""Most pages that a picture may have."""


def has_an_end(path: Path) -> bool:
    """Tell whether its directories, one a page, end after at most `MOST_PAGES`."""
    seen: set[int] = set()
    with path.open("rb") as stream:
        try:
            order, version, offset = _first_directory(stream)
            offset_type = order + _LAYOUTS[version][1]
            while offset and offset not in seen and len(seen) < MOST_PAGES:
                seen.add(offset)
                entry, count = _at_directory(stream, order, version, offset)
                stream.seek(count * entry.size, os.SEEK_CUR)
                (offset,) = struct.unpack(offset_type, stream.read(struct.calcsize(offset_type)))
        except (struct.error, KeyError, OSError, OverflowError, ValueError):
            return True
    return offset == 0


def first_shorts(path: Path) -> dict[int, int]:
    """Return the single 16 bit values of the first directory by their tags."""
    with path.open("rb") as stream:
        try:
            order, version, offset = _first_directory(stream)
            entry, count = _at_directory(stream, order, version, offset)
            entries = stream.read(min(count, _MOST_ENTRIES) * entry.size)
        except (struct.error, KeyError, OSError, OverflowError, ValueError):
            return {}
    whole = entries[: len(entries) // entry.size * entry.size]
    return {
        tag: value
        for tag, kind, values, value in entry.iter_unpack(whole)
        if kind == _SHORT and values == 1
    }


def _first_directory(stream: BinaryIO) -> tuple[str, int, int]:
    """Return the order of bytes, the version, and where the first directory is."""
    start = stream.read(16)
    order = _ORDERS.get(start[:2], "<")
    (version,) = struct.unpack_from(order + "H", start, 2)
    place, offset_type, *_ = _LAYOUTS[version]
    (offset,) = struct.unpack_from(order + offset_type, start, place)
    return order, version, offset


def _at_directory(
    stream: BinaryIO, order: str, version: int, offset: int
) -> tuple[struct.Struct, int]:
    """Go to the entries of a directory; return what one is like and how many there are."""
    _, _, count_type, entry_type = _LAYOUTS[version]
    stream.seek(offset)
    (count,) = struct.unpack(order + count_type, stream.read(struct.calcsize(order + count_type)))
    return struct.Struct(order + entry_type), count
