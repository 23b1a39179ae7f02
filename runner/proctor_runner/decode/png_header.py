"""Reads how a PNG says that it stores its numbers, which ITK does not tell."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

GRAY, INDEXED = 0, 3
"""Two of the kinds of color: one number a pixel, or the number of a color."""

_SIGNATURE_BYTES = 8
_CHUNK = struct.Struct(">I4s")
_CHECKSUM_BYTES = 4
_HEADER = struct.Struct(">IIBB")
_MOST_CHUNKS = 1000


class PngHeader(NamedTuple):
    """What stands before the pixels; -1 where it is not to be read."""

    bits: int = -1
    color_type: int = -1
    says_significant_bits: bool = False


def read_png_header(path: Path) -> PngHeader:
    """Read the first chunk, and whether one of those before the pixels is ``sBIT``."""
    header = PngHeader()
    place = _SIGNATURE_BYTES
    with path.open("rb") as stream:
        for number in range(_MOST_CHUNKS):
            stream.seek(place)
            start = stream.read(_CHUNK.size)
            if len(start) < _CHUNK.size:
                break
            length, kind = _CHUNK.unpack(start)
            if number == 0:
                fields = stream.read(_HEADER.size)
                if kind != b"IHDR" or len(fields) < _HEADER.size:
                    break
                *_, bits, color_type = _HEADER.unpack(fields)
                header = PngHeader(bits, color_type)
            elif kind == b"sBIT":
                return header._replace(says_significant_bits=True)
            elif kind == b"IDAT":
                break
            place += _CHUNK.size + length + _CHECKSUM_BYTES
    return header
