"""Reads an image output: numbers on the grid of an input, as a volume, an array or a picture.

An image keeps single precision where its values have no more, and is double otherwise.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from proctor_runner.decode.array import ARRAY_SUFFIX, open_array
from proctor_runner.decode.errors import InvalidOutputError
from proctor_runner.decode.on_grid import read_on_grid
from proctor_runner.decode.picture import PICTURE_SUFFIXES, open_picture
from proctor_runner.decode.volume import open_volume

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_AXES = 3
# What single precision holds without loss.
_SINGLE_TYPES = tuple(np.dtype(kind) for kind in ("f2", "f4", "i1", "u1", "i2", "u2"))


def image_shape(path: Path, name: str) -> tuple[int, ...]:
    """Return the shape of an input that images lie on; its header alone is read.

    Raises:
        InvalidOutputError: It is no volume, no picture, and no array of 2 or 3 axes.
    """
    if name.endswith(PICTURE_SUFFIXES):
        return open_picture(path, name).shape
    if not name.endswith(ARRAY_SUFFIX):
        return open_volume(path, name).grid.shape
    try:
        shape = np.load(path, mmap_mode="r", allow_pickle=False).shape
    except (OSError, ValueError, EOFError) as error:
        raise InvalidOutputError(f"{name} is no readable .npy array: {error}.") from None
    if not 2 <= len(shape) <= _MOST_AXES:
        raise InvalidOutputError(f"{name} has the shape {shape}; expected 2 or 3 axes.")
    return tuple(int(length) for length in shape)


def read_image(
    path: Path, name: str, grid_path: Path, grid_file: str, grid_name: str
) -> NDArray[np.floating]:
    """Return the image in the voxel order of its grid.

    Args:
        name: What the file is called in sentences; its suffix tells the format.
        grid_path: The input whose grid it must lie on.
        grid_file: Its file name, whose suffix tells its format.
        grid_name: What it is called in sentences.

    Raises:
        InvalidOutputError: Another grid or shape, or a value that is no finite number.
    """
    if name.endswith(ARRAY_SUFFIX):
        array: NDArray[np.generic] = open_array(path, name, image_shape(grid_path, grid_file))
    elif name.endswith(PICTURE_SUFFIXES):
        array = _picture_on(path, name, image_shape(grid_path, grid_file), grid_name)
    else:
        grid = open_volume(grid_path, grid_file).grid
        array = read_on_grid(path, name, grid, grid_name)
    single = array.dtype.newbyteorder("=") in _SINGLE_TYPES
    kind: np.dtype[np.floating] = np.dtype(np.float32 if single else np.float64)
    image = array.astype(kind, order="C")
    _refuse_infinite(image, name)
    return image


def _picture_on(
    path: Path, name: str, expected: tuple[int, ...], grid_name: str
) -> NDArray[np.generic]:
    picture = open_picture(path, name)
    if picture.shape != expected:
        raise InvalidOutputError(
            f"{name} has shape {picture.shape}; expected {expected}, that of {grid_name}."
        )
    return picture.read()


def _refuse_infinite(image: NDArray[np.floating], name: str) -> None:
    finite = np.isfinite(image)
    if not finite.all():
        place = tuple(int(index) for index in np.argwhere(~finite)[0])
        raise InvalidOutputError(
            f"{name} holds {image[place]} at {place} and in {int((~finite).sum())} of {image.size}"
            " voxels in all; expected finite numbers."
        )
