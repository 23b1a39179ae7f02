"""Exact distances to points that are far: branch and bound over blocks of 8 x 8 x 8 voxels.

Queries that lie together look at the same few blocks, so each block of queries first drops the
blocks of points that none of its queries can need. The work has a limit, since on a hostile
answer it would grow with the product of both sides; what is left then goes to `transform`.
"""

import numpy as np

from proctor_metrics.compiled import kernel
from proctor_metrics.segmentation.kernels.borders import Positions
from proctor_metrics.segmentation.kernels.rows import FloatArray, IntArray

_MASK = (1 << 21) - 1
_POINT_EDGE_BITS, _QUERY_EDGE_BITS = 3, 4


@kernel
def in_blocks(
    points: Positions, box: IntArray, edge_bits: int
) -> tuple[IntArray, IntArray, IntArray]:
    """Sort points by their block.

    Returns:
        The order, int64 (n_points,), in which the points of one block stand together; where each
        block begins in it, and the end, int64 (n_blocks + 1,); and the box around each block's
        points, int64 (n_blocks, 6), low corner and high corner.
    """
    depth = (box[3] - box[0] >> edge_bits) + 1
    height = (box[4] - box[1] >> edge_bits) + 1
    width = (box[5] - box[2] >> edge_bits) + 1
    counts = np.zeros(depth * height * width + 1, np.int64)
    cells = np.empty(points.size, np.int64)
    for i in range(points.size):
        z = (points[i] >> 42) - box[0] >> edge_bits
        y = (points[i] >> 21 & _MASK) - box[1] >> edge_bits
        x = (points[i] & _MASK) - box[2] >> edge_bits
        cells[i] = (z * height + y) * width + x
        counts[cells[i] + 1] += 1
    n_blocks = np.count_nonzero(counts)
    starts, boxes = np.empty(n_blocks + 1, np.int64), np.empty((n_blocks, 6), np.int64)
    block = 0
    for cell in range(counts.size - 1):
        if counts[cell + 1] > 0:
            starts[block] = counts[cell]
            block += 1
        counts[cell + 1] += counts[cell]
    starts[n_blocks] = points.size
    order = np.empty(points.size, np.int64)
    for i in range(points.size):
        order[counts[cells[i]]] = i
        counts[cells[i]] += 1
    for block in range(n_blocks):
        boxes[block, :3], boxes[block, 3:] = 1 << 40, -1
        for i in range(starts[block], starts[block + 1]):
            position = points[order[i]]
            z, y, x = position >> 42, position >> 21 & _MASK, position & _MASK
            boxes[block, 0], boxes[block, 3] = min(boxes[block, 0], z), max(boxes[block, 3], z)
            boxes[block, 1], boxes[block, 4] = min(boxes[block, 1], y), max(boxes[block, 4], y)
            boxes[block, 2], boxes[block, 5] = min(boxes[block, 2], x), max(boxes[block, 5], x)
    return order, starts, boxes


def search_blocks(
    queries: Positions,
    missed: IntArray,
    points: Positions,
    box: IntArray,
    spacing_mm: tuple[float, float, float],
    distances: FloatArray,
    work_limit: int,
) -> IntArray:
    """Write the squared distance of the missed queries; return those that the limit left out.

    Args:
        queries: all queries of the structure.
        missed: which of them to answer; `distances` holds upper bounds for them.
        points: where distances are measured to.
        box: around queries and points.
        spacing_mm: for each axis.
        distances: float64 of shape (n_queries,); written.
        work_limit: blocks and points to look at, in all.
    """
    order, query_starts, query_boxes = in_blocks(queries[missed], box, _QUERY_EDGE_BITS)
    point_order, starts, boxes = in_blocks(points, box, _POINT_EDGE_BITS)
    ordered: IntArray = missed[order]
    answered = search_groups(
        queries,
        ordered,
        query_starts,
        query_boxes,
        points[point_order],
        starts,
        boxes,
        spacing_mm,
        distances,
        work_limit,
    )
    return ordered[answered:]


@kernel
def search_groups(
    queries: Positions,
    ordered: IntArray,
    query_starts: IntArray,
    query_boxes: IntArray,
    points: Positions,
    starts: IntArray,
    boxes: IntArray,
    spacing_mm: tuple[float, float, float],
    distances: FloatArray,
    work_limit: int,
) -> int:
    """Answer queries block by block; return how many of `ordered` were answered."""
    sz, sy, sx = spacing_mm
    n_blocks = boxes.shape[0]
    low, candidates = np.empty(n_blocks), np.empty(n_blocks, np.int64)
    work = 0
    nearest_point = 0
    for group in range(query_boxes.shape[0]):
        work += n_blocks
        reach = np.inf
        for block in range(n_blocks):
            nearest, farthest = 0.0, 0.0
            for axis, edge in ((0, sz), (1, sy), (2, sx)):
                above = boxes[block, axis] - query_boxes[group, axis + 3]
                below = query_boxes[group, axis] - boxes[block, axis + 3]
                gap = max(above, below, 0) * edge
                wide = boxes[block, axis + 3] - query_boxes[group, axis]
                back = query_boxes[group, axis + 3] - boxes[block, axis]
                span = max(wide, back) * edge
                nearest += gap * gap
                farthest += span * span
            low[block] = nearest
            reach = min(reach, farthest)
        n_candidates = 0
        # Both sides of the comparison are rounded.
        reach *= 1 + 1e-12
        for block in range(n_blocks):
            if low[block] <= reach:
                candidates[n_candidates] = block
                n_candidates += 1
        for i in range(query_starts[group], query_starts[group + 1]):
            if work > work_limit:
                return i
            index = ordered[i]
            position = queries[index]
            z, y, x = position >> 42, position >> 21 & _MASK, position & _MASK
            best = min(distances[index], _squared(points[nearest_point], z, y, x, sz, sy, sx))
            work += n_candidates
            for block in candidates[:n_candidates]:
                if low[block] >= best:
                    continue
                dz = max(boxes[block, 0] - z, z - boxes[block, 3], 0) * sz
                dy = max(boxes[block, 1] - y, y - boxes[block, 4], 0) * sy
                dx = max(boxes[block, 2] - x, x - boxes[block, 5], 0) * sx
                if dz * dz + dy * dy + dx * dx >= best:
                    continue
                work += starts[block + 1] - starts[block]
                for j in range(starts[block], starts[block + 1]):
                    squared = _squared(points[j], z, y, x, sz, sy, sx)
                    if squared < best:
                        best, nearest_point = squared, j
            distances[index] = best
    return ordered.size


@kernel
def _squared(point: int, z: int, y: int, x: int, sz: float, sy: float, sx: float) -> float:
    dz = ((point >> 42) - z) * sz
    dy = ((point >> 21 & _MASK) - y) * sy
    dx = ((point & _MASK) - x) * sx
    return dz * dz + dy * dy + dx * dx
