"""Reads what must lie on the grid of an input: a volume, an array or a picture.

A volume's grid is its shape and its place in space. An array or a picture has a shape alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from proctor_runner.decode.array import ARRAY_SUFFIX, ARRAY_TYPES, LABEL_TYPES, open_array
from proctor_runner.decode.errors import InvalidOutputError
from proctor_runner.decode.grid import Grid, difference, reordering
from proctor_runner.decode.picture import PICTURE_SUFFIXES, OpenedPicture, open_picture
from proctor_runner.decode.volume import open_volume

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FEWEST_AXES, _MOST_AXES = 2, 3


@dataclass(frozen=True)
class FlatGrid:
    """The shape of an array, or of a picture: rows and columns, or pages before them.

    Attributes:
        shape: What a map of labels on it has.
        channels: What an image on it has beside them; nothing where a pixel is one number.
    """

    shape: tuple[int, ...]
    channels: tuple[int, ...] = ()


def open_grid(path: Path, file: str) -> Grid | FlatGrid:
    """Read the grid of an input from its header alone.

    Args:
        file: Its file name, whose suffix tells the format.

    Raises:
        InvalidOutputError: It is no volume, no picture, and no array of 2 or 3 axes.
    """
    if file.endswith(PICTURE_SUFFIXES):
        picture = open_picture(path, file)
        return FlatGrid(picture.pixels, picture.shape[len(picture.pixels) :])
    if not file.endswith(ARRAY_SUFFIX):
        return open_volume(path, file).grid
    try:
        shape = np.load(path, mmap_mode="r", allow_pickle=False).shape
    except (OSError, ValueError, EOFError) as error:
        raise InvalidOutputError(f"{file} is no readable .npy array: {error}.") from None
    if not _FEWEST_AXES <= len(shape) <= _MOST_AXES:
        raise InvalidOutputError(f"{file} has the shape {shape}; expected 2 or 3 axes.")
    return FlatGrid(tuple(int(length) for length in shape))


def shape_on(grid: Grid | FlatGrid, *, of_numbers: bool) -> tuple[int, ...]:
    """Return the shape of an output on a grid.

    Args:
        of_numbers: Whether it is an image, which has the channels of a picture as well.
    """
    channels = grid.channels if of_numbers and isinstance(grid, FlatGrid) else ()
    return (*grid.shape, *channels)


def read_on_grid(
    path: Path, name: str, grid: Grid | FlatGrid, grid_name: str, *, of_numbers: bool = False
) -> NDArray[Any]:
    """Return the numbers as they are stored, in the order of a volume's axes.

    Args:
        name: What the file is called in sentences; its suffix tells the format.
        grid_name: What the input is called whose grid it must lie on.
        of_numbers: Whether it is an image; else it is a map, one whole number a pixel.

    Raises:
        InvalidOutputError: It cannot be read, or lies on another grid.
    """
    expected = shape_on(grid, of_numbers=of_numbers)
    if name.endswith(ARRAY_SUFFIX):
        return open_array(path, name, expected, ARRAY_TYPES if of_numbers else LABEL_TYPES)
    if isinstance(grid, FlatGrid):
        if not name.endswith(PICTURE_SUFFIXES):
            raise InvalidOutputError(f"{name} is a volume; expected one of shape {expected}.")
        return _read_picture(path, name, expected, grid_name, of_numbers)
    volume = open_volume(path, name)
    order = reordering(volume.grid, grid)
    if order is None:
        raise InvalidOutputError(
            f"{name} lies on {volume.grid.describe()}; expected the grid of {grid_name},"
            f" {grid.describe()}: {difference(volume.grid, grid)}."
        )
    return order.apply(volume.read())


def read_labels_of_picture(path: Path, name: str) -> NDArray[np.generic]:
    """Return the one number of each pixel of a picture.

    Raises:
        InvalidOutputError: It cannot be read, or holds colors.
    """
    picture = open_picture(path, name)
    _refuse_colors(picture, name)
    return picture.read()


def _read_picture(
    path: Path, name: str, expected: tuple[int, ...], grid_name: str, of_numbers: bool
) -> NDArray[np.generic]:
    picture = open_picture(path, name)
    if not of_numbers:
        _refuse_colors(picture, name)
    if picture.shape != expected:
        raise InvalidOutputError(
            f"{name} has shape {picture.shape}; expected {expected}, that of {grid_name}."
        )
    return picture.read()


def _refuse_colors(picture: OpenedPicture, name: str) -> None:
    if picture.channels == 1 and not picture.has_palette:
        return
    if picture.is_unpacked and not picture.has_palette:
        raise InvalidOutputError(
            f"{name} is stored in tiles, turned, or in bits that fill no byte; expected strips of"
            " 8, 16 or 32 bits a pixel."
        )
    what = "a palette of colors" if picture.has_palette else f"{picture.channels} numbers a pixel"
    raise InvalidOutputError(f"{name} holds {what}; expected one number a pixel, saved as gray.")
