"""Exact distances to points that are near: a search over rows of voxels, 64 at a time.

The points of one surface are bits of a padded box. From a voxel, rows are visited in the order of
their distance; the nearest bit of a row is found by counting zeros. The search ends as soon as no
row that is left can hold anything nearer, which for an answer that is any good is soon.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from proctor_metrics.compiled import kernel, leading_zeros, trailing_zeros
from proctor_metrics.segmentation.kernels.borders import Positions

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_N_ROWS = 197
_FARTHEST_ROW = 16
_REACH = 32
"""Bits on either side that one look at a row covers."""

_MASK = (1 << 21) - 1


class Neighborhood(NamedTuple):
    """The rows around a voxel in the order of their distance, for one spacing.

    Attributes:
        offsets: int64 of shape (n_rows, 2): planes and rows away.
        squared_mm: float64 of shape (n_rows,): squared distance of the row.
        within_row_mm: float64 of shape (64,): squared distance along the row by voxels.
        covered_mm: squared distance up to which the search misses nothing.
        padding: planes and rows that the farthest of them are away.
    """

    offsets: IntArray
    squared_mm: FloatArray
    within_row_mm: FloatArray
    covered_mm: float
    padding: tuple[int, int]


@lru_cache(maxsize=64)
def neighborhood(spacing_mm: tuple[float, float, float], flat: bool) -> Neighborhood:
    """Return the rows to search around a voxel of an image (flat) or a volume."""
    planes = np.zeros(1, np.int64) if flat else np.arange(-_FARTHEST_ROW, _FARTHEST_ROW + 1)
    rows = np.arange(-_FARTHEST_ROW, _FARTHEST_ROW + 1)
    grid = np.stack(np.meshgrid(planes, rows, indexing="ij"), axis=-1).reshape(-1, 2)
    squared = (grid[:, 0] * spacing_mm[0]) ** 2 + (grid[:, 1] * spacing_mm[1]) ** 2
    order = np.argsort(squared, kind="stable")
    kept = order[:_N_ROWS]
    outside = [((_FARTHEST_ROW + 1) * spacing_mm[1]) ** 2, (_REACH * spacing_mm[2]) ** 2]
    if not flat:
        outside.append(((_FARTHEST_ROW + 1) * spacing_mm[0]) ** 2)
    if order.size > kept.size:
        outside.append(float(squared[order[_N_ROWS]]))
    padding = np.abs(grid[kept]).max(axis=0)
    return Neighborhood(
        np.ascontiguousarray(grid[kept]),
        np.ascontiguousarray(squared[kept]),
        np.square(np.arange(64) * spacing_mm[2]),
        min(outside),
        (int(padding[0]), int(padding[1])),
    )


@kernel
def enclosing_box(first: Positions, second: Positions) -> IntArray:
    """Return the box around two sets of points: int64 (6,), low corner and end."""
    box = np.array([1 << 40, 1 << 40, 1 << 40, 0, 0, 0], np.int64)
    for points in (first, second):
        for position in points:
            z, y, x = position >> 42, position >> 21 & _MASK, position & _MASK
            box[0], box[3] = min(box[0], z), max(box[3], z + 1)
            box[1], box[4] = min(box[1], y), max(box[4], y + 1)
            box[2], box[5] = min(box[2], x), max(box[5], x + 1)
    return box


@kernel
def occupancy(points: Positions, box: IntArray, padding: tuple[int, int]) -> npt.NDArray[np.uint64]:
    """Return the points as bits: uint64 of shape (planes, rows, words), padded all around."""
    depth = box[3] - box[0] + 2 * padding[0]
    height = box[4] - box[1] + 2 * padding[1]
    words = (box[5] - box[2] + 63) // 64 + 2
    bits = np.zeros((depth, height, words), np.uint64)
    for position in points:
        z = (position >> 42) - box[0] + padding[0]
        y = (position >> 21 & _MASK) - box[1] + padding[1]
        x = (position & _MASK) - box[2] + 64
        bits[z, y, x >> 6] |= np.uint64(1) << np.uint64(x & 63)
    return bits


@kernel
def search_rows(
    queries: Positions,
    bits: npt.NDArray[np.uint64],
    box: IntArray,
    padding: tuple[int, int],
    offsets: IntArray,
    squared_mm: FloatArray,
    within_row_mm: FloatArray,
    covered_mm: float,
    distances: FloatArray,
) -> IntArray:
    """Write the squared distance of each query, and return which are not certain yet.

    What is written for those is the distance to some point, or infinity: an upper bound.
    """
    height, words = bits.shape[1], bits.shape[2]
    flat_bits = bits.ravel()
    steps = (offsets[:, 0] * height + offsets[:, 1]) * words
    missed = np.empty(queries.size, np.int64)
    n_missed = 0
    zero = np.uint64(0)
    low_half = np.uint64(0xFFFFFFFF)
    for index in range(queries.size):
        position = queries[index]
        z = (position >> 42) - box[0] + padding[0]
        y = (position >> 21 & _MASK) - box[1] + padding[1]
        x = (position & _MASK) - box[2] + 64 - _REACH
        base = (z * height + y) * words + (x >> 6)
        shift = np.uint64(x & 63)
        rest = np.uint64(63) - shift
        nearest = np.inf
        for k in range(steps.size):
            if squared_mm[k] >= nearest:
                break
            at = base + steps[k]
            window = flat_bits[at] >> shift | (flat_bits[at + 1] << np.uint64(1)) << rest
            if window != zero:
                # Bit 32 of the window is the voxel itself.
                away = trailing_zeros(window >> np.uint64(_REACH))
                away = min(away, leading_zeros(window & low_half) - _REACH + 1)
                nearest = min(nearest, squared_mm[k] + within_row_mm[away])
        distances[index] = nearest
        if nearest > covered_mm:
            missed[n_missed] = index
            n_missed += 1
    return missed[:n_missed]
