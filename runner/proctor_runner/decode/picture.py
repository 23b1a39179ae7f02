"""Opens pictures: what their header promises first, the numbers once that is accepted.

PNG and TIFF are answers as well, since they keep numbers as they are; JPEG is an input alone. A
picture of one channel has the axes rows and columns, of several also channels; a TIFF of several
pages has pages, rows and columns. A palette is read as its colors, not as its numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from proctor_runner.decode.errors import InvalidOutputError
from proctor_runner.decode.itk import itk_reader, numbers_of
from proctor_runner.decode.png_header import GRAY, INDEXED, read_png_header
from proctor_runner.decode.tiff_tags import (
    BITS,
    FLOATING_POINT,
    MOST_PAGES,
    PALETTE,
    PHOTOMETRIC,
    SAMPLE_FORMAT,
    SAMPLES,
    first_shorts,
    has_an_end,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PNG = ("PNGImageIO", (b"\x89PNG\r\n\x1a\n",))
_TIFF = ("TIFFImageIO", (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"))
_JPEG = ("JPEGImageIO", (b"\xff\xd8\xff",))
_READERS = {".png": _PNG, ".tif": _TIFF, ".tiff": _TIFF, ".jpg": _JPEG, ".jpeg": _JPEG}

PICTURE_SUFFIXES = tuple(_READERS)
"""What is in a file of one of these suffixes is a picture."""

_BYTE, _HALF = 8, 16


@dataclass(frozen=True)
class _Stored:
    """How a file stores its numbers, which ITK does not tell.

    Attributes:
        stretch: What ITK multiplies every number by.
        samples: How many a pixel has, where that is known.
        unlike: Why what is read would be other numbers; a phrase.
    """

    has_palette: bool = False
    stretch: int = 1
    samples: int | None = None
    unlike: str = ""


@dataclass(frozen=True)
class OpenedPicture:
    """A picture whose header was read; ``read`` returns its numbers in ``shape``.

    Attributes:
        channels: How many numbers a pixel has; where they are several they are the last axis.
        has_palette: Whether its file names colors by number.
        is_unpacked: Whether its file has one number a pixel, and only its colors can be read.
    """

    shape: tuple[int, ...]
    channels: int
    has_palette: bool
    is_unpacked: bool
    read: Callable[[], NDArray[np.generic]]

    @property
    def pixels(self) -> tuple[int, ...]:
        """Return the shape without channels."""
        return self.shape[:-1] if self.channels > 1 else self.shape


def open_picture(path: Path, name: str) -> OpenedPicture:
    """Read the header of the picture at ``path``.

    Args:
        name: What the file is called in sentences; its suffix tells the format.

    Raises:
        InvalidOutputError: It is no readable picture.
    """
    suffix = Path(name).suffix
    reader_name, signatures = _READERS[suffix]
    with path.open("rb") as stream:
        start = stream.read(8)
    if not start.startswith(signatures):
        raise InvalidOutputError(f"{name} is no {suffix} file.")
    stored = _STORED.get(reader_name, _as_read)(path, name)
    reader = itk_reader(path, reader_name)
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        raise InvalidOutputError(
            f"{name} has a broken header, or one of a kind that cannot be read, such as gray with"
            " transparency or whole numbers of 64 bits."
        ) from None
    shape = tuple(reversed(reader.GetSize()))
    channels = reader.GetNumberOfComponents()
    if channels > 1:
        shape = (*shape, channels)
    if len(shape) not in (2, 3):
        raise InvalidOutputError(
            f"{name} has the shape {shape}; expected one page, or pages of one channel."
        )
    if (stored.samples or 1) > 1 and channels == 1 and not stored.has_palette:
        raise InvalidOutputError(
            f"{name} holds {stored.samples} numbers a pixel in a form that cannot be read;"
            " expected one, or the colors of a pixel."
        )
    # Tiles, and bits that fill no byte, are read by ITK as red, green, blue and alpha.
    is_unpacked = stored.samples == 1 and channels > 1

    def read() -> NDArray[np.generic]:
        if stored.unlike:
            raise InvalidOutputError(f"{name} {stored.unlike}")
        try:
            numbers = np.asarray(numbers_of(reader))
        except RuntimeError:
            raise InvalidOutputError(
                f"{name} is cut off or packed in a way that cannot be read."
            ) from None
        if numbers.dtype.kind not in "iuf" or numbers.shape != shape:
            raise InvalidOutputError(
                f"{name} was read as {numbers.dtype} of shape {numbers.shape}; its header announces"
                f" {shape}."
            )
        return numbers if stored.stretch == 1 else numbers // numbers.dtype.type(stored.stretch)

    return OpenedPicture(shape, channels, stored.has_palette, is_unpacked, read)


def _as_read(_path: Path, _name: str) -> _Stored:
    return _Stored()


def _in_png(path: Path, name: str) -> _Stored:
    header = read_png_header(path)
    # ITK stretches gray of fewer than 8 bits to the whole of a byte.
    bits = header.bits if header.color_type == GRAY else _BYTE
    stretch = 255 // (2**bits - 1) if 0 < bits < _BYTE else 1
    unlike = ""
    if header.says_significant_bits:
        # ITK shifts its numbers by what they say.
        unlike = "says in sBIT how many bits of its numbers count; expected it without."
    return _Stored(header.color_type == INDEXED, stretch, unlike=unlike)


def _in_tiff(path: Path, name: str) -> _Stored:
    if not has_an_end(path):
        raise InvalidOutputError(
            f"{name} has pages that lead back to earlier ones, or more than {MOST_PAGES}."
        )
    tags = first_shorts(path)
    is_half = tags.get(SAMPLE_FORMAT) == FLOATING_POINT and tags.get(BITS) == _HALF
    # ITK takes their bits for whole numbers.
    unlike = "holds numbers of half precision; expected single precision." if is_half else ""
    samples = tags.get(SAMPLES, 1) if tags else None
    return _Stored(tags.get(PHOTOMETRIC) == PALETTE, samples=samples, unlike=unlike)


_STORED = {_PNG[0]: _in_png, _TIFF[0]: _in_tiff}
