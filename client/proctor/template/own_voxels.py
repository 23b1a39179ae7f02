"""Tells volumes that hold their own voxels from those whose header leads to another file.

MetaImage and NRRD may name any file of the machine that reads them. Their libraries are forgiving
readers (a colon for an equals sign, a carriage return for the end of a line, a name that ends where
a number does), so a header is not read as they would: what cannot be there is looked for.
"""

from __future__ import annotations

import mmap
import re
from pathlib import Path

MOST_HEADER_BYTES = 1 << 20

_PLACE = b"ElementDataFile"
_LOCAL = re.compile(rb"(?:^|\n)ElementDataFile[ \t]*=[ \t]*(?:LOCAL|Local|local)[ \t]*\r?\n")
_LINE_END = re.compile(b"\r\n|\r|\n")


def holds_own_voxels(path: Path) -> bool:
    """Return whether a MetaImage or NRRD file can lead its library to no file but itself."""
    if path.stat().st_size == 0:
        return True
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        if whole[:4] == b"NRRD":
            try:
                fields = nrrd_fields(whole[:MOST_HEADER_BYTES])
            except ValueError:
                return False
            return all(key != "datafile" for key, _ in fields)
        # Only this word, spelled so, names a place: what else a header says cannot matter then,
        # nor where the library believes that it ends.
        first = whole.find(_PLACE)
        return (
            first >= 0
            and whole.find(_PLACE, first + 1) < 0
            and _LOCAL.match(whole, max(first - 1, 0)) is not None
        )


def nrrd_fields(head: bytes) -> list[tuple[str, str]]:
    """Return names, in small letters without spaces, and values of all that a NRRD header says.

    A pair of a stranger's own (``name:=value``) counts as well: what looks like one may be a field.

    Args:
        head: The first ``MOST_HEADER_BYTES`` of the file.

    Raises:
        ValueError: The header goes on after them.
    """
    fields: list[tuple[str, str]] = []
    for line in _LINE_END.split(head)[1:]:
        if not line:
            return fields
        if not line.startswith(b"#"):
            key, _, value = line.decode("latin-1").partition(":")
            fields.append(("".join(key.lower().split()), value.strip()))
    if len(head) >= MOST_HEADER_BYTES:
        raise ValueError(f"its header is longer than {MOST_HEADER_BYTES} bytes")
    return fields
