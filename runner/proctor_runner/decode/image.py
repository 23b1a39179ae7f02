"""Reads an image output: numbers on the grid of an input.

An image keeps single precision where its values have no more, and is double otherwise.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from proctor_runner.decode.errors import InvalidOutputError
from proctor_runner.decode.grid import Grid
from proctor_runner.decode.on_grid import FlatGrid, read_on_grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

OF_NUMBERS = ("image", "heatmap")
"""Outputs that hold any finite number in every place."""

# What single precision holds without loss.
_SINGLE_TYPES = tuple(np.dtype(kind) for kind in ("f2", "f4", "i1", "u1", "i2", "u2"))


def read_image(
    path: Path, name: str, grid: Grid | FlatGrid, grid_name: str
) -> NDArray[np.floating]:
    """Return the image in the voxel order of its grid.

    Args:
        name: What the file is called in sentences; its suffix tells the format.
        grid_name: What the input is called whose grid it must lie on.

    Raises:
        InvalidOutputError: Another grid or shape, or a value that is no finite number.
    """
    array = read_on_grid(path, name, grid, grid_name, of_numbers=True)
    single = array.dtype.newbyteorder("=") in _SINGLE_TYPES
    kind: np.dtype[np.floating] = np.dtype(np.float32 if single else np.float64)
    image = array.astype(kind, order="C")
    _refuse_infinite(image, name)
    return image


def _refuse_infinite(image: NDArray[np.floating], name: str) -> None:
    finite = np.isfinite(image)
    if not finite.all():
        place = tuple(int(index) for index in np.argwhere(~finite)[0])
        raise InvalidOutputError(
            f"{name} holds {image[place]} at {place} and in {int((~finite).sum())} of {image.size}"
            " voxels in all; expected finite numbers."
        )
