"""Loads the label maps that masks are compared with: NIfTI volumes, arrays, pictures."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from proctor.spec.outputs import PICTURE_SUFFIXES
from proctor_metrics import loaders
from proctor_metrics.loaders import spacing_from_affine
from proctor_runner.decode.array import ARRAY_SUFFIX
from proctor_runner.decode.errors import InvalidOutputError
from proctor_runner.decode.on_grid import read_labels_of_picture

if TYPE_CHECKING:
    from proctor_metrics.cases.label_volume import LabelArray

VOLUME_SUFFIXES = (".nii", ".nii.gz")
_FLAT_SUFFIXES = (ARRAY_SUFFIX, *PICTURE_SUFFIXES)


_Found = TypeVar("_Found")


@dataclass(frozen=True, eq=False)
class Volume:
    """A volume as stored: its array in voxel order and the affine to millimetres."""

    array: npt.NDArray[Any]
    affine: npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MaskReference:
    """A label map in its own voxel order, with the edge lengths of a voxel."""

    values: LabelArray
    spacing_mm: tuple[float, ...]


def load_volume(path: Path, file_suffix: str) -> Volume:
    """Read a NIfTI volume whose format is told by ``file_suffix``, not by the path.

    Raises:
        ValueError: it cannot be read; the message is a phrase for its owner.
    """
    if not hasattr(loaders, "read_nifti"):
        return _read(_older_reader, path, file_suffix)
    found = _read(loaders.read_nifti, path, file_suffix)
    return Volume(found.array, found.affine)


def load_mask(path: Path, file_suffix: str) -> MaskReference:
    """Load a label map of whole numbers; of an array or a picture a pixel is of length 1.

    Raises:
        ValueError: it is none; the message is a phrase for its owner.
    """
    if file_suffix in _FLAT_SUFFIXES:
        return _load_flat_mask(path, file_suffix)
    if not hasattr(loaders, "read_label_map"):
        volume = _read(_older_reader, path, file_suffix)
        return MaskReference(as_integers(volume.array), spacing_from_affine(volume.affine))
    found = _read(loaders.read_label_map, path, file_suffix)
    whole = as_integers(found.array) if isinstance(found.array, np.ndarray) else found.array
    return MaskReference(whole, spacing_from_affine(found.affine))


def _load_flat_mask(path: Path, file_suffix: str) -> MaskReference:
    if file_suffix == ARRAY_SUFFIX:
        array = load_array(path)
    else:
        try:
            array = read_labels_of_picture(path, f"mask{file_suffix}")
        except InvalidOutputError as error:
            raise ValueError(f"is no map of labels ({error})") from error
    if array.ndim not in (2, 3):
        raise ValueError(f"has shape {array.shape}; a map of labels has 2 or 3 axes")
    return MaskReference(as_integers(array), (1.0,) * array.ndim)


def _read(reader: Callable[[bytes, bool], _Found], path: Path, file_suffix: str) -> _Found:
    if file_suffix not in VOLUME_SUFFIXES:
        raise ValueError(
            f"is a {file_suffix or 'nameless'} file; use .nii.gz or .nii, or of pictures and arrays"
            f" {', '.join(_FLAT_SUFFIXES)}"
        )
    try:
        return reader(path.read_bytes(), file_suffix == ".nii.gz")
    except unreadable(ValueError) as error:
        raise ValueError(f"is no readable NIfTI volume ({error})") from error


@cache
def unreadable(*others: type[Exception]) -> tuple[type[Exception], ...]:
    """Return what reading a damaged NIfTI volume raises, and other exceptions."""
    # Importing it takes longer than most tables, which come without any volume.
    from nibabel.filebasedimages import ImageFileError
    from nibabel.spatialimages import HeaderDataError
    from nibabel.wrapstruct import WrapStructError

    volumes = (ImageFileError, HeaderDataError, WrapStructError)
    return (OSError, EOFError, zlib.error, *volumes, *others)


def _older_reader(content: bytes, compressed: bool) -> Volume:
    """Read a volume where the metrics in use are an archive's, older than their own reader."""
    import nibabel

    image = nibabel.Nifti1Image.from_bytes(gzip.decompress(content) if compressed else content)
    return Volume(np.asanyarray(image.dataobj), np.asarray(image.affine, dtype=np.float64))


def as_integers(array: npt.NDArray[Any]) -> npt.NDArray[np.integer]:
    """Return ``array`` as integers without changing a value.

    Raises:
        ValueError: it holds something that is no whole number.
    """
    if array.dtype.kind in "iu":
        return array
    if array.dtype.kind == "b":
        return array.astype(np.uint8)
    if array.dtype.kind != "f":
        raise ValueError(f"holds values of type {array.dtype}, not integers")
    broken = ~np.isfinite(array) | (np.trunc(array) != array)
    if broken.any():
        place = tuple(int(along) for along in np.argwhere(broken)[0])
        raise ValueError(f"holds {array[place]:g} at {place}; expected whole numbers")
    if array.size and np.abs(array).max() >= 2**63:
        raise ValueError("holds values that no integer of 64 bits can hold")
    return array.astype(np.int64)


def load_array(path: Path) -> npt.NDArray[Any]:
    """Load a ``.npy`` array.

    Raises:
        ValueError: it is none; the message is a phrase for its owner.
    """
    try:
        with path.open("rb") as stream:
            array: npt.NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
    except (OSError, EOFError) as error:
        raise ValueError(f"is no readable .npy file ({error})") from error
    return array
