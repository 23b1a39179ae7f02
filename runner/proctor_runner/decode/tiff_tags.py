"""Reads how a TIFF says that it stores its numbers, which ITK does not tell.

It follows the first directory alone, and gives no opinion on a file that has none: ITK has.
"""

from __future__ import annotations

import struct
from pathlib import Path

BITS, PHOTOMETRIC, SAMPLES, SAMPLE_FORMAT = 258, 262, 277, 339
PALETTE, FLOATING_POINT = 3, 3

_ORDERS = {b"II": "<", b"MM": ">"}
# Per version: the offset of the directory, the count of its entries, and one of them.
_LAYOUTS = {42: (4, "I", "H", "HHIH2x"), 43: (8, "Q", "Q", "HHQH6x")}
_SHORT = 3
_MOST_ENTRIES = 4096


def first_shorts(path: Path) -> dict[int, int]:
    """Return the single 16 bit values of the first directory by their tags."""
    with path.open("rb") as stream:
        start = stream.read(16)
        order = _ORDERS.get(start[:2], "<")
        try:
            (version,) = struct.unpack_from(order + "H", start, 2)
            place, offset_type, count_type, entry_type = _LAYOUTS[version]
            (offset,) = struct.unpack_from(order + offset_type, start, place)
            stream.seek(offset)
            (count,) = struct.unpack(
                order + count_type, stream.read(struct.calcsize(order + count_type))
            )
            entry = struct.Struct(order + entry_type)
            entries = stream.read(min(count, _MOST_ENTRIES) * entry.size)
        except (struct.error, KeyError, OSError, OverflowError, ValueError):
            return {}
    whole = entries[: len(entries) // entry.size * entry.size]
    return {
        tag: value
        for tag, kind, values, value in entry.iter_unpack(whole)
        if kind == _SHORT and values == 1
    }
