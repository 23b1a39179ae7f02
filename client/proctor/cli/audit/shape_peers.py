"""Surfaces, rims and centerlines of masks by SciPy's neighbor search and scikit-image.

Where surface-distance is installed, surfaces of elements are compared with its own.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

from proctor.cli.audit.peers import call, function

Mask = npt.NDArray[np.bool_]
Measure = Callable[[Mask, Mask, tuple[float, ...]], float | None]
"""Takes prediction, reference and spacing in mm."""

_ROUNDING = 1e-12


def surface_dice(
    given: Mapping[str, Any], structure: str
) -> tuple[str, Measure, dict[str, object]]:
    """Return who else computes the normalized surface distance, and under which definition."""
    tolerance = given["tolerance_mm"]
    limit_mm = float(tolerance[structure] if isinstance(tolerance, Mapping) else tolerance)
    if given.get("definition", "surfel") == "surfel" and find_spec("surface_distance"):
        return (
            "surface-distance compute_surface_dice_at_tolerance",
            lambda predicted, true, spacing_mm: _by_elements(predicted, true, spacing_mm, limit_mm),
            {"definition": "surfel"},
        )
    return (
        "SciPy cKDTree (voxel6)",
        lambda predicted, true, spacing_mm: _by_voxels(predicted, true, spacing_mm, limit_mm),
        {"definition": "voxel6"},
    )


def boundary_iou(given: Mapping[str, Any]) -> tuple[str, Measure]:
    """Return who else computes boundary IoU."""
    if given.get("definition", "voxel6") == "erosion":
        library = "SciPy distance_transform_cdt"
        rim: Callable[[Mask, tuple[float, ...]], Mask] = partial(
            _within_of_background, width=int(given["width_voxels"])
        )
    else:
        library = "SciPy cKDTree"
        limit_mm = float(given["distance_mm"]) * (1 - _ROUNDING)
        rim = partial(_near_border, limit_mm=limit_mm)

    def measure(predicted: Mask, true: Mask, spacing_mm: tuple[float, ...]) -> float | None:
        if not predicted.any() or not true.any():
            return None
        first, second = rim(predicted, spacing_mm), rim(true, spacing_mm)
        return float((first & second).sum() / (first | second).sum())

    return library, measure


def elements(predicted: Mask, true: Mask, spacing_mm: tuple[float, ...]) -> Any:
    """Return surface-distance's own record of the distances between two surfaces."""
    with warnings.catch_warnings():
        # It asks SciPy for names that are on their way out.
        warnings.simplefilter("ignore", DeprecationWarning)
        return function("surface_distance", "compute_surface_distances")(
            true, predicted, spacing_mm
        )


def centerline_dice(predicted: Mask, true: Mask, _spacing_mm: tuple[float, ...]) -> float | None:
    """Return the Dice of centerlines, each found in the whole image."""
    if not predicted.any() or not true.any():
        return None
    skeletonize = function("skimage.morphology", "skeletonize")
    lines = [np.asarray(skeletonize(mask)) > 0 for mask in (predicted, true)]
    if not all(line.any() for line in lines):
        return None
    precision, sensitivity = true[lines[0]].mean(), predicted[lines[1]].mean()
    if precision + sensitivity == 0:
        return 0.0
    return float(2 * precision * sensitivity / (precision + sensitivity))


def _by_elements(
    predicted: Mask, true: Mask, spacing_mm: tuple[float, ...], limit_mm: float
) -> float | None:
    if not predicted.any() or not true.any():
        return None
    share = "compute_surface_dice_at_tolerance"
    distances = elements(predicted, true, spacing_mm)
    return call("surface_distance", share, distances, limit_mm * (1 + _ROUNDING))


def _by_voxels(
    predicted: Mask, true: Mask, spacing_mm: tuple[float, ...], limit_mm: float
) -> float | None:
    if not predicted.any() or not true.any():
        return None
    borders = [np.argwhere(_border(mask)) * np.asarray(spacing_mm) for mask in (predicted, true)]
    near = [_distances(borders[0], borders[1]), _distances(borders[1], borders[0])]
    within = sum(int((one <= limit_mm * (1 + _ROUNDING)).sum()) for one in near)
    return within / sum(one.size for one in near)


def _near_border(mask: Mask, spacing_mm: tuple[float, ...], *, limit_mm: float) -> Mask:
    inside, border = np.argwhere(mask), np.argwhere(_border(mask))
    near = _distances(inside * np.asarray(spacing_mm), border * np.asarray(spacing_mm)) < limit_mm
    rim = np.zeros_like(mask)
    rim[tuple(inside[near].T)] = True
    return rim


def _within_of_background(mask: Mask, _spacing_mm: tuple[float, ...], *, width: int) -> Mask:
    from scipy import ndimage

    depth = ndimage.distance_transform_cdt(np.pad(mask, 1), metric="chessboard")
    core = depth[(slice(1, -1),) * mask.ndim] > width
    return np.asarray(mask & ~core)


def _border(mask: Mask) -> Mask:
    """Return the voxels of a mask with a background face neighbor."""
    padded = np.pad(mask, 1)
    inner = (slice(1, -1),) * mask.ndim
    whole = np.ones_like(mask)
    for axis in range(mask.ndim):
        for step in (-1, 1):
            whole &= np.roll(padded, step, axis)[inner]
    return mask & ~whole


def _distances(points: npt.NDArray[Any], others: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    from scipy.spatial import cKDTree

    return np.asarray(cKDTree(others).query(points)[0])
