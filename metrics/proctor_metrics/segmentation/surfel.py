"""Surface elements of a mask on the dual grid, with their areas.

A surface element (surfel) sits at a corner where voxels meet: in 3-D eight of them, in 2-D
four. Where they are neither all inside nor all outside, a piece of the surface passes, and
its area follows from which of them are inside: marching cubes with vertices halfway between
voxel centers. The hard part is a table of those areas that holds for anisotropic spacing. It
is derived here from six shapes instead of being listed:

- inside and outside are exchanged where more than half of the voxels are inside;
- what is inside is split into parts that touch face to face, each of one of six shapes;
- each shape is cut into triangles, given by their area vectors; a component along an axis
  scales with the area of a voxel's face across that axis.

The definition is that of the surface-distance library (Nikolov et al., J. Med. Internet Res.
23 (2021) e26151), whose areas this table equals for all 256 configurations.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import hypot

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import BoolArray, FloatArray

_Corner = tuple[int, ...]
_Vector = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Surfels:
    """The surface of one mask.

    Attributes:
        border: booleans of the mask's shape plus one on each axis; True where a surface
            element is.
        areas: float64 of shape (n_surfels,), in C order of `border`: mm2 in 3-D, mm in 2-D.
    """

    border: BoolArray
    areas: FloatArray


def surfels(mask: BoolArray, spacing_mm: tuple[float, ...]) -> Surfels:
    """Find the surface elements of a mask of 2 or 3 axes; outside the array is background.

    >>> one_pixel = surfels(np.array([[True]]), (3.0, 4.0))
    >>> one_pixel.border.shape, one_pixel.areas
    ((2, 2), array([2.5, 2.5, 2.5, 2.5]))
    """
    codes = _corner_codes(mask)
    full = 2 ** (2**mask.ndim) - 1
    border = (codes != 0) & (codes != full)
    return Surfels(border, area_table(spacing_mm)[codes[border]])


@lru_cache(maxsize=64)
def area_table(spacing_mm: tuple[float, ...]) -> FloatArray:
    """Return the area of a surface element for each code, float64 of shape (16,) or (256,).

    Bit b of a code stands for the b-th corner of `product((0, 1), repeat=n_axes)`.
    """
    n_axes = len(spacing_mm)
    corners = list(product((0, 1), repeat=n_axes))
    table = np.zeros(2 ** len(corners))
    for code in range(table.size):
        inside = {corner for bit, corner in enumerate(corners) if code >> bit & 1}
        if len(inside) > len(corners) / 2:
            inside = set(corners) - inside
        for part in _parts(inside):
            table[code] += (
                _length_2d(part, spacing_mm) if n_axes == 2 else _area_3d(part, spacing_mm)
            )
    table.flags.writeable = False
    return table


def _corner_codes(mask: BoolArray) -> npt.NDArray[np.uint8]:
    padded = np.pad(mask, 1).astype(np.uint8)
    shape = tuple(length + 1 for length in mask.shape)
    codes = np.zeros(shape, dtype=np.uint8)
    for bit, corner in enumerate(product((0, 1), repeat=mask.ndim)):
        window = tuple(
            slice(offset, offset + length) for offset, length in zip(corner, shape, strict=True)
        )
        codes |= padded[window] << np.uint8(bit)
    return codes


def _parts(inside: set[_Corner]) -> Iterator[set[_Corner]]:
    """Split corners into parts that are connected along edges of the cube."""
    left = set(inside)
    while left:
        part = {left.pop()}
        while touching := {new for new in left if any(_axis(new, old) >= 0 for old in part)}:
            part |= touching
            left -= touching
        yield part


def _axis(first: _Corner, second: _Corner) -> int:
    """Return the axis along which two corners are neighbors, or -1 where they are not."""
    differing = [axis for axis in range(len(first)) if first[axis] != second[axis]]
    return differing[0] if len(differing) == 1 else -1


def _length_2d(part: set[_Corner], spacing_mm: tuple[float, ...]) -> float:
    if len(part) == 1:
        return 0.5 * hypot(*spacing_mm)
    first, second = part
    return spacing_mm[_axis(first, second)]


def _area_3d(part: set[_Corner], spacing_mm: tuple[float, ...]) -> float:
    depth, height, width = spacing_mm
    faces = (height * width, depth * width, depth * height)
    return sum(
        hypot(*(share * face for share, face in zip(vector, faces, strict=True)))
        for vector in _triangles(part)
    )


def _triangles(part: set[_Corner]) -> list[_Vector]:
    """Return the area vectors (up to sign) of the triangles around one part."""
    neighbors = {
        corner: {other: _axis(corner, other) for other in part if _axis(corner, other) >= 0}
        for corner in part
    }
    axes = [axis for found in neighbors.values() for axis in found.values()]
    along = [axis for axis in range(3) if axis in axes]
    most_neighbors = max(len(found) for found in neighbors.values())
    match len(part), len(along):
        case 1, 0:  # one corner is cut off
            return [_diagonal(1 / 8)]
        case 2, 1:  # one edge is cut off: a rectangle
            return [_without(along[0], 1 / 4)] * 2
        case 3, 2:  # an L: a pentagon around the axis that it does not use
            return [_only(_unused(along), 1 / 2), _diagonal(1 / 4), _diagonal(1 / 8)]
        case 4, 2:  # half of the cube: a rectangle
            return [_only(_unused(along), 1 / 2)] * 2
        case 4, 3 if most_neighbors == 3:  # a corner and its neighbors: a flat hexagon
            return [_diagonal(3 / 4)]
        case 4, 3:  # a chain that turns twice: a bent hexagon
            middle = _middle_axis(neighbors)
            ends = [axis for axis in range(3) if axis != middle]
            return [_diagonal(1 / 8), _diagonal(3 / 8), *(_without(axis, 1 / 4) for axis in ends)]
        case shape:
            raise AssertionError(f"no part of at most half a cube has shape {shape}")


def _middle_axis(neighbors: dict[_Corner, dict[_Corner, int]]) -> int:
    first, second = (corner for corner, found in neighbors.items() if len(found) == 2)
    return _axis(first, second)


def _unused(along: list[int]) -> int:
    return 3 - sum(along)


def _diagonal(share: float) -> _Vector:
    return (share, share, share)


def _only(axis: int, share: float) -> _Vector:
    first, second, third = (share if axis == here else 0.0 for here in range(3))
    return (first, second, third)


def _without(axis: int, share: float) -> _Vector:
    first, second, third = (0.0 if axis == here else share for here in range(3))
    return (first, second, third)
