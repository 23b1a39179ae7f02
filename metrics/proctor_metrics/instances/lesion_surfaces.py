"""The surfaces of lesions, and percentiles of the distances between them.

A prediction that is one label everywhere is the answer to every lesion at once, so that the
surface of a whole volume is held against each of them. The hard part is to keep that quick: a
percentile asks for the order of distances alone, so those that must lie below it or above it,
wherever on the lesion the nearest point is, are never measured.
"""

from dataclasses import dataclass
from functools import cached_property
from math import prod, sqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from proctor_metrics.cases import BoolArray, FloatArray
from proctor_metrics.instances.surface_blocks import Blocks, Places, packed
from proctor_metrics.segmentation.coded import SMALL_VOXELS
from proctor_metrics.segmentation.surfel import surfels
from proctor_metrics.segmentation.weighted_percentile import weighted_percentile

_PIECE = 1 << 20
_LARGE = 1 << 17
"""From so many elements on a surface has blocks."""

_SLACK = 1e-9
"""By this share bounds are widened, for they are rounded."""


@dataclass(frozen=True, eq=False)
class LesionSurface:
    """The surface elements of a mask.

    Attributes:
        places: int32 of shape (n_axes, n), the corner of voxels that each sits at.
        areas: float64 of shape (n,): mm2 in 3-D, mm in 2-D.
    """

    places: Places
    areas: FloatArray

    @cached_property
    def blocks(self) -> Blocks | None:
        """Return the blocks of a large surface; None of a small one, which needs none."""
        return Blocks.of(self.places, self.areas) if self.areas.size >= _LARGE else None


class _Open(NamedTuple):
    """What a percentile is decided among: elements, and what lies below or above it for certain.

    Attributes:
        places: int32 of shape (n_axes, n_open), of the elements.
        weights: float64 of shape (n_open + n_sure,), areas; of the elements first.
        sure_mm: float64 of shape (n_sure,), some distance on the side of all that weighs so.
    """

    places: Places
    weights: FloatArray
    sure_mm: FloatArray

    def percentile(self, distances_mm: FloatArray, percent: float) -> float:
        """Return the percentile, given the distance of each element."""
        return weighted_percentile(
            np.concatenate([distances_mm, self.sure_mm]), self.weights, percent
        )


def lesion_surface(
    mask: BoolArray, first_voxel: tuple[int, ...], spacing_mm: tuple[float, ...]
) -> LesionSurface:
    """Return the surface of a mask that was cut out of a volume at `first_voxel`."""
    found = surfels(mask, spacing_mm)
    places = np.empty((mask.ndim, found.areas.size), dtype=np.int32)
    done = 0
    for plane, border in enumerate(found.border):
        for axis, along in enumerate(np.nonzero(border[np.newaxis])):
            places[axis, done : done + along.size] = along
        places[0, done : done + along.size] += plane
        done += along.size
    places += np.array(first_voxel, dtype=np.int32)[:, np.newaxis]
    return LesionSurface(places, found.areas)


def percentile_distance(
    source: LesionSurface, target: LesionSurface, spacing_mm: tuple[float, ...], percent: float
) -> float:
    """Return a percentile of the distances from one surface to another, weighted by area, in mm.

    >>> line = LesionSurface(np.array([[0, 0, 0], [0, 1, 5]], np.int32), np.ones(3))
    >>> start = LesionSurface(line.places[:, :1], line.areas[:1])
    >>> percentile_distance(line, start, (1.0, 2.0), 60.0)
    2.0
    """
    targets = _within_reach(source, target, spacing_mm)
    left = _left_open(source, targets, spacing_mm, percent)
    below, above = _bounds(left.places, targets, spacing_mm)
    lowest = left.percentile(below, percent) * (1 - _SLACK)
    highest = left.percentile(above, percent) * (1 + _SLACK)
    # What is left as a bound is on the side of the percentile that its distance is on.
    distances = np.where(above < lowest, above, below)
    asked = np.flatnonzero((above >= lowest) & (below <= highest))
    distances[asked] = _nearest(left.places[:, asked], targets, spacing_mm)
    return left.percentile(distances, percent)


def _left_open(
    source: LesionSurface, targets: Places, spacing_mm: tuple[float, ...], percent: float
) -> _Open:
    """Return the elements whose distance may be the percentile, by the blocks they are in."""
    blocks = source.blocks
    if blocks is None:
        return _Open(source.places, source.areas, np.zeros(0))
    low, high = targets.min(axis=1), targets.max(axis=1)
    below = np.sqrt(blocks.squares_to_box(low, high, spacing_mm))
    squares = (blocks.squares_at_most(targets[:, at], spacing_mm) for at in _outermost(targets))
    above = np.sqrt(np.min(list(squares), axis=0))
    lowest = weighted_percentile(below, blocks.areas, percent) * (1 - _SLACK)
    highest = weighted_percentile(above, blocks.areas, percent) * (1 + _SLACK)
    is_open = (above >= lowest) & (below <= highest)
    elements = blocks.elements(is_open)
    sure = np.where(above < lowest, above, below)[~is_open]
    weights = np.concatenate([source.areas[elements], blocks.areas[~is_open]])
    return _Open(source.places[:, elements], weights, sure)


def _within_reach(
    source: LesionSurface, target: LesionSurface, spacing_mm: tuple[float, ...]
) -> Places:
    """Return the targets that can be nearest to a source: those in a ball around all sources."""
    if source.blocks is None:
        low, high = source.places.min(axis=1), source.places.max(axis=1)
    else:
        low, high = source.blocks.low.min(axis=1), source.blocks.high.max(axis=1)
    middle = (low + high) / 2
    radius = sqrt(sum(((high - low) / 2 * np.asarray(spacing_mm)) ** 2))
    targets = target.places
    if target.blocks is not None:
        nearest = np.sqrt(target.blocks.squares_at_most(middle, spacing_mm).min())
        apart = np.sqrt(target.blocks.squares_to_box(middle, middle, spacing_mm))
        near = apart <= (nearest + 2 * radius) * (1 + _SLACK)
        targets = targets[:, target.blocks.elements(near)]
    away = np.sqrt(_squares(targets, middle, spacing_mm))
    return targets[:, away <= (away.min() + 2 * radius) * (1 + _SLACK)]


def _outermost(targets: Places) -> set[int]:
    """Return the targets that lie at an end of an axis."""
    return {int(at) for along in targets for at in (along.argmin(), along.argmax())}


def _bounds(
    sources: Places, targets: Places, spacing_mm: tuple[float, ...]
) -> tuple[FloatArray, FloatArray]:
    """Return distances that are at most, and at least, those to the nearest target."""
    below = np.zeros(sources.shape[1])
    above = np.full(sources.shape[1], np.inf)
    outermost = _outermost(targets)
    low, high = targets.min(axis=1), targets.max(axis=1)
    for first in range(0, below.size, _PIECE):
        piece = slice(first, first + _PIECE)
        some = sources[:, piece]
        for along, least, most, edge in zip(some, low, high, spacing_mm, strict=True):
            gap = np.maximum(np.maximum(least - along, along - most), 0)
            below[piece] += (gap * edge) ** 2
        for place in outermost:
            squares = _squares(some, targets[:, place], spacing_mm)
            np.minimum(above[piece], squares, out=above[piece])
    return np.sqrt(below, out=below), np.sqrt(above, out=above)


def _squares(
    places: Places, point: npt.NDArray[np.generic], spacing_mm: tuple[float, ...]
) -> FloatArray:
    """Return the squared distance of each place to a point, in mm2."""
    total = np.zeros(places.shape[1])
    for first in range(0, total.size, _PIECE):
        piece = slice(first, first + _PIECE)
        for along, here, edge in zip(places, point, spacing_mm, strict=True):
            total[piece] += ((along[piece] - here) * edge) ** 2
    return total


def _nearest(sources: Places, targets: Places, spacing_mm: tuple[float, ...]) -> FloatArray:
    """Return the distance of each source to the nearest target, in mm."""
    low = np.minimum(sources.min(axis=1), targets.min(axis=1))[:, np.newaxis]
    high = np.maximum(sources.max(axis=1), targets.max(axis=1))[:, np.newaxis]
    shape = (high - low + 1).ravel()
    if prod(shape.tolist()) >= SMALL_VOXELS:
        return _searched(sources - low, targets - low, spacing_mm)
    away = np.ones(shape, dtype=bool)
    away[tuple(targets - low)] = False
    distances = ndimage.distance_transform_edt(away, sampling=spacing_mm)
    return np.asarray(distances[tuple(sources - low)], dtype=np.float64)


def _searched(sources: Places, targets: Places, spacing_mm: tuple[float, ...]) -> FloatArray:
    """Return the same for large boxes, by the compiled search."""
    from proctor_metrics.segmentation.kernels.nearest import nearest_distances
    from proctor_metrics.segmentation.kernels.rows import neighborhood

    flat = len(spacing_mm) == 2
    edges = (1.0, *spacing_mm)[-3:]
    spacing = float(edges[0]), float(edges[1]), float(edges[2])
    queries, points = packed(sources), packed(targets)
    return nearest_distances(queries, points, spacing, neighborhood(spacing, flat))
