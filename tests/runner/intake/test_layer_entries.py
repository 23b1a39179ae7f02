"""Layers whose headers programs read differently: what is checked must be what Docker unpacks.

Each hidden file here was found on disk by Docker 20.10 after Python's reader had seen another.
"""

from __future__ import annotations

import io
import tarfile
from typing import Any

import pytest

from proctor.spec.outcomes import Code, ParticipantError
from proctor_runner.intake.layer_entries import layer_entries
from proctor_runner.intake.scan import scan

END = bytes(2 * tarfile.BLOCKSIZE)
HIDDEN = "data/disk"


def header(name: str, kind: bytes = tarfile.REGTYPE, content: bytes = b"", **patch: Any) -> bytes:
    """Make one file; ``patch`` puts bytes at places of its header, ``at_124=b"..."``."""
    entry = tarfile.TarInfo(name)
    entry.type, entry.size = kind, len(content)
    block = bytearray(entry.tobuf(tarfile.USTAR_FORMAT))
    for where, value in patch.items():
        place = int(where.removeprefix("at_"))
        block[place : place + len(value)] = value
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + content + bytes(-len(content) % tarfile.BLOCKSIZE)


def record(key: bytes, value: bytes, sign: bytes = b"") -> bytes:
    """Make a record of an extended header, shorter than a hundred bytes."""
    said = b" %s=%s\n" % (key, value)
    return sign + b"%d" % (len(sign) + 2 + len(said)) + said


def extended(*records: bytes, kind: bytes = tarfile.XHDTYPE) -> bytes:
    return header("pax", kind, b"".join(records))


DEVICE = header(HIDDEN, tarfile.BLKTYPE)
FINE = record(b"path", b"dev/in-its-place")


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (extended(FINE, kind=tarfile.XGLTYPE) + DEVICE, "a global header that names files"),
        (extended(b"8 path=\n") + DEVICE, "'path' is empty or holds a NUL"),
        (extended(b"x") + DEVICE, "list of records"),
        (extended(record(b"size", b"1234567") * 2) + DEVICE, "'size' twice in one header"),
        (
            extended(record(b"linkpath", b"a\0bcdefg")) + DEVICE,
            "'linkpath' is empty or holds a NUL",
        ),
        (extended(record(b"size", b"1_000_000")) + DEVICE, "a header whose size is b'1_000_000'"),
        (extended(record(b"path", HIDDEN.encode(), b"+")) + DEVICE, "no list of records"),
        (
            extended(FINE) + header("long", tarfile.GNUTYPE_LONGNAME, b"data/disk\0") + DEVICE,
            "two headers that say the same",
        ),
        (extended(FINE) + extended(record(b"uname", b"nobody")) + DEVICE, "two headers"),
        (header("long", tarfile.GNUTYPE_LONGNAME, b"\0") + DEVICE, "an empty name"),
        (
            extended(FINE) + extended(record(b"comment", b"x"), kind=tarfile.XGLTYPE) + DEVICE,
            "a global header between a file and its own header",
        ),
        (
            header("a", at_124=b"\x000001000\0\0\0\0") + header("cover", content=DEVICE),
            "a file of the size b'\\x000001000",
        ),
        (header("a", at_124=b"0o17 "), "a file of the size b'0o17 "),
        (header("disk", tarfile.BLKTYPE, at_257=bytes(8), at_345=b"dev"), "whose first part"),
        (header("disk", tarfile.BLKTYPE, at_257=b"ustar  \0", at_345=b"dev"), "whose first part"),
        (header("a", at_508=b"tar\0", at_345=b"dev"), "whose first part"),
        (header("a") + bytes(512) + DEVICE, "files after its end"),
        (header("a", b"7"), "no kind of file: b'7'"),
        (header("a", tarfile.SOLARIS_XHDTYPE), "no kind of file: b'X'"),
        (header("a", at_124=b"\xff" * 12), "no possible size"),
        (header("a") + header("b")[:148] + b"0" * 364, "the sum over a header is wrong"),
        (extended(FINE), "ends after a header"),
        (header("a", content=b"b" * 600)[:1000], "cut off"),
    ],
)
def test_a_layer_that_hides_a_file_from_who_checks_it_is_refused(
    make_image: Any, layer: bytes, expected: str
) -> None:
    image = make_image((layer + (b"" if expected == "cut off" else END),))

    with pytest.raises(ParticipantError) as caught:
        scan(image.content, image.open_blob, machine="x86_64")

    assert caught.value.code is Code.IMAGE_REJECTED
    assert expected in caught.value.detail


def test_headers_without_an_end_are_refused_and_no_crash(make_image: Any) -> None:
    """Python's reader calls itself for each, and failed at the thousandth: a fault of ours."""
    image = make_image((extended(FINE) * 3000 + DEVICE + END,))

    with pytest.raises(ParticipantError, match="two headers"):
        scan(image.content, image.open_blob, machine="x86_64")


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_honest_layers_are_read_as_before(form: int) -> None:
    long = "" if form == tarfile.USTAR_FORMAT else "l" * 300
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as archive:
        for number, (name, kind, link, size) in enumerate(
            [
                ("usr", tarfile.DIRTYPE, "", 0),
                ("usr/lib/" + "d" * 120 + "/file", tarfile.REGTYPE, "", 700),
                (f"usr/Grüße{long}", tarfile.REGTYPE, "", 512),
                ("bin", tarfile.SYMTYPE, f"usr/bin{long}", 0),
                ("hard", tarfile.LNKTYPE, "usr", 0),
                ("dev/null", tarfile.CHRTYPE, "", 0),
                ("empty", tarfile.AREGTYPE, "", 0),
            ]
        ):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname, entry.size = kind, link, size
            entry.mtime = number + (0 if form == tarfile.USTAR_FORMAT else 0.5)
            archive.addfile(entry, io.BytesIO(bytes(size)))
    stream.seek(0)
    with tarfile.open(fileobj=stream) as archive:
        before = [(e.name, e.isreg(), e.isdir(), e.linkname, e.size) for e in archive]

    stream.seek(0)
    found = [
        (e.name.rstrip("/"), e.isreg(), e.isdir(), e.linkname, e.size)
        for e in layer_entries(stream.read)
    ]

    assert found == before
    assert len(found) == 7


def test_a_global_header_that_says_nothing_of_files_passes() -> None:
    noted = extended(record(b"comment", b"made by git"), kind=tarfile.XGLTYPE)

    names = [entry.name for entry in layer_entries(io.BytesIO(noted + header("a") + END).read)]

    assert names == ["pax", "a"]
