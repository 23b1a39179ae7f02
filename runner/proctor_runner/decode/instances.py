"""Reads an instances output: object numbers on the grid of an input."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from proctor_runner.decode.errors import InvalidOutputError
from proctor_runner.decode.grid import Grid
from proctor_runner.decode.mask import read_whole_numbers
from proctor_runner.decode.on_grid import FlatGrid

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_INSTANCES = 50_000
"""Most objects that a map may hold; pairing them is the work of who scores."""

_COUNTED_TO = 1 << 24


def read_instances(
    path: Path,
    name: str,
    grid: Grid | FlatGrid,
    grid_name: str,
    labels: Collection[int],
    class_divisor: int | None,
) -> NDArray[np.uint32]:
    """Return the number of each voxel's object in the voxel order of ``grid``.

    Args:
        name: What the file is called in sentences.
        grid_name: What the input is called whose grid it must lie on.
        labels: The classes of the task.
        class_divisor: What a number is divided by for its class; None where there is one class.

    Raises:
        InvalidOutputError: Another grid, a number that is not whole or too large, an object of no
            class, or too many of them.
    """
    voxels = read_whole_numbers(path, name, grid, grid_name)
    most = np.iinfo(np.uint32).max
    low, high = voxels.min(), voxels.max()
    if low < 0 or high > most:
        raise InvalidOutputError(
            f"{name} holds the number {low if low < 0 else high:g}; expected objects from 1 to"
            f" {most}, and 0 for none."
        )
    found = np.ascontiguousarray(voxels, dtype=np.uint32)
    numbers = _distinct(found, int(high))
    if numbers.size > MOST_INSTANCES:
        raise InvalidOutputError(
            f"{name} holds {numbers.size} objects; expected {MOST_INSTANCES} at most."
        )
    if class_divisor is not None:
        unknown = numbers[~np.isin(numbers // class_divisor, list(labels))]
        if unknown.size:
            raise InvalidOutputError(
                f"{name} holds the object {unknown[0]} of class {unknown[0] // class_divisor}"
                f" (its number divided by {class_divisor}); the task knows the classes"
                f" {', '.join(str(label) for label in sorted(labels)[:20])}."
            )
    return found


def _distinct(numbers: NDArray[np.uint32], high: int) -> NDArray[np.int64]:
    """Return what numbers there are but 0, in ascending order."""
    if high < _COUNTED_TO:
        return np.flatnonzero(np.bincount(numbers.ravel(), minlength=1)[1:]) + 1
    found = np.unique(numbers)
    return found[found > 0].astype(np.int64)
