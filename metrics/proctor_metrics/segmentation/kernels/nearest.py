"""Exact distances from the points of one surface to the nearest of another, in mm.

Near points are found by `rows`, far ones by `blocks`, and where those are too many by `transform`.
All three are exact and which of them answers depends on the points alone, so a result depends on
neither threads nor machine.
"""

import numpy as np

from proctor_metrics.segmentation.kernels.blocks import search_blocks
from proctor_metrics.segmentation.kernels.borders import Positions
from proctor_metrics.segmentation.kernels.rows import (
    FloatArray,
    Neighborhood,
    enclosing_box,
    occupancy,
    search_rows,
)
from proctor_metrics.segmentation.kernels.transform import transform_box, transform_everywhere

WORK_A_VOXEL = 4
"""Steps of the search in blocks that take about as long as the transform of one voxel."""

MANY_QUERIES = 1 << 20
"""From so many on only what needs no memory for each of them is tried."""


def nearest_distances(
    queries: Positions,
    points: Positions,
    spacing_mm: tuple[float, float, float],
    around: Neighborhood,
    work_a_voxel: float = WORK_A_VOXEL,
    many: int = MANY_QUERIES,
) -> FloatArray:
    """Return the distance of each query to the nearest point: float64 (n_queries,) in mm.

    Args:
        queries: packed positions in ascending order, see `borders.Positions`.
        points: likewise, at least one.
        spacing_mm: edge lengths of a voxel in depth, height and width.
        around: the neighborhood of that spacing.
        work_a_voxel: the work that `blocks` may do, by the voxels of the box.
        many: so many queries are searched for together, and only fewer by `blocks`.
    """
    distances = np.full(queries.size, np.inf)
    box = enclosing_box(queries, points)
    bits = occupancy(points, box, around.padding)
    pieces = [np.zeros(0, np.int64)]
    for first in range(0, queries.size, many):
        piece = slice(first, first + many)
        if 2 * pieces[-1].size > many:
            # The others are hardly nearer than those before.
            pieces.append(np.arange(first, queries.size))
            break
        found = search_rows(
            queries[piece],
            bits,
            box,
            around.padding,
            around.offsets,
            around.squared_mm,
            around.within_row_mm,
            around.covered_mm,
            distances[piece],
        )
        # A copy: what is returned is a part of an array with room for all of the piece.
        pieces.append(found + first)
    missed = np.concatenate(pieces)
    if missed.size >= many:
        transform_everywhere(queries, missed, bits, box, around.padding, spacing_mm, distances)
        np.sqrt(distances, out=distances)
        return distances
    if missed.size:
        voxels = int(np.prod(box[3:] - box[:3]))
        limit = int(work_a_voxel * voxels)
        missed = search_blocks(queries, missed, points, box, spacing_mm, distances, limit)
    if missed.size:
        transform_box(queries, missed, bits, box, around.padding, spacing_mm, distances)
    np.sqrt(distances, out=distances)
    return distances
