"""Maps of labels and of objects, and outlines, on the grid of a picture or an array."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from PIL import Image

from proctor_runner.decode.contour import read_contours
from proctor_runner.decode.errors import InvalidOutputError
from proctor_runner.decode.instances import read_instances
from proctor_runner.decode.mask import read_mask
from proctor_runner.decode.on_grid import open_grid
from proctor_runner.mask_reference import load_mask

MASK = np.array([[0, 1, 1, 0], [0, 2, 1, 0], [2, 2, 0, 0]], np.uint8)
PAGES = np.stack([MASK, MASK[::-1]])

Write = Callable[[Path], object]


def picture(numbers: np.ndarray, mode: str | None = None) -> Write:
    return lambda path: Image.fromarray(numbers, mode).save(path)


def pages(numbers: np.ndarray) -> Write:
    return lambda path: SimpleITK.WriteImage(SimpleITK.GetImageFromArray(numbers), str(path))


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def few_bits(path: Path) -> None:
    """Write a PNG of two bits a pixel, as pillow does not."""

    rows = b"".join(
        b"\0" + bytes([sum(int(value) << (6 - 2 * place) for place, value in enumerate(row))])
        for row in MASK
    )
    header = struct.pack(">IIBBBBB", 4, 3, 2, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@pytest.fixture
def grid(tmp_path: Path):
    """The grid of a picture in colors, of one in gray pages, or of an array."""
    Image.fromarray(np.zeros((3, 4, 3), np.uint8)).save(tmp_path / "slide.png")
    Image.fromarray(np.zeros((3, 4, 3), np.uint8)).save(tmp_path / "photo.jpg")
    np.save(tmp_path / "slide.npy", np.zeros((3, 4), np.uint8))
    pages(np.zeros((2, 3, 4), np.uint8))(tmp_path / "stack.tif")
    return lambda name: open_grid(tmp_path / name, name)


@pytest.mark.parametrize("on", ["slide.png", "photo.jpg", "slide.npy"])
@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("mask.png", picture(MASK)),
        ("mask.png", picture(MASK.astype(np.uint16))),
        ("mask.png", few_bits),
        ("mask.tif", picture(MASK)),
        ("mask.tiff", picture(MASK.astype(np.float32))),
        ("mask.npy", lambda path: np.save(path, MASK)),
        ("mask.npy", lambda path: np.save(path, MASK.astype(">i8"))),
        ("mask.npy", lambda path: np.save(path, np.asfortranarray(MASK.astype(np.float64)))),
    ],
)
def test_a_mask_of_a_picture_has_one_number_a_pixel(
    tmp_path: Path, grid, on: str, name: str, write: Write
) -> None:
    write(tmp_path / name)
    found = read_mask(tmp_path / name, name, grid(on), "slide", [1, 2])
    assert (found.dtype, found.flags.c_contiguous) == (np.uint8, True)
    assert (found == MASK).all()
    reference = load_mask(tmp_path / name, Path(name).suffix)
    assert (np.asarray(reference.values) == MASK).all()
    assert reference.spacing_mm == (1.0, 1.0)


def test_black_and_white_is_a_mask_of_one_label(tmp_path: Path, grid) -> None:
    picture(MASK > 0)(tmp_path / "mask.png")
    found = read_mask(tmp_path / "mask.png", "mask.png", grid("slide.png"), "slide", [1])
    assert (found == (MASK > 0)).all()


def test_an_array_of_true_and_false_is_a_mask_of_one_label(tmp_path: Path, grid) -> None:
    path = tmp_path / "mask.npy"
    np.save(path, MASK > 0)
    found = read_mask(path, "mask.npy", grid("slide.npy"), "slide", [1])
    assert (found.dtype, found.tolist()) == (np.uint8, (MASK > 0).tolist())
    path.write_bytes(path.read_bytes()[:-1] + b"\7")
    with pytest.raises(InvalidOutputError, match=r"holds the label 7; the task knows 0, 1\."):
        read_mask(path, "mask.npy", grid("slide.npy"), "slide", [1])


def test_pages_are_a_mask_of_pages(tmp_path: Path, grid) -> None:
    pages(PAGES)(tmp_path / "mask.tif")
    found = read_mask(tmp_path / "mask.tif", "mask.tif", grid("stack.tif"), "stack", [1, 2])
    assert (found == PAGES).all()


def test_objects_of_a_picture_have_numbers_of_sixteen_bits(tmp_path: Path, grid) -> None:
    objects = MASK.astype(np.uint16) * 1000 + (MASK > 0)
    picture(objects)(tmp_path / "cells.png")
    found = read_instances(
        tmp_path / "cells.png", "cells.png", grid("slide.png"), "slide", [1, 2], 1000
    )
    assert (found == objects).all()


def significant_bits(path: Path) -> None:
    """Write a PNG whose numbers are of 8 bits, of which it says that two count."""
    picture(MASK)(path)
    content = path.read_bytes()
    path.write_bytes(content[:33] + chunk(b"sBIT", b"\x02") + content[33:])


def in_circles(path: Path) -> None:
    """Write a TIFF whose only page is followed by itself."""
    picture(MASK)(path)
    content = bytearray(path.read_bytes())
    (place,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, place)
    struct.pack_into("<I", content, place + 2 + count * 12, place)
    path.write_bytes(content)


def palette(path: Path) -> None:
    drawn = Image.fromarray(MASK, "P")
    drawn.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    drawn.save(path)


def tiff(*more: tuple[int, int], of: bytes = MASK.tobytes(), packed: str = "<") -> Write:
    """Write a TIFF of one strip, with the shorts that ``more`` says beside what it needs."""
    shorts = {256: 4, 257: 3, 258: 8, 259: 1, 262: 1, 277: 1, 278: 3} | dict(more)
    entries = [struct.pack(packed + "HHIH2x", tag, 3, 1, shorts[tag]) for tag in shorts]
    place = 8 + 2 + 12 * (len(shorts) + 2) + 4
    for tag, value in ((273, place), (279, len(of))):
        entries.append(struct.pack(packed + "HHII", tag, 4, 1, value))
    entries.sort(key=lambda entry: struct.unpack_from(packed + "H", entry))
    start = (b"II" if packed == "<" else b"MM") + struct.pack(packed + "HI", 42, 8)
    listed = struct.pack(packed + "H", len(entries)) + b"".join(entries) + bytes(4)
    return lambda path: path.write_bytes(start + listed + of)


@pytest.mark.parametrize("packed", ["<", ">"])
def test_a_plain_tiff_is_a_mask_in_either_byte_order(tmp_path: Path, grid, packed: str) -> None:
    tiff(packed=packed)(tmp_path / "m.tif")
    found = read_mask(tmp_path / "m.tif", "m.tif", grid("slide.png"), "slide", [1, 2])
    assert (found == MASK).all()


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (palette, "m.tif holds a palette of colors; expected one number a pixel"),
        (
            tiff((258, 16), (339, 3), of=MASK.astype("<f2").tobytes()),
            "m.tif holds numbers of half precision; expected single precision.",
        ),
        (
            tiff((258, 16), (339, 3), of=MASK.astype(">f2").tobytes(), packed=">"),
            "m.tif holds numbers of half precision; expected single precision.",
        ),
        (picture(MASK > 0), "m.tif is stored in tiles, turned, or in bits that fill no byte;"),
        (
            tiff((277, 2), (338, 2), of=np.dstack([MASK, MASK]).tobytes()),
            "m.tif holds 2 numbers a pixel in a form that cannot be read;",
        ),
        (
            tiff((274, 6)),
            "m.tif is stored in tiles, turned, or in bits that fill no byte;",
        ),
    ],
)
def test_a_tiff_whose_numbers_would_be_read_as_others_is_refused(
    tmp_path: Path, grid, write: Write, said: str
) -> None:
    write(tmp_path / "m.tif")
    with pytest.raises(InvalidOutputError) as caught:
        read_mask(tmp_path / "m.tif", "m.tif", grid("slide.png"), "slide", [1, 2])
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("name", "write", "said"),
    [
        ("m.png", significant_bits, "m.png says in sBIT how many bits of its numbers count;"),
        ("m.tif", in_circles, "m.tif has pages that lead back to earlier ones"),
        ("m.png", palette, "m.png holds a palette of colors; expected one number a pixel"),
        ("m.png", picture(np.zeros((3, 4, 3), np.uint8)), "m.png holds 3 numbers a pixel;"),
        ("m.png", picture(MASK.T.copy()), "m.png has shape (4, 3); expected (3, 4), that of"),
        ("m.png", picture(MASK * 100), "m.png holds the label 200; the task knows 0, 1, 2."),
        ("m.npy", lambda path: np.save(path, MASK[None]), "m.npy has shape (1, 3, 4); expected"),
        ("m.npy", lambda path: np.save(path, MASK.astype("c8")), "m.npy holds values of type"),
        ("m.tif", picture((MASK / 2).astype(np.float32)), "m.tif holds 0.5 in 3 of 12 voxels"),
        ("m.nii", lambda path: path.write_bytes(b"?"), "m.nii is a volume; expected one of shape"),
    ],
)
def test_what_is_no_mask_of_the_picture_is_refused_by_name(
    tmp_path: Path, grid, name: str, write: Write, said: str
) -> None:
    write(tmp_path / name)
    with pytest.raises(InvalidOutputError) as caught:
        read_mask(tmp_path / name, name, grid("slide.png"), "slide", [1, 2])
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (palette, "is no map of labels (mask.png holds a palette of colors"),
        (picture(np.zeros((3, 4, 3), np.uint8)), "is no map of labels (mask.png holds 3 numbers"),
    ],
)
def test_an_organizer_is_told_what_a_map_of_colors_lacks(
    tmp_path: Path, write: Write, said: str
) -> None:
    write(tmp_path / "a.png")
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the sentence is compared below
        load_mask(tmp_path / "a.png", ".png")
    assert str(caught.value).startswith(said)


def test_outlines_on_a_picture_go_along_its_rows_first(tmp_path: Path, grid) -> None:
    square = [[1, 0], [3, 0], [3, 2], [1, 2]]
    (tmp_path / "a.json").write_text(json.dumps([{"label": "cell", "points": square}]))
    labels = {"cell": 1, "1": 1}
    found = read_contours(tmp_path / "a.json", "a.json", grid("slide.png"), "slide", labels)
    assert found.tolist() == [[0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    deep = [{"points": [[*point, 1] for point in square]}]
    (tmp_path / "a.json").write_text(json.dumps(deep))
    found = read_contours(tmp_path / "a.json", "a.json", grid("stack.tif"), "stack", labels)
    assert not found[0].any()
    assert found[1].sum() == 4
