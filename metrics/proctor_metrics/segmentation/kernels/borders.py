"""Find the border voxels of every structure in one pass over a label map.

A structure is a bit: `bits[code]` holds the bits of the structures that a voxel of this code is
in, so regions that overlap cost no pass of their own. Eight voxels that equal their neighbors
are passed over at once. Outside the volume is background.
"""

import numpy as np
import numpy.typing as npt

from proctor_metrics.compiled import kernel, load_word, trailing_zeros
from proctor_metrics.segmentation.kernels.label_rows import Codes, Extents, Starts

Positions = npt.NDArray[np.int64]
"""Voxels or corners as z * 2^42 + y * 2^21 + x."""

Owners = npt.NDArray[np.uint8]
Bits = npt.NDArray[np.uint64]


@kernel
def stretch(
    starts: Starts, extents: Extents, z: int, y: int, depth: int, height: int
) -> tuple[int, int, int]:
    """Return start, first and end of a row; an empty stretch outside the volume."""
    if z < 0 or z >= depth or y < 0 or y >= height:
        return 0, 0, 0
    row = z * height + y
    start: int = starts[row]
    first: int = extents[row, 0]
    end: int = extents[row, 1]
    return start, first, end


@kernel
def place(start: int, first: int, end: int, x: int) -> int:
    """Return where in a `LabelRows` voxel `x` of a row is; 0, where there is background, outside.

    `x` may be off the stretch by one on either side.
    """
    return start + x if end > 0 and first - 1 <= x <= end else 0


@kernel
def border_rows(
    labels: Codes,
    starts: Starts,
    extents: Extents,
    shape: tuple[int, int, int],
    flat: bool,
    bits: Bits,
    every_neighbor: bool,
    first_row: int,
    row_limit: int,
    positions: Positions,
    owners: Owners,
) -> tuple[int, int]:
    """Write each border voxel once for each structure whose border it is on.

    Args:
        labels: of a `LabelRows`, as uint8 codes.
        starts: likewise.
        extents: likewise.
        shape: likewise.
        flat: whether it is an image, which has no neighbors in depth.
        bits: uint64 of shape (256,).
        every_neighbor: whether neighbors by edge and corner count as those by face do.
        first_row: where to begin.
        row_limit: entries that one row may need.
        positions: int64; where the voxel is. Written.
        owners: uint8 of the same length; which structure. Written.

    Returns:
        The row that was reached, the first without room or the end, and the entries written.
    """
    depth, height = shape[0], shape[1]
    found = 0
    zero = np.uint64(0)
    reach = 0 if flat else 1
    for row in range(first_row, starts.size):
        start, first, end = starts[row], np.int64(extents[row, 0]), np.int64(extents[row, 1])
        if end == 0:
            continue
        if found + row_limit > positions.size:
            return row, found
        z, y = row // height, row % height
        s0, f0, e0 = stretch(starts, extents, z - 1, y, depth, height)
        s1, f1, e1 = stretch(starts, extents, z, y - 1, depth, height)
        s2, f2, e2 = stretch(starts, extents, z, y + 1, depth, height)
        s3, f3, e3 = stretch(starts, extents, z + 1, y, depth, height)
        for x in range(first, end, 8):
            word = load_word(labels, start + x)
            if word == zero:
                continue
            differing = word ^ load_word(labels, start + x - 1)
            differing |= word ^ load_word(labels, start + x + 1)
            differing |= word ^ load_word(labels, place(s1, f1, e1, x))
            differing |= word ^ load_word(labels, place(s2, f2, e2, x))
            if not flat:
                differing |= word ^ load_word(labels, place(s0, f0, e0, x))
                differing |= word ^ load_word(labels, place(s3, f3, e3, x))
            if every_neighbor:
                for dz in range(-reach, reach + 1):
                    for dy in range(-1, 2, 2):
                        s, f, e = stretch(starts, extents, z + dz, y + dy, depth, height)
                        for dx in range(-1, 2):
                            differing |= word ^ load_word(labels, place(s, f, e, x + dx))
                    if dz != 0:
                        s, f, e = stretch(starts, extents, z + dz, y, depth, height)
                        differing |= word ^ load_word(labels, place(s, f, e, x - 1))
                        differing |= word ^ load_word(labels, place(s, f, e, x + 1))
            while differing != zero:
                byte = trailing_zeros(differing) >> 3
                differing &= ~(np.uint64(0xFF) << np.uint64(8 * byte))
                here = x + byte
                inside = bits[labels[start + here]]
                if inside == zero:
                    continue
                common = bits[labels[start + here - 1]] & bits[labels[start + here + 1]]
                common &= bits[labels[place(s1, f1, e1, here)]]
                common &= bits[labels[place(s2, f2, e2, here)]]
                if not flat:
                    common &= bits[labels[place(s0, f0, e0, here)]]
                    common &= bits[labels[place(s3, f3, e3, here)]]
                if every_neighbor:
                    for dz in range(-reach, reach + 1):
                        for dy in range(-1, 2):
                            s, f, e = stretch(starts, extents, z + dz, y + dy, depth, height)
                            for dx in range(-1, 2):
                                common &= bits[labels[place(s, f, e, here + dx)]]
                border = inside & ~common
                while border != zero:
                    positions[found] = (z << 42) | (y << 21) | here
                    owners[found] = trailing_zeros(border)
                    border &= border - np.uint64(1)
                    found += 1
    return starts.size, found


@kernel
def sort_by_owner(
    owners: Owners,
    positions: Positions,
    codes: npt.NDArray[np.uint8],
    sorted_positions: Positions,
    sorted_codes: npt.NDArray[np.uint8],
    n_structures: int,
) -> npt.NDArray[np.int64]:
    """Write entries structure by structure, in the order in which they are; return their ends.

    Args:
        owners: uint8 of shape (n,); which structure.
        positions: int64, of at least as many.
        codes: uint8, likewise.
        sorted_positions: int64 of shape (n,). Written.
        sorted_codes: uint8 of shape (n,). Written.
        n_structures: how many there are.
    """
    ends = np.zeros(n_structures + 1, np.int64)
    for owner in owners:
        ends[owner + 1] += 1
    for structure in range(n_structures):
        ends[structure + 1] += ends[structure]
    for i in range(owners.size):
        place = ends[owners[i]]
        sorted_positions[place] = positions[i]
        sorted_codes[place] = codes[i]
        ends[owners[i]] += 1
    return ends[:-1]
