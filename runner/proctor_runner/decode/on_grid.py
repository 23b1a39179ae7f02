"""Reads a volume in the voxel order of the grid that it must lie on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from proctor_runner.decode.errors import InvalidOutputError
from proctor_runner.decode.grid import Grid, difference, reordering
from proctor_runner.decode.volume import open_volume

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def read_on_grid(path: Path, name: str, grid: Grid, grid_name: str) -> NDArray[np.generic]:
    """Return the voxels as they are stored, axes turned and flipped as those of ``grid``.

    Args:
        name: What the file is called in sentences.
        grid_name: What the input is called whose grid it must lie on.

    Raises:
        InvalidOutputError: It is no readable volume, or lies on another grid.
    """
    volume = open_volume(path, name)
    order = reordering(volume.grid, grid)
    if order is None:
        raise InvalidOutputError(
            f"{name} lies on {volume.grid.describe()}; expected the grid of {grid_name},"
            f" {grid.describe()}: {difference(volume.grid, grid)}."
        )
    return order.apply(volume.read())
