"""Reads a mask output: whole label numbers on the grid of an input."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from proctor_runner.decode.errors import InvalidOutputError
from proctor_runner.decode.grid import Grid
from proctor_runner.decode.on_grid import FlatGrid, read_on_grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_SHOWN_LABELS = 20


def mask_type(labels: Collection[int]) -> np.dtype[np.unsignedinteger]:
    """Return the smallest unsigned integer type that holds every label."""
    return np.dtype(np.min_scalar_type(max(labels)))


def read_mask(
    path: Path,
    name: str,
    grid: Grid | FlatGrid,
    grid_name: str,
    labels: Collection[int],
    ignore_unknown: bool = False,
) -> NDArray[np.unsignedinteger]:
    """Return the mask in the voxel order of ``grid``.

    Args:
        name: What the file is called in sentences.
        grid_name: What the input is called whose grid it must lie on.
        labels: All numbers it may hold but 0, which is background.
        ignore_unknown: Whether any other whole number is background too.

    Raises:
        InvalidOutputError: Another grid, a value that is no whole number, an unknown label.
    """
    known = {0, *labels}
    voxels = read_whole_numbers(path, name, grid, grid_name)
    if ignore_unknown:
        return _without_unknown(voxels, known)
    _refuse_unknown(voxels, name, known)
    return np.ascontiguousarray(voxels, dtype=mask_type(known))


def read_whole_numbers(
    path: Path, name: str, grid: Grid | FlatGrid, grid_name: str
) -> NDArray[np.generic]:
    """Return whole numbers in the voxel order of ``grid``; see ``read_mask``.

    Raises:
        InvalidOutputError: Another grid, or a value that is no whole number.
    """
    return _whole(read_on_grid(path, name, grid, grid_name), name)


def _whole(voxels: NDArray[np.generic], name: str) -> NDArray[np.generic]:
    if voxels.dtype.kind == "b":
        # Not converted: a byte that is neither true nor false stays the number it is.
        return voxels.view(np.uint8)
    if voxels.dtype.kind in "iu":
        return voxels
    numbers = voxels.astype(np.float64, copy=False)
    bad = ~np.isfinite(numbers)
    bad |= numbers != np.rint(numbers)
    if bad.any():
        raise InvalidOutputError(
            f"{name} holds {float(numbers[bad][0]):g} in {int(bad.sum())} of {bad.size} voxels or"
            " the like; expected whole label numbers."
        )
    return numbers


def _without_unknown(
    voxels: NDArray[np.generic], known: Collection[int]
) -> NDArray[np.unsignedinteger]:
    kept = np.zeros(max(known) + 1, dtype=mask_type(known))
    kept[list(known)] = list(known)
    outside = (voxels < 0) | (voxels > max(known))  # type: ignore[operator]
    return np.ascontiguousarray(kept[np.where(outside, 0, voxels).astype(np.intp)])


def _refuse_unknown(voxels: NDArray[np.generic], name: str, known: Collection[int]) -> None:
    numbers = voxels.astype(np.float64, copy=False) if voxels.dtype.kind == "f" else voxels
    low, high = float(numbers.min()), float(numbers.max())
    if low < 0 or high > max(known):
        _raise_unknown(low if low < 0 else high, name, known)
    table = np.zeros(max(known) + 1, dtype=bool)
    table[list(known)] = True
    found = np.flatnonzero(np.bincount(numbers.ravel().astype(np.intp, copy=False)))
    for label in found:
        if not table[label]:
            _raise_unknown(float(label), name, known)


def _raise_unknown(label: float, name: str, known: Collection[int]) -> None:
    shown = ", ".join(str(one) for one in sorted(known)[:_MOST_SHOWN_LABELS])
    more = ", …" if len(known) > _MOST_SHOWN_LABELS else ""
    raise InvalidOutputError(f"{name} holds the label {label:g}; the task knows {shown}{more}.")
