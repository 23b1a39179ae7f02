"""Writes an image or a map as a PNG or a TIFF whose numbers are those that were answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .asked import Asked, OutputError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

PICTURES = (".png", ".tif", ".tiff")
"""How the name of a file ends that is a picture."""

_FLAT, _COLORS = 2, (3, 4)
_DEEPEST, _MOST_OBJECTS = 65535, 2**31 - 1


def write_picture(plain: NDArray[Any], asked: Asked, path: Path) -> None:
    """Write numbers of the axes rows and columns, and channels behind or pages before them.

    Whole numbers of 0 to 255, or to 65535 where there are no colors, are kept as such; a TIFF
    without colors holds any number in single precision, and whole ones of a map to 2147483647.

    Raises:
        OutputError: The format does not hold such numbers or axes, or pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError:
        raise OutputError("a picture is written by pillow, which is not installed") from None

    is_tiff = not asked.suffix.endswith(".png")
    colors = plain.ndim > _FLAT and plain.shape[-1] in _COLORS
    if plain.ndim != _FLAT and not colors and not (is_tiff and plain.ndim == _FLAT + 1):
        raise OutputError(
            f"shape {plain.shape}; {asked.output.file} holds rows and columns, and 3 or 4 channels"
            " behind them or, as a TIFF, pages before"
        )
    stored = _stored(plain, colors, is_tiff, asked)
    pages = [stored] if plain.ndim == _FLAT or colors else list(stored)
    first, *others = [Image.fromarray(page) for page in pages]
    how: dict[str, Any] = {"save_all": True, "append_images": others} if others else {}
    first.save(path, format="TIFF" if is_tiff else "PNG", **how)


def _stored(plain: NDArray[Any], colors: bool, is_tiff: bool, asked: Asked) -> NDArray[np.generic]:
    import numpy as np

    low, high = (float(plain.min()), float(plain.max())) if plain.size else (0.0, 0.0)
    most = 255 if colors else _DEEPEST
    if low >= 0 and high <= most and np.array_equal(plain, np.rint(plain)):
        return plain.astype(np.uint8 if high <= 255 else np.uint16)
    if is_tiff and not colors:
        if plain.dtype.kind != "u":
            return plain.astype(np.float32)
        # A map: single precision would join objects of large numbers.
        most = _MOST_OBJECTS
        if high <= most:
            return plain.astype(np.int32)
    raise OutputError(
        f"numbers from {low:g} to {high:g}; {asked.output.file} holds whole"
        f" numbers from 0 to {most}"
    )
