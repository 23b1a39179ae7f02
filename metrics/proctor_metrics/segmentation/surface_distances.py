"""Distances from the surface of one mask to the surface of another, in both directions, in mm.

Distances are float64; outside the image is background. What is made of them, a percentile or a
mean, is for `surface` and `average_surface` to say.
"""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from proctor_metrics.cases import BoolArray, FloatArray
from proctor_metrics.segmentation.surfel import surfels


class Directed(NamedTuple):
    """Distances from one surface to the other, with the weight of each; float64 (n,)."""

    distances_mm: FloatArray
    weights: FloatArray


def enclosing_box(mask: BoolArray) -> tuple[slice, ...]:
    """Return the smallest box that holds a mask that is not empty."""
    slices = []
    for axis in range(mask.ndim):
        others = tuple(other for other in range(mask.ndim) if other != axis)
        used = np.flatnonzero(mask.any(axis=others))
        slices.append(slice(int(used[0]), int(used[-1]) + 1))
    return tuple(slices)


def surfel_distances(
    predicted: BoolArray, true: BoolArray, spacing_mm: tuple[float, ...]
) -> tuple[Directed, Directed]:
    """Return the distances between surface elements, weighted by their areas, there and back."""
    first, second = surfels(predicted, spacing_mm), surfels(true, spacing_mm)
    return (
        Directed(_distance_to(second.border, spacing_mm)[first.border], first.areas),
        Directed(_distance_to(first.border, spacing_mm)[second.border], second.areas),
    )


def voxel_distances(
    predicted: BoolArray, true: BoolArray, spacing_mm: tuple[float, ...]
) -> tuple[FloatArray, FloatArray]:
    """Return the distances between voxels with a background face neighbor, there and back."""
    first, second = _voxel_border(predicted), _voxel_border(true)
    return _distance_to(second, spacing_mm)[first], _distance_to(first, spacing_mm)[second]


def _voxel_border(mask: BoolArray) -> BoolArray:
    faces = ndimage.generate_binary_structure(mask.ndim, 1)
    border: BoolArray = mask & ~ndimage.binary_erosion(mask, structure=faces)
    return border


def _distance_to(border: BoolArray, spacing_mm: tuple[float, ...]) -> FloatArray:
    return np.asarray(
        ndimage.distance_transform_edt(~border, sampling=spacing_mm), dtype=np.float64
    )
