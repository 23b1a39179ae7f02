"""Single images out of an input that holds one or many of them."""

from __future__ import annotations

import numpy as np

from proctor_dashboard.volumes import Array, VolumeError

_COLORS = (3, 4)


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
