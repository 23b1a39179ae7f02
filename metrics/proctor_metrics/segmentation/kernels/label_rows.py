"""A label map without the background around it: of each row, only from its first label to its last.

Most of a medical label map is background. Kept like this it is a tenth of its size, fits into
caches, and can be read from a stream of rows that is never in memory as a whole.

Each stretch begins and ends at a multiple of eight voxels and has eight voxels of background on
both sides, so a pass may load eight voxels at once, shifted by one, without a look at the edges.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from proctor_metrics.compiled import kernel, load_word

Codes = npt.NDArray[np.uint8]
Extents = npt.NDArray[np.int32]
Starts = npt.NDArray[np.int64]

GROUP = 8
"""Voxels that a pass looks at together."""

_PIECE_BYTES = 1 << 19
_SHARE_KEPT = 8
"""At first there is room for one voxel of so many."""


class LabelRows(NamedTuple):
    """The rows of an image or a volume.

    Attributes:
        labels: integers, the stretches one after another; native byte order.
        starts: int64 of shape (n_rows,): where voxel 0 of the row would be in `labels`.
        extents: int32 of shape (n_rows, 2): first voxel of the stretch and end.
        shape: depth, height and width; depth 1 for an image.
    """

    labels: npt.NDArray[Any]
    starts: Starts
    extents: Extents
    shape: tuple[int, int, int]


def rows_of(array: npt.NDArray[np.integer]) -> LabelRows:
    """Return the rows of an array in C order, of shape (y, x) or (z, y, x)."""
    content = array.reshape(-1).view(np.uint8)
    step = max(1, _PIECE_BYTES // (array.shape[-1] * array.itemsize))
    step *= array.shape[-1] * array.itemsize
    pieces = (content[first : first + step] for first in range(0, content.size, step))
    shape = (1, *array.shape)[-3:]
    return rows_from(pieces, (shape[0], shape[1], shape[2]), array.dtype)


def rows_from(
    pieces: Iterable[Codes], shape: tuple[int, int, int], dtype: np.dtype[np.integer]
) -> LabelRows:
    """Return the rows of a volume that comes in pieces.

    Args:
        pieces: uint8 arrays of whole rows, in order; each is done with before the next is asked.
        shape: depth, height and width.
        dtype: of a voxel, in any byte order.
    """
    depth, height, width = shape
    row_bytes = width * dtype.itemsize
    extents = np.empty((depth * height, 2), np.int32)
    starts = np.empty(depth * height, np.int64)
    # Pages that are never written to are never there.
    room = np.empty(extents.shape[0] * row_bytes // _SHARE_KEPT, np.uint8)
    row, written = 0, 0
    padding = 2 * GROUP * dtype.itemsize
    for piece in pieces:
        n_rows = piece.size // row_bytes
        most = written + n_rows * (row_bytes + 3 * GROUP * dtype.itemsize) + padding
        if most > room.size:
            grown = np.empty(max(most, 2 * room.size), np.uint8)
            grown[:written] = room[:written]
            room = grown
        rows = slice(row, row + n_rows)
        written = compact(
            piece, row_bytes, dtype.itemsize, extents[rows], starts[rows], room, written
        )
        row += n_rows
    room[written : written + padding] = 0
    labels = room[: written + padding].view(dtype)
    native = labels.astype(dtype.newbyteorder("="), copy=False)
    return LabelRows(native, starts, extents, shape)


@kernel
def compact(
    content: Codes,
    row_bytes: int,
    item_bytes: int,
    extents: Extents,
    starts: Starts,
    kept: Codes,
    written: int,
) -> int:
    """Copy the stretch of each row, after eight voxels of background.

    Args:
        content: uint8 of shape (n_rows * row_bytes,).
        row_bytes: bytes of a row.
        item_bytes: bytes of a voxel.
        extents: int32 of shape (n_rows, 2); the stretch of each row in voxels. Written.
        starts: int64 of shape (n_rows,); where voxel 0 of each row is in `kept`. Written.
        kept: uint8 with enough room. Written.
        written: bytes of it that were written before.

    Returns:
        Bytes written in all.
    """
    unit = GROUP * item_bytes
    zero = np.uint64(0)
    words = kept[: kept.size // 8 * 8].view(np.uint64)
    whole_words = row_bytes // 8 * 8
    for row in range(extents.shape[0]):
        base = row * row_bytes
        starts[row] = written // item_bytes
        # Most rows are background; a loop without a way out takes several words at once.
        anything = zero
        for i in range(base, base + whole_words, 8):
            anything |= load_word(content, i)
        first = whole_words if anything == zero else 0
        while first + 8 <= row_bytes and load_word(content, base + first) == zero:
            first += 8
        while first < row_bytes and content[base + first] == 0:
            first += 1
        if first == row_bytes:
            extents[row, 0], extents[row, 1] = 0, 0
            continue
        end = row_bytes
        while end - 8 > first and load_word(content, base + end - 8) == zero:
            end -= 8
        while content[base + end - 1] == 0:
            end -= 1
        first = first // unit * unit
        end = (end + unit - 1) // unit * unit
        for word in range(written // 8, (written + unit) // 8):
            words[word] = zero
        written += unit
        starts[row] = (written - first) // item_bytes
        copied = min(end, row_bytes) - first
        for word in range(copied // 8):
            words[written // 8 + word] = load_word(content, base + first + 8 * word)
        for i in range(copied // 8 * 8, end - first):
            kept[written + i] = content[base + first + i] if i < copied else 0
        written += end - first
        extents[row, 0], extents[row, 1] = first // item_bytes, end // item_bytes
    return written


def turned(rows: LabelRows) -> LabelRows:
    """Return the rows of the same volume with its axes the other way round."""
    depth, height, width = rows.shape
    item_bytes = rows.labels.itemsize
    plane = np.zeros((width, depth), rows.labels.dtype)
    extents = np.empty((width, height, 2), np.int32)
    starts = np.empty((width, height), np.int64)
    room = np.empty(width * (depth + 3 * GROUP) * item_bytes, np.uint8)
    kept: list[npt.NDArray[Any]] = []
    before = 0
    for y in range(height):
        gather_plane(*rows[:3], y, height, plane)
        stretches, places = np.empty((width, 2), np.int32), np.empty(width, np.int64)
        content = plane.reshape(-1).view(np.uint8)
        written = compact(content, depth * item_bytes, item_bytes, stretches, places, room, 0)
        kept.append(room[:written].view(plane.dtype).copy())
        extents[:, y] = stretches
        starts[:, y] = before + places
        before += kept[-1].size
    kept.append(np.zeros(2 * GROUP, plane.dtype))
    return LabelRows(
        np.concatenate(kept), starts.reshape(-1), extents.reshape(-1, 2), (width, height, depth)
    )


@kernel
def gather_plane(
    labels: npt.NDArray[Any],
    starts: Starts,
    extents: Extents,
    y: int,
    height: int,
    plane: npt.NDArray[Any],
) -> None:
    """Write row `y` of every plane of a volume into the columns of `plane`, (width, depth)."""
    width, depth = plane.shape
    plane[:] = 0
    for z in range(depth):
        row = z * height + y
        for x in range(extents[row, 0], min(extents[row, 1], width)):
            plane[x, z] = labels[starts[row] + x]


@kernel
def filled(
    labels: npt.NDArray[Any],
    starts: Starts,
    extents: Extents,
    volume: npt.NDArray[Any],
    width: int,
) -> None:
    """Write the stretches of a volume into its flat array of zeros."""
    for row in range(starts.size):
        for x in range(extents[row, 0], min(extents[row, 1], width)):
            volume[row * width + x] = labels[starts[row] + x]
