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

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PNG = ("PNGImageIO", (b"\x89PNG\r\n\x1a\n",))
_TIFF = ("TIFFImageIO", (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"))
_JPEG = ("JPEGImageIO", (b"\xff\xd8\xff",))
_READERS = {".png": _PNG, ".tif": _TIFF, ".tiff": _TIFF, ".jpg": _JPEG, ".jpeg": _JPEG}

PICTURE_SUFFIXES = tuple(_READERS)
"""What is in a file of one of these suffixes is a picture."""

_PNG_DEPTH, _PNG_COLOR_TYPE, _PNG_HEADER_BYTES = 24, 25, 26
_PNG_GRAY, _PNG_PALETTE = 0, 3
_BYTE = 8


@dataclass(frozen=True)
class OpenedPicture:
    """A picture whose header was read; ``read`` returns its numbers in ``shape``.

    Attributes:
        channels: How many numbers a pixel has; where they are several they are the last axis.
        has_palette: Whether its file names colors by number.
    """

    shape: tuple[int, ...]
    channels: int
    has_palette: bool
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
        start = stream.read(_PNG_HEADER_BYTES)
    if not start.startswith(signatures):
        raise InvalidOutputError(f"{name} is no {suffix} file.")
    reader = itk_reader(path, reader_name)
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        raise InvalidOutputError(f"{name} has a broken header.") from None
    shape = tuple(reversed(reader.GetSize()))
    channels = reader.GetNumberOfComponents()
    if channels > 1:
        shape = (*shape, channels)
    if len(shape) not in (2, 3):
        raise InvalidOutputError(
            f"{name} has the shape {shape}; expected one page, or pages of one channel."
        )

    is_png = suffix == ".png" and len(start) == _PNG_HEADER_BYTES
    color_type = start[_PNG_COLOR_TYPE] if is_png else None
    # ITK stretches gray of fewer than 8 bits to the whole of a byte.
    bits = start[_PNG_DEPTH] if color_type == _PNG_GRAY else _BYTE
    stretch = 255 // (2**bits - 1) if 0 < bits < _BYTE else 1

    def read() -> NDArray[np.generic]:
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
        return numbers if stretch == 1 else numbers // numbers.dtype.type(stretch)

    return OpenedPicture(shape, channels, color_type == _PNG_PALETTE, read)
