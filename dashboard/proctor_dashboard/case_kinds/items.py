"""Single images out of an input that holds one or many of them."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from proctor_dashboard.volumes import Array, VolumeError

_COLORS = (3, 4)
_MOST_PIXELS = 50_000_000
PICTURES = (".png", ".jpg", ".jpeg")
"""The suffixes of pictures of an organizer's that are drawn."""


def read_picture(content: bytes) -> Array:
    """Read a picture of an organizer's, as (rows, columns, 3).

    Raises:
        VolumeError: it is none, or too large.
    """
    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as found:
            if found.width * found.height > _MOST_PIXELS:
                raise VolumeError(f"A picture of {found.size} pixels is too large to be drawn.")
            return np.asarray(found.convert("RGB"))
    except VolumeError:
        raise
    except (OSError, ValueError, SyntaxError) as error:
        raise VolumeError(f"The input cannot be read as a picture ({error}).") from error


def image_of(array: Array, item: int, items: int) -> Array:
    """Return one image of an input, as (rows, columns) or (rows, columns, 3).

    Args:
        array: one image, or as many along the first axis as the case has items; channels come
            first or last.

    Raises:
        VolumeError: it holds no image.

    >>> image_of(np.zeros((5, 8, 9)), 1, 5).shape, image_of(np.zeros((3, 8, 9)), 0, 1).shape
    ((8, 9), (8, 9, 3))
    """
    stacked = array.ndim > 2 and array.shape[0] == items and (items > 1 or array.ndim > 3)
    found = array[item] if stacked else array
    if found.ndim == 3 and found.shape[0] in (1, *_COLORS) and found.shape[2] not in _COLORS:
        found = np.moveaxis(found, 0, -1)
    if found.ndim == 3 and found.shape[2] in _COLORS:
        return np.asarray(found[:, :, :3])
    if found.ndim == 3 and found.shape[2] == 1:
        return np.asarray(found[:, :, 0])
    if found.ndim != 2:
        raise VolumeError(f"An input of shape {array.shape} holds no image that can be drawn.")
    return np.asarray(found)
