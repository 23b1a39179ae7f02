"""Find the surface elements of every structure in one pass over a label map.

A surface element sits at a corner of the dual grid where the voxels around it are neither all in
a structure nor all outside it. Its code says which are inside, bit b for the b-th voxel of
`product((0, 1), repeat=n_axes)`; `surfel.area_table` has the area of each code.
"""

import numpy as np
import numpy.typing as npt

from proctor_metrics.compiled import kernel, load_word, trailing_zeros
from proctor_metrics.segmentation.kernels.borders import (
    Bits,
    Owners,
    Positions,
    place,
    stretch,
)
from proctor_metrics.segmentation.kernels.label_rows import Codes, Extents, Starts


@kernel
def corner_rows(
    labels: Codes,
    starts: Starts,
    extents: Extents,
    shape: tuple[int, int, int],
    flat: bool,
    bits: Bits,
    first_row: int,
    row_limit: int,
    positions: Positions,
    owners: Owners,
    codes: npt.NDArray[np.uint8],
) -> tuple[int, int]:
    """Write each corner once for each structure whose surface passes it, with its code.

    Args:
        labels: of a `LabelRows`, as uint8 codes.
        starts: likewise.
        extents: likewise.
        shape: likewise.
        flat: whether it is an image, whose corners have four pixels and not eight.
        bits: uint64 of shape (256,).
        first_row: the row of corners, height + 1 in each plane, where to begin.
        row_limit: entries that one row may need.
        positions: int64; where the corner is. Written.
        owners: uint8 of the same length; which structure. Written.
        codes: uint8 of the same length; which voxels around it are inside. Written.

    Returns:
        The row that was reached, the first without room or the end, and the entries written.
    """
    depth, height = shape[0], shape[1]
    around = np.zeros(8, np.uint64)
    found = 0
    zero = np.uint64(0)
    n_voxels = 4 if flat else 8
    last_row = (depth if flat else depth + 1) * (height + 1)
    for corner_row in range(first_row, last_row):
        if found + row_limit > positions.size:
            return corner_row, found
        z, y = corner_row // (height + 1), corner_row % (height + 1)
        s0, f0, e0 = stretch(starts, extents, z - 1, y - 1, depth, height)
        s1, f1, e1 = stretch(starts, extents, z - 1, y, depth, height)
        s2, f2, e2 = stretch(starts, extents, z, y - 1, depth, height)
        s3, f3, e3 = stretch(starts, extents, z, y, depth, height)
        if flat:
            e0 = e1 = 0
        end = max(e0, e1, e2, e3)
        first = end + 1
        if e0 > 0:
            first = min(first, f0)
        if e1 > 0:
            first = min(first, f1)
        if e2 > 0:
            first = min(first, f2)
        if e3 > 0:
            first = min(first, f3)
        for x in range(first, end + 1, 8):
            word = load_word(labels, place(s3, f3, e3, x))
            differing = word ^ load_word(labels, place(s3, f3, e3, x - 1))
            differing |= word ^ load_word(labels, place(s2, f2, e2, x))
            differing |= word ^ load_word(labels, place(s2, f2, e2, x - 1))
            if not flat:
                differing |= word ^ load_word(labels, place(s1, f1, e1, x))
                differing |= word ^ load_word(labels, place(s1, f1, e1, x - 1))
                differing |= word ^ load_word(labels, place(s0, f0, e0, x))
                differing |= word ^ load_word(labels, place(s0, f0, e0, x - 1))
            while differing != zero:
                byte = trailing_zeros(differing) >> 3
                differing &= ~(np.uint64(0xFF) << np.uint64(8 * byte))
                here = x + byte
                for side in range(2):
                    at = here - 1 + side
                    if flat:
                        around[side] = bits[labels[place(s2, f2, e2, at)]]
                        around[2 + side] = bits[labels[place(s3, f3, e3, at)]]
                    else:
                        around[side] = bits[labels[place(s0, f0, e0, at)]]
                        around[2 + side] = bits[labels[place(s1, f1, e1, at)]]
                        around[4 + side] = bits[labels[place(s2, f2, e2, at)]]
                        around[6 + side] = bits[labels[place(s3, f3, e3, at)]]
                anywhere, everywhere = zero, ~zero
                for voxel in range(n_voxels):
                    anywhere |= around[voxel]
                    everywhere &= around[voxel]
                surface = anywhere & ~everywhere
                while surface != zero:
                    owner = np.uint64(trailing_zeros(surface))
                    surface &= surface - np.uint64(1)
                    code = zero
                    for voxel in range(n_voxels):
                        code |= (around[voxel] >> owner & np.uint64(1)) << np.uint64(voxel)
                    positions[found] = (z << 42) | (y << 21) | here
                    owners[found] = owner
                    codes[found] = code
                    found += 1
    return last_row, found
