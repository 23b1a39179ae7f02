"""Volumes and masks of a case, brought to one orientation and cut into slices.

Inputs and references are an organizer's NIfTI files. Predictions are the canonical arrays that
decode wrote, on the input's grid; a participant's own file is never read here.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import nibabel
import numpy as np
import numpy.typing as npt
from nibabel.filebasedimages import ImageFileError
from nibabel.orientations import apply_orientation, io_orientation
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

Array = npt.NDArray[Any]

_MOST_VOXELS = 100_000_000
_MOST_BYTES = 8 * _MOST_VOXELS
_MUCH = 0.8
"""A slice may be shown first when it cuts at least this part of what the best one cuts."""
_GZIP = b"\x1f\x8b"
_UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    zlib.error,
    ImageFileError,
    HeaderDataError,
    WrapStructError,
)


class VolumeError(ValueError):
    """A file that cannot be drawn; the message is a sentence for its reader."""


@dataclass(frozen=True, eq=False)
class Volume:
    """A volume whose axes lead right, anterior, superior.

    Attributes:
        array: shape (x, y, z).
        spacing_mm: edge lengths of a voxel.
        turned: what brought it to this orientation, for arrays on the same grid.
    """

    array: Array
    spacing_mm: tuple[float, float, float]
    turned: Array


@dataclass(frozen=True, eq=False)
class Pages:
    """Pictures without a place in space.

    Attributes:
        array: shape (pages, rows, columns), in colors with 3 channels behind them.
    """

    array: Array

    @property
    def colored(self) -> bool:
        """Whether a pixel is a color."""
        return self.array.ndim > 3


class Plane(StrEnum):
    """A direction of cutting; the letters say what lies left, right, top and bottom."""

    AXIAL = "axial"
    CORONAL = "coronal"
    SAGITTAL = "sagittal"

    @property
    def axis(self) -> int:
        """The axis of a volume that this plane cuts across."""
        return {Plane.SAGITTAL: 0, Plane.CORONAL: 1, Plane.AXIAL: 2}[self]

    @property
    def sides(self) -> str:
        """Left, right, top, bottom of the picture; the patient's right is at the left."""
        return {Plane.AXIAL: "RLAP", Plane.CORONAL: "RLSI", Plane.SAGITTAL: "APSI"}[self]

    def cut(self, array: Array, position: int) -> Array:
        """Return one slice as rows from the top and columns from the left."""
        found: Array = np.flip(np.take(array, position, axis=self.axis)).T
        return found

    def pixel_mm(self, spacing_mm: Sequence[float]) -> tuple[float, float]:
        """Return width and height of a pixel of a slice."""
        width, height = (spacing_mm[axis] for axis in range(3) if axis != self.axis)
        return width, height


def read_volume(content: bytes) -> Volume:
    """Read a NIfTI volume; of one with several channels the first.

    Raises:
        VolumeError: it is none, or too large to be drawn.
    """
    try:
        image = nibabel.Nifti1Image.from_bytes(_unpacked(content))
        shape = tuple(image.shape)
        if len(shape) < 3 or any(length > 1 for length in shape[4:]):
            raise VolumeError(f"A volume of shape {shape} has no slices that can be drawn.")
        if int(np.prod(shape[:3])) > _MOST_VOXELS:
            raise VolumeError(f"A volume of shape {shape} is too large to be drawn here.")
        data = np.asanyarray(image.dataobj)
        array = data.reshape((*shape[:3], -1))[..., 0]
        turned = io_orientation(image.affine)  # type: ignore[no-untyped-call]
        spacing = np.sqrt((np.asarray(image.affine)[:3, :3] ** 2).sum(axis=0))
    except VolumeError:
        raise
    except _UNREADABLE as error:
        raise VolumeError(f"The file is no NIfTI volume that can be read ({error}).") from error
    order = np.argsort(turned[:, 0])
    x, y, z = (float(spacing[axis]) for axis in order)
    return Volume(_in_order(array, turned), (x, y, z), turned)


def read_prediction(content: bytes, grid: Volume) -> Array:
    """Read a canonical array on the grid of ``grid``.

    Raises:
        VolumeError: it is none, or of another shape.
    """
    try:
        array = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise VolumeError(f"The prediction cannot be read ({error}).") from error
    if array.ndim != 3:
        raise VolumeError(f"The prediction has shape {array.shape}; a volume has three axes.")
    turned = _in_order(array, grid.turned)
    refuse_other_grid("prediction", turned, grid)
    return turned


def pages_of(array: Array, map_shape: Sequence[int], name: str) -> Pages:
    """Return a picture, or several, that maps of a shape lie on.

    Args:
        map_shape: rows and columns, or pages before them; channels come behind.

    Raises:
        VolumeError: it has another shape, or no colors that can be drawn.
    """
    axes = len(map_shape)
    if array.shape[:axes] != tuple(map_shape) or axes not in (2, 3) or array.ndim > axes + 1:
        raise VolumeError(
            f"The {name} has shape {array.shape}, the reference {tuple(map_shape)}: they cannot be"
            " drawn on each other."
        )
    if array.ndim > axes:
        # What is beside red, green and blue is transparency, and two channels are gray and that.
        array = array[..., :3] if array.shape[-1] > 2 else array[..., 0]
    return Pages(array if axes == 3 else array[np.newaxis])


def refuse_other_grid(name: str, array: Array, grid: Volume) -> None:
    """Refuse an array that does not lie on the grid of the input.

    Raises:
        VolumeError: it has another shape.
    """
    if array.shape != grid.array.shape:
        raise VolumeError(
            f"The {name} has shape {array.shape}, the input {grid.array.shape}: they cannot be"
            " drawn on each other."
        )


def usual_window(array: Array) -> tuple[float, float]:
    """Return the intensities between which most of the content lies."""
    values = array[np.isfinite(array)] if array.dtype.kind == "f" else array.ravel()
    inside = values[values != 0]
    if inside.size == 0:
        return 0.0, 1.0
    low, high = (
        float(value) for value in np.percentile(inside[:: 1 + inside.size // 10**6], (1, 99))
    )
    return (low, high) if high > low else (low, low + 1.0)


def busiest(mask: Array, plane: Plane) -> int:
    """Return a position near the middle at which much of a mask is cut."""
    others = tuple(axis for axis in range(3) if axis != plane.axis)
    counts = np.count_nonzero(mask, axis=others)
    middle = (len(counts) - 1) / 2
    much = np.flatnonzero(counts >= _MUCH * counts.max())
    return int(much[np.abs(much - middle).argmin()])


def _in_order(array: Array, turned: Array) -> Array:
    found: Array = apply_orientation(array, turned)  # type: ignore[no-untyped-call]
    return found


def _unpacked(content: bytes) -> bytes:
    if not content.startswith(_GZIP):
        return content
    unpacking = zlib.decompressobj(wbits=31)
    unpacked = unpacking.decompress(content, _MOST_BYTES)
    if unpacking.unconsumed_tail:
        raise VolumeError("The volume is too large to be drawn here.")
    return unpacked
