"""Reads what is in a layer as the engine reads it, and refuses what programs read differently.

What comes onto the disk is decided by the reader of tar archives that Docker is made with, Go's.
Python's own differs from it: it has global headers name every file after them, takes a field that
starts with a NUL for nothing, an empty ``size`` or ``path`` for a value, a prefix for a name
whatever the format, and stops without a word where a header is damaged. Each of these hid files
from who checked that the engine then unpacked. So headers are taken apart here by Go's rules, and
what has no one meaning is refused: no program that makes layers writes it.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from proctor_runner.intake.rules import reject

if TYPE_CHECKING:
    from proctor.spec.outcomes import ParticipantError

_BLOCK = tarfile.BLOCKSIZE
_CHUNK_BYTES = 1 << 20
_MOST_HEADER_BYTES = 1 << 20
_ZEROS = bytes(_BLOCK)

_LONG = {tarfile.GNUTYPE_LONGNAME: "path", tarfile.GNUTYPE_LONGLINK: "linkpath"}
_WITHOUT_CONTENT = frozenset(
    (
        *(tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE),
        *(tarfile.DIRTYPE, tarfile.FIFOTYPE),
    )
)
_FILES = frozenset((tarfile.REGTYPE, tarfile.AREGTYPE)) | _WITHOUT_CONTENT
_MEANT = frozenset(("path", "linkpath", "size"))
_SPARSE = "GNU.sparse."

_OCTAL = re.compile(rb" *([0-7]*)[ \0]*")
_RECORD = re.compile(rb"([1-9][0-9]{0,8}) ([^=\0]+)=")


@dataclass
class _Pending:
    """What headers of their own say about the file that follows them."""

    records: dict[str, str] = field(default_factory=dict)
    kinds: set[bytes] = field(default_factory=set)


def layer_entries(read: Callable[[int], bytes]) -> Iterator[tarfile.TarInfo]:
    """Yield every file of a layer, and global headers, in their order.

    Of a file there are its name, kind, link, the size of its content and its attributes.

    Args:
        read: gives the next bytes of the uncompressed layer, at most so many; none at its end.

    Raises:
        ParticipantError: IMAGE_REJECTED: no whole archive, or one without one meaning.
    """
    pending = _Pending()
    while (block := _exactly(read, _BLOCK, at_end=not pending.kinds)) not in (b"", _ZEROS):
        _check_sum(block)
        kind = block[156:157]
        size = _size(block)
        if kind == tarfile.GNUTYPE_SPARSE:
            raise reject("A layer holds a sparse file; Docker does not write such layers.")
        if kind == tarfile.XHDTYPE or kind in _LONG:
            _take(pending, kind, _header(read, size))
            continue
        entry = tarfile.TarInfo(_name(block))
        entry.type, entry.linkname = kind, _text(block[157:257])
        if kind == tarfile.XGLTYPE:
            if pending.kinds:
                raise _ambiguous("a global header between a file and its own header")
            entry.pax_headers = _global(_header(read, size))
            yield entry
            continue
        if kind not in _FILES:
            raise reject(f"A layer holds {entry.name[:100]!r}, which is no kind of file: {kind!r}.")
        _apply(entry, pending.records, size)
        pending = _Pending()
        yield entry
        _skip(read, -(-entry.size // _BLOCK) * _BLOCK)
    if pending.kinds:
        raise _damaged("it ends after a header")
    if block and _exactly(read, _BLOCK, at_end=True) not in (b"", _ZEROS):
        raise _ambiguous("files after its end")


def _apply(entry: tarfile.TarInfo, records: Mapping[str, str], size: int) -> None:
    """Have the headers before a file say what they say of it."""
    entry.name = records.get("path", entry.name)
    entry.linkname = records.get("linkpath", entry.linkname)
    entry.size = int(records.get("size", size))
    entry.pax_headers = dict(records)
    if entry.type == tarfile.AREGTYPE:
        entry.type = tarfile.DIRTYPE if entry.name.endswith("/") else tarfile.REGTYPE
    if entry.type in _WITHOUT_CONTENT:
        entry.size = 0


def _take(pending: _Pending, kind: bytes, content: bytes) -> None:
    """Keep what a header says of the file after it: once, and in one of the two ways."""
    if kind in pending.kinds or (tarfile.XHDTYPE in {kind, *pending.kinds} and pending.kinds):
        raise _ambiguous("two headers that say the same of one file")
    pending.kinds.add(kind)
    if kind in _LONG:
        if not (text := _text(content)):
            raise _ambiguous("an empty name")
        pending.records[_LONG[kind]] = text
        return
    pending.records |= _records(content)


def _records(content: bytes) -> dict[str, str]:
    records: dict[str, str] = {}
    place = 0
    while place < len(content):
        found = _RECORD.match(content, place)
        end = place + int(found[1]) if found else 0
        if found is None or not found.end() < end <= len(content) or content[end - 1] != ord("\n"):
            raise _damaged("an extended header is no list of records")
        key, value = _decoded(found[2]), content[found.end() : end - 1]
        if key in records:
            raise _ambiguous(f"{key[:60]!r} twice in one header")
        if key in _MEANT and (not value or b"\0" in value):
            raise _ambiguous(f"a header whose {key!r} is empty or holds a NUL")
        if key == "size" and not (value.isdigit() and len(value) < 19):
            raise _ambiguous(f"a header whose size is {value[:20]!r}")
        records[key] = _decoded(value)
        place = end
    return records


def _global(content: bytes) -> dict[str, str]:
    records = _records(content)
    if any(key in _MEANT or key.startswith(_SPARSE) for key in records):
        raise _ambiguous("a global header that names files")
    return records


def _name(block: bytes) -> str:
    name, prefix = _text(block[:100]), block[345:500]
    if not prefix.strip(b"\0"):
        return name
    if block[257:263] != b"ustar\0" or block[508:512] == b"tar\0":
        raise _ambiguous("a name whose first part is not of its format")
    return f"{_text(prefix)}/{name}"


def _size(block: bytes) -> int:
    digits = block[124:136]
    if digits[0] & 0x80:
        size = int.from_bytes(digits[1:], "big")
        if digits[0] != 0x80 or size >= 1 << 63:
            raise _damaged("a file has no possible size")
        return size
    found = _OCTAL.fullmatch(digits)
    if found is None:
        raise _ambiguous(f"a file of the size {digits!r}")
    return int(found[1] or b"0", 8)


def _check_sum(block: bytes) -> None:
    found = _OCTAL.fullmatch(block[148:156])
    if found is None or int(found[1] or b"0", 8) not in tarfile.calc_chksums(block):  # type: ignore[attr-defined]
        raise _damaged("the sum over a header is wrong")


def _header(read: Callable[[int], bytes], size: int) -> bytes:
    """Read the content of a header as a whole."""
    if size > _MOST_HEADER_BYTES:
        raise reject(f"A layer holds a header of {size} bytes.")
    return _exactly(read, -(-size // _BLOCK) * _BLOCK)[:size]


def _exactly(read: Callable[[int], bytes], size: int, *, at_end: bool = False) -> bytes:
    """Read so many bytes; none at all are a good end where one may be."""
    content = b""
    while len(content) < size and (chunk := read(size - len(content))):
        content += chunk
    if len(content) < size and (content or not at_end):
        raise _damaged("it was cut off")
    return content


def _skip(read: Callable[[int], bytes], size: int) -> None:
    while size:
        size -= len(_exactly(read, min(size, _CHUNK_BYTES)))


def _text(content: bytes) -> str:
    return _decoded(content.partition(b"\0")[0])


def _decoded(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def _ambiguous(what: str) -> ParticipantError:
    return reject(
        f"A layer holds {what}, which programs read differently; build the image with Docker, or"
        " pack its files anew."
    )


def _damaged(what: str) -> ParticipantError:
    return reject(f"A layer is not a whole tar archive: {what}.")
