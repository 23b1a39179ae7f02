"""Exact distances by a separable transform of the box: work that no answer can make worse.

Along rows the nearest bit is counted; along y and then z the lower envelope of parabolas is taken
(Felzenszwalb and Huttenlocher, Theory of Computing 8 (2012) 415). The box is taken in slabs of
columns, so memory stays small, and slabs without a query are left out.
"""

import numpy as np
import numpy.typing as npt

from proctor_metrics.compiled import kernel, leading_zeros, trailing_zeros
from proctor_metrics.segmentation.kernels.borders import Positions
from proctor_metrics.segmentation.kernels.rows import FloatArray, IntArray

_MASK = (1 << 21) - 1
_SLAB = 32


@kernel
def lower_envelope(heights: FloatArray, weight: float, sites: IntArray, bounds: FloatArray) -> int:
    """Find which of the parabolas weight * (q - v)^2 + heights[v] are lowest somewhere.

    Args:
        heights: float64 of shape (n,); infinity where there is none.
        weight: squared edge length of a voxel.
        sites: int64 of shape (n,); the lowest parabolas from left to right. Written.
        bounds: float64 of shape (n + 1,); where each begins to be lowest. Written.

    Returns:
        How many there are.
    """
    kept = 0
    for q in range(heights.size):
        if heights[q] == np.inf:
            continue
        begins = -np.inf
        while kept > 0:
            v = sites[kept - 1]
            # Where both are equal, counted from the middle of the two, which keeps digits.
            middle = 0.5 * (q + v)
            begins = middle + (heights[q] - heights[v]) / (2.0 * weight * (q - v))
            if begins > bounds[kept - 1]:
                break
            kept -= 1
            begins = -np.inf
        sites[kept], bounds[kept] = q, begins
        kept += 1
    bounds[kept] = np.inf
    return kept


@kernel
def slab_along_rows(
    bits: npt.NDArray[np.uint64],
    box: IntArray,
    padding: tuple[int, int],
    first: int,
    n_columns: int,
    spacing_mm: float,
    slab: FloatArray,
) -> None:
    """Write the squared distance along its row for each voxel of a slab.

    Args:
        bits: the points, see `rows.occupancy`.
        box: around queries and points.
        padding: of `bits`.
        first: the slab's first column in the box.
        n_columns: its columns.
        spacing_mm: along the row.
        slab: float64 of shape (depth, 32, height). Written.
    """
    zero = np.uint64(0)
    far = 1 << 40
    depth, height = box[3] - box[0], box[4] - box[1]
    away = np.empty(_SLAB, np.int64)
    for z in range(depth):
        for y in range(height):
            row = bits[z + padding[0], y + padding[1]]
            start, end = first + 64, first + 64 + n_columns
            left = -far
            word = row[start >> 6] & ((np.uint64(1) << np.uint64(start & 63)) - np.uint64(1))
            at = start >> 6
            while word == zero and at > 1:
                at -= 1
                word = row[at]
            if word != zero:
                left = at * 64 + 63 - leading_zeros(word)
            for x in range(start, end):
                if row[x >> 6] >> np.uint64(x & 63) & np.uint64(1) != zero:
                    left = x
                away[x - start] = x - left
            right = far
            at = end >> 6
            word = row[at] & ~((np.uint64(1) << np.uint64(end & 63)) - np.uint64(1))
            while word == zero and at < row.size - 1:
                at += 1
                word = row[at]
            if word != zero:
                right = at * 64 + trailing_zeros(word)
            for x in range(end - 1, start - 1, -1):
                if row[x >> 6] >> np.uint64(x & 63) & np.uint64(1) != zero:
                    right = x
                nearest = min(away[x - start], right - x)
                length = nearest * spacing_mm
                slab[z, x - start, y] = np.inf if nearest >= far >> 1 else length * length


@kernel
def slab_along_columns(slab: FloatArray, n_columns: int, spacing_mm: float) -> None:
    """Replace each distance along a row by that within its plane."""
    height = slab.shape[2]
    sites, bounds = np.empty(height, np.int64), np.empty(height + 1)
    before = np.empty(height)
    weight = spacing_mm * spacing_mm
    for z in range(slab.shape[0]):
        for x in range(n_columns):
            before[:] = slab[z, x]
            kept = lower_envelope(before, weight, sites, bounds)
            if kept == 0:
                continue
            at = 0
            for y in range(height):
                while bounds[at + 1] < y:
                    at += 1
                away = (y - sites[at]) * spacing_mm
                slab[z, x, y] = away * away + before[sites[at]]


def transform_box(
    queries: Positions,
    missed: IntArray,
    bits: npt.NDArray[np.uint64],
    box: IntArray,
    padding: tuple[int, int],
    spacing_mm: tuple[float, float, float],
    distances: FloatArray,
) -> None:
    """Write the squared distance of the missed queries.

    Args:
        queries: all queries of the structure.
        missed: which of them to answer.
        bits: the points, see `rows.occupancy`.
        box: around queries and points.
        padding: of `bits`.
        spacing_mm: for each axis.
        distances: float64 of shape (n_queries,); written.
    """
    y = (queries[missed] >> 21 & _MASK) - box[1]
    x = (queries[missed] & _MASK) - box[2]
    columns = (x // _SLAB * (box[4] - box[1]) + y) * _SLAB + x % _SLAB
    order = np.argsort(columns, kind="stable")
    transform_slabs(
        queries, missed[order], columns[order], bits, box, padding, spacing_mm, distances
    )


@kernel
def transform_slabs(
    queries: Positions,
    missed: IntArray,
    columns: IntArray,
    bits: npt.NDArray[np.uint64],
    box: IntArray,
    padding: tuple[int, int],
    spacing_mm: tuple[float, float, float],
    distances: FloatArray,
) -> None:
    """Do so slab by slab; `columns` says in which slab and column of it each query lies."""
    sz, sy, sx = spacing_mm
    depth, height, width = box[3] - box[0], box[4] - box[1], box[5] - box[2]
    slab = np.empty((depth, _SLAB, height))
    heights = np.empty(depth)
    sites, bounds = np.empty(depth, np.int64), np.empty(depth + 1)
    present, column, kept = -1, -1, 0
    for i in range(missed.size):
        if columns[i] != column:
            column = columns[i]
            number = column // (_SLAB * height)
            if number != present:
                present = number
                n_columns = min(_SLAB, width - number * _SLAB)
                slab_along_rows(bits, box, padding, number * _SLAB, n_columns, sx, slab)
                slab_along_columns(slab, n_columns, sy)
            heights[:] = slab[:, column % _SLAB, column // _SLAB % height]
            kept = lower_envelope(heights, sz * sz, sites, bounds)
        z = (queries[missed[i]] >> 42) - box[0]
        low, high = 0, kept - 1
        while low < high:
            middle = (low + high + 1) // 2
            if bounds[middle] <= z:
                low = middle
            else:
                high = middle - 1
        away = (z - sites[low]) * sz
        distances[missed[i]] = away * away + heights[sites[low]]


@kernel
def transform_everywhere(
    queries: Positions,
    missed: IntArray,
    bits: npt.NDArray[np.uint64],
    box: IntArray,
    padding: tuple[int, int],
    spacing_mm: tuple[float, float, float],
    distances: FloatArray,
) -> None:
    """Do so for so many queries that every column is taken as a whole, and none is sorted.

    Args are those of `transform_box`, but that `queries[missed]` are in ascending order.
    """
    sz, sy, sx = spacing_mm
    depth, height, width = box[3] - box[0], box[4] - box[1], box[5] - box[2]
    ends = np.zeros(depth * height + 1, np.int64)
    for index in missed:
        z = (queries[index] >> 42) - box[0]
        y = (queries[index] >> 21 & _MASK) - box[1]
        ends[z * height + y + 1] += 1
    for row in range(depth * height):
        ends[row + 1] += ends[row]
    cursors = ends[:-1].copy()
    slab = np.empty((depth, _SLAB, height))
    heights = np.empty(depth)
    sites, bounds = np.empty(depth, np.int64), np.empty(depth + 1)
    for first in range(0, width, _SLAB):
        n_columns = min(_SLAB, width - first)
        slab_along_rows(bits, box, padding, first, n_columns, sx, slab)
        slab_along_columns(slab, n_columns, sy)
        for x in range(n_columns):
            for y in range(height):
                heights[:] = slab[:, x, y]
                lower_envelope(heights, sz * sz, sites, bounds)
                at = 0
                for z in range(depth):
                    while bounds[at + 1] <= z:
                        at += 1
                    away = (z - sites[at]) * sz
                    slab[z, x, y] = away * away + heights[sites[at]]
        for row in range(depth * height):
            while cursors[row] < ends[row + 1]:
                index = missed[cursors[row]]
                x = (queries[index] & _MASK) - box[2] - first
                if x >= n_columns:
                    break
                distances[index] = slab[row // height, x, row % height]
                cursors[row] += 1
