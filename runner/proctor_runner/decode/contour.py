"""Reads a contour output: outlines in JSON, filled into a mask on the grid of an input.

A voxel is inside where the outlines of a label in its slice go around its center an odd number of
times, so an outline inside another is a hole. A center on the left or lower edge is inside, one on
the right or upper edge is not: areas that share an edge share no voxel.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from proctor_runner.decode.csv_rows import short
from proctor_runner.decode.errors import InvalidOutputError
from proctor_runner.decode.grid import Grid
from proctor_runner.decode.guarded_json import loads
from proctor_runner.decode.mask import mask_type
from proctor_runner.decode.on_grid import FlatGrid

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_CONTOUR_BYTES = 16 * 1024 * 1024
"""The longest file of outlines."""

_MOST_COORDINATE = 1e9
_LEAST_POINTS = 3


def read_contours(
    path: Path, name: str, grid: Grid | FlatGrid, grid_name: str, labels: Mapping[str, int]
) -> NDArray[np.unsignedinteger]:
    """Return the mask that the outlines fill, in the voxel order of ``grid``.

    On a picture x goes along a row, y down the columns, and z through the pages.

    Args:
        name: What the file is called in sentences.
        grid_name: What the input is called that the outlines lie on.
        labels: The number of each label by its name, and by its number as text.

    Raises:
        InvalidOutputError: It is no list of outlines, one has an unknown label or fewer than three
            points, or lies in no one slice of the grid.
    """
    try:
        outlines = loads(path.read_bytes(), MOST_CONTOUR_BYTES)
    except ValueError as error:
        raise InvalidOutputError(f"{name} is no readable JSON: {short(str(error))}.") from None
    if not isinstance(outlines, list):
        raise InvalidOutputError(f"{name} holds no list; expected a list of outlines.")
    # Of an array or a picture the last axis is the one that x goes along.
    shape = grid.shape[::-1] if isinstance(grid, FlatGrid) else grid.shape
    spread = (*shape, 1)[:3]
    by_plane: dict[tuple[int, int], list[NDArray[np.float64]]] = {}
    for number, outline in enumerate(outlines):
        where = f"{name} outline {number + 1}"
        if not isinstance(outline, dict) or not {"points"} <= set(outline) <= {"label", "points"}:
            raise InvalidOutputError(f"{where} is no object with label and points.")
        label = _label(outline.get("label"), where, labels)
        points, k = _points(outline["points"], where, spread[2], grid_name)
        by_plane.setdefault((label, k), []).append(points)
    mask = np.zeros(spread, dtype=mask_type({0, *labels.values()}))
    for (label, k), polygons in by_plane.items():
        mask[:, :, k][_filled(polygons, spread[:2])] = label
    if isinstance(grid, FlatGrid):
        return np.ascontiguousarray(mask.reshape(shape).T)
    return mask


def _label(label: object, where: str, labels: Mapping[str, int]) -> int:
    numbers = set(labels.values())
    if label is None and len(numbers) == 1:
        return next(iter(numbers))
    if isinstance(label, int | str) and not isinstance(label, bool) and str(label) in labels:
        return labels[str(label)]
    known = ", ".join(str(number) for number in sorted(numbers))
    raise InvalidOutputError(
        f"{where} has the label {short(str(label))!r}; the task knows {known}."
    )


def _points(
    points: Any, where: str, slices: int, grid_name: str
) -> tuple[NDArray[np.float64], int]:
    """Return the points as (n, 2) and the slice that they lie in."""
    if not isinstance(points, list) or len(points) < _LEAST_POINTS:
        raise InvalidOutputError(f"{where} has fewer than {_LEAST_POINTS} points.")
    size = len(points[0]) if isinstance(points[0], list) else 0
    if size not in (2, 3) or (size == 2 and slices > 1):
        expected = "[x, y, z]" if slices > 1 else "[x, y] or [x, y, z]"
        raise InvalidOutputError(f"{where} has points without a place; expected {expected}.")
    for point in points:
        if not isinstance(point, list) or len(point) != size or not all(map(_is_number, point)):
            raise InvalidOutputError(
                f"{where} holds the point {short(str(point))}; expected {size} finite numbers as in"
                " its first."
            )
    array = np.asarray(points, dtype=np.float64)
    heights = np.unique(array[:, 2]) if size == 3 else np.zeros(1)
    if len(heights) > 1 or heights[0] != round(float(heights[0])):
        raise InvalidOutputError(f"{where} lies in no one slice; expected one whole z.")
    k = int(heights[0])
    if not 0 <= k < slices:
        raise InvalidOutputError(
            f"{where} lies in slice {k}; {grid_name} has {slices}, numbered from 0."
        )
    return array[:, :2], k


def _is_number(value: object) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    # Of an infinity or a NaN this is False.
    return abs(value) <= _MOST_COORDINATE


def _filled(polygons: list[NDArray[np.float64]], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return which voxels of a slice are inside, (i, j), by the even-odd rule."""
    columns, rows = shape
    inside = np.zeros((rows, columns), dtype=np.bool_)
    # All edges at once: a file may hold a hundred thousand outlines.
    x0, y0 = np.concatenate(polygons).T
    x1, y1 = np.concatenate([np.roll(points, -1, axis=0) for points in polygons]).T
    first = max(0, math.ceil(float(y0.min())))
    last = min(rows - 1, math.floor(float(y0.max())))
    for row in range(first, last + 1):
        crossing = (y0 <= row) != (y1 <= row)
        along = (row - y0[crossing]) / (y1[crossing] - y0[crossing])
        x = x0[crossing] + along * (x1[crossing] - x0[crossing])
        begins = np.clip(np.ceil(x), 0, columns).astype(np.intp)
        turns = np.bincount(begins, minlength=columns + 1)[:columns]
        inside[row] = np.cumsum(turns) % 2 == 1
    return inside.T
