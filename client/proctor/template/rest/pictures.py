"""Pictures of arrays, as PNG files that this module writes itself.

It needs numpy, and no library for pictures. A mask has a color for each label and is clear where
it is 0; a heatmap goes from clear over red to yellow; anything else is gray or in its own colors.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

MOST_SIDE = 1024
_COLORS = (
    (230, 75, 53),
    (77, 187, 213),
    (0, 160, 135),
    (243, 195, 0),
    (132, 86, 180),
    (240, 130, 40),
    (60, 84, 136),
    (220, 120, 180),
    (145, 209, 94),
    (126, 97, 72),
)
_MASK_ALPHA = 200
_MOST_LABELS = 24


class Plane(NamedTuple):
    """Which plane of a volume is shown.

    Attributes:
        axis: Of the array.
        number: Of the plane along it.
        turns: Whether rows and columns change places and rows go upwards, as for (i, j, k).
    """

    axis: int
    number: int
    turns: bool


def plane_of(array: NDArray[np.generic], is_mask: bool, is_grid: bool) -> Plane | None:
    """Return the plane to show: of a mask the fullest, else the middle; None for a flat array.

    Args:
        is_grid: Whether it is indexed (i, j, k) as a volume is, and not (z, y, x).
    """
    if array.ndim != 3 or (not is_grid and array.shape[-1] in (3, 4)):
        return None
    import numpy as np

    axis = 2 if is_grid else 0
    index = array.shape[axis] // 2
    if is_mask:
        others = tuple(one for one in range(3) if one != axis)
        filled = np.count_nonzero(array, axis=others)
        index = int(filled.argmax()) if filled.any() else index
    return Plane(axis, index, is_grid)


def flat(array: NDArray[np.generic], plane: Plane | None) -> NDArray[np.generic] | None:
    """Return the rows and columns to show, None where an array has none."""
    import numpy as np

    while array.ndim > 2 and array.shape[0] == 1:
        array = array[0]
    if plane is not None and array.ndim == 3:
        array = np.take(array, plane.number, axis=plane.axis)
        array = array.T[::-1] if plane.turns else array
    is_color = array.ndim == 3 and array.shape[-1] in (3, 4)
    if not (array.ndim == 2 or is_color) or 0 in array.shape:
        return None
    step = max(1, -(-max(array.shape[:2]) // MOST_SIDE))
    return array[::step, ::step]


def draw_mask(array: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Return colors with alpha, shape (rows, columns, 4), of whole numbers of 0 and above."""
    import numpy as np

    table = np.array([(*color, _MASK_ALPHA) for color in _COLORS], dtype=np.uint8)
    labels = array.astype(np.int64)
    drawn = table[(labels - 1) % len(table)]
    drawn[labels == 0] = 0
    return drawn


def labels_in(array: NDArray[np.generic]) -> tuple[int, ...]:
    """Return the labels of a mask but 0, the first few of many."""
    import numpy as np

    found = np.unique(array)
    return tuple(int(label) for label in found[found != 0][:_MOST_LABELS])


def draw_heat(array: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Return colors with alpha, shape (rows, columns, 4); values within 0 and 1 keep that scale."""
    import numpy as np

    values = np.nan_to_num(array.astype(np.float64))
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    if low >= 0.0 and high <= 1.0:
        low, high = 0.0, 1.0
    share = (values - low) / ((high - low) or 1.0)
    drawn = np.zeros((*values.shape, 4), dtype=np.uint8)
    drawn[..., 0] = 255 * np.clip(0.35 + share * 1.3, 0.0, 1.0)
    drawn[..., 1] = 230 * np.clip(share * 2 - 0.8, 0.0, 1.0)
    drawn[..., 2] = 60 * np.clip(1 - 2 * share, 0.0, 1.0)
    drawn[..., 3] = 235 * np.clip(share * 1.6, 0.0, 1.0)
    return drawn


def draw_plain(array: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Return gray of shape (rows, columns), or colors of (rows, columns, 3 or 4)."""
    import numpy as np

    if array.dtype == np.uint8:
        return array.astype(np.uint8)
    values = np.nan_to_num(array.astype(np.float64))
    if array.ndim == 3 and values.min() >= 0.0 and values.max() <= 1.0:
        return (255 * values).astype(np.uint8)
    low, high = (float(q) for q in np.percentile(values, (0.5, 99.5)))
    if high <= low:
        low, high = float(values.min()), float(values.max())
    return (255 * np.clip((values - low) / ((high - low) or 1.0), 0.0, 1.0)).astype(np.uint8)


def write_png(pixels: NDArray[np.uint8], path: Path) -> None:
    """Write pixels of shape (rows, columns), or (rows, columns, 3 or 4)."""
    import numpy as np

    rows, columns = pixels.shape[:2]
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    kind = {1: 0, 3: 2, 4: 6}[channels]
    lines = np.zeros((rows, 1 + columns * channels), dtype=np.uint8)
    lines[:, 1:] = np.ascontiguousarray(pixels).reshape(rows, -1)
    header = struct.pack(">IIBBBBB", columns, rows, 8, kind, 0, 0, 0)
    with path.open("wb") as stream:
        stream.write(b"\x89PNG\r\n\x1a\n")
        for name, data in (
            (b"IHDR", header),
            (b"IDAT", zlib.compress(lines.tobytes(), 6)),
            (b"IEND", b""),
        ):
            checked = name + data
            stream.write(struct.pack(">I", len(data)) + checked)
            stream.write(struct.pack(">I", zlib.crc32(checked)))
