"""The surfaces of lesions, and percentiles of the distances between them.

A prediction that is one label everywhere is the answer to every lesion at once, so that the
surface of a whole volume is held against each of them. The hard part is to keep that quick: a
percentile asks for the order of distances alone, so those that must lie below it or above it,
wherever on the lesion the nearest point is, are never measured.
"""

from math import prod, sqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from proctor_metrics.cases import BoolArray, FloatArray
from proctor_metrics.segmentation.coded import SMALL_VOXELS
from proctor_metrics.segmentation.surfel import surfels
from proctor_metrics.segmentation.weighted_percentile import weighted_percentile

_SLACK = 1e-9
"""By this share bounds are widened, for they are rounded."""


class LesionSurface(NamedTuple):
    """The surface elements of a mask.

    Attributes:
        places: int32 of shape (n_axes, n), the corner of voxels that each sits at.
        areas: float64 of shape (n,): mm2 in 3-D, mm in 2-D.
    """

    places: npt.NDArray[np.int32]
    areas: FloatArray


def lesion_surface(
    mask: BoolArray, first_voxel: tuple[int, ...], spacing_mm: tuple[float, ...]
) -> LesionSurface:
    """Return the surface of a mask that was cut out of a volume at `first_voxel`."""
    found = surfels(mask, spacing_mm)
    places = np.nonzero(found.border)
    shifted = [along + start for along, start in zip(places, first_voxel, strict=True)]
    return LesionSurface(np.array(shifted, dtype=np.int32), found.areas)


def percentile_distance(
    source: LesionSurface, target: LesionSurface, spacing_mm: tuple[float, ...], percent: float
) -> float:
    """Return a percentile of the distances from one surface to another, weighted by area, in mm.

    >>> line = LesionSurface(np.array([[0, 0, 0], [0, 1, 5]], np.int32), np.ones(3))
    >>> percentile_distance(line, line._replace(places=line.places[:, :1]), (1.0, 2.0), 60.0)
    2.0
    """
    targets = _within_reach(source.places, target.places, spacing_mm)
    below, above = _bounds(source.places, targets, spacing_mm)
    lowest = weighted_percentile(below, source.areas, percent) * (1 - _SLACK)
    highest = weighted_percentile(above, source.areas, percent) * (1 + _SLACK)
    # What is left as a bound is on the side of the percentile that its distance is on.
    distances = np.where(above < lowest, above, below)
    asked = np.flatnonzero((above >= lowest) & (below <= highest))
    distances[asked] = _nearest(source.places[:, asked], targets, spacing_mm)
    return weighted_percentile(distances, source.areas, percent)


def _within_reach(
    sources: npt.NDArray[np.int32], targets: npt.NDArray[np.int32], spacing_mm: tuple[float, ...]
) -> npt.NDArray[np.int32]:
    """Return the targets that can be nearest to a source: those in a ball around all sources."""
    low, high = sources.min(axis=1), sources.max(axis=1)
    middle = (low + high) / 2
    radius = sqrt(sum(((high - low) / 2 * np.asarray(spacing_mm)) ** 2))
    away = np.sqrt(_squares(targets, middle, spacing_mm))
    return targets[:, away <= (away.min() + 2 * radius) * (1 + _SLACK)]


def _bounds(
    sources: npt.NDArray[np.int32], targets: npt.NDArray[np.int32], spacing_mm: tuple[float, ...]
) -> tuple[FloatArray, FloatArray]:
    """Return distances that are at most, and at least, those to the nearest target."""
    below = np.zeros(sources.shape[1])
    for along, others, edge in zip(sources, targets, spacing_mm, strict=True):
        gap = np.maximum(np.maximum(others.min() - along, along - others.max()), 0)
        below += (gap * edge) ** 2
    above = np.full(sources.shape[1], np.inf)
    outermost = {int(place) for along in targets for place in (along.argmin(), along.argmax())}
    for place in outermost:
        np.minimum(above, _squares(sources, targets[:, place], spacing_mm), out=above)
    return np.sqrt(below), np.sqrt(above)


def _squares(
    places: npt.NDArray[np.int32], point: npt.NDArray[np.generic], spacing_mm: tuple[float, ...]
) -> FloatArray:
    """Return the squared distance of each place to a point, in mm2."""
    total = np.zeros(places.shape[1])
    for along, here, edge in zip(places, point, spacing_mm, strict=True):
        total += ((along - here) * edge) ** 2
    return total


def _nearest(
    sources: npt.NDArray[np.int32], targets: npt.NDArray[np.int32], spacing_mm: tuple[float, ...]
) -> FloatArray:
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


def _searched(
    sources: npt.NDArray[np.int32], targets: npt.NDArray[np.int32], spacing_mm: tuple[float, ...]
) -> FloatArray:
    """Return the same for large boxes, by the compiled search."""
    from proctor_metrics.segmentation.kernels.nearest import nearest_distances
    from proctor_metrics.segmentation.kernels.rows import neighborhood

    flat = len(spacing_mm) == 2
    edges = (1.0, *spacing_mm)[-3:]
    spacing = float(edges[0]), float(edges[1]), float(edges[2])
    queries, points = (
        sum(along.astype(np.int64) << 21 * axis for axis, along in enumerate(places[::-1]))
        for places in (sources, targets)
    )
    return nearest_distances(queries, points, spacing, neighborhood(spacing, flat))
