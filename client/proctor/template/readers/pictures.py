"""PNG, JPEG and TIFF by pillow.

A palette becomes its colors; what a camera noted of where up is, is not applied. A TIFF has one
page. Colors of 16 bits, of which pillow keeps the upper 8, are refused; grays of 16 bits are kept.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .reader import is_of

if TYPE_CHECKING:
    from ..held import File

PICTURE_FORMATS = {"png": "PNG", "jpeg": "JPEG", "tiff": "TIFF"}
"""What pillow calls the formats of pictures."""

# What numpy has no good form for, and the mode that says the same.
_PLAINER_MODES = {"1": "L", "P": "RGB", "PA": "RGBA"}


class _PictureReader:
    formats: tuple[str, ...] = tuple(PICTURE_FORMATS)
    libraries: tuple[str, ...] = ("numpy", "PIL")
    package = "pillow"

    def shape(self, file: File, name: str) -> tuple[int, ...] | None:
        with self._open(file, name) as image:
            columns, rows = image.size
            channels = (
                len(_plain_mode(image)) if image.mode in _PLAINER_MODES else len(image.getbands())
            )
        return (rows, columns) if channels == 1 else (rows, columns, channels)

    def native(self, file: File, name: str) -> object:
        image = self._open(file, name)
        try:
            # Reads the pixels and closes the file; until then a cut file passes for a whole one.
            image.load()
        except BaseException:
            image.close()
            raise
        return image

    def owns(self, native: object) -> bool:
        return is_of(native, "PIL", "Image")

    def array(self, native: Any) -> object:
        import numpy as np

        plain = native.convert(_plain_mode(native)) if native.mode in _PLAINER_MODES else native
        return np.array(plain)

    def _open(self, file: File, name: str) -> Any:
        from PIL import Image

        source = file if isinstance(file, Path) else file.open("rb")
        with warnings.catch_warnings():
            # Twice its limit is refused by pillow itself, and `dim_limits` by whoever asks.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(source, formats=[PICTURE_FORMATS[name]])
        if name == "png" and _is_cut_to_8_bits(file):
            image.close()
            raise ValueError("it has colors or an alpha of 16 bits; write 8, or grays alone")
        pages = getattr(image, "n_frames", 1) if name == "tiff" else 1
        if pages != 1:
            image.close()
            raise ValueError(f"it has {pages} pages; one was expected")
        return image


def _is_cut_to_8_bits(file: File) -> bool:
    with file.open("rb") as stream:
        head = stream.read(26)
    depth, colors = head[24:25], head[25:26]
    return depth == b"\x10" and colors != b"\0"


def _plain_mode(image: Any) -> str:
    if image.mode == "P" and "transparency" in image.info:
        return "RGBA"
    return _PLAINER_MODES[image.mode]


READER = _PictureReader()
