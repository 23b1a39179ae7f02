"""A mask or an image of one value on the grid of an input, in whatever format its name asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from proctor_runner.decode.array import ARRAY_SUFFIX
from proctor_runner.decode.grid import Grid
from proctor_runner.decode.image import image_shape
from proctor_runner.decode.picture import PICTURE_SUFFIXES
from proctor_runner.decode.volume import open_volume

_FLAT, _MOST_LEVEL = 2, 255


def write_constant_mask(volume: Path, label: int, path: Path) -> None:
    """Write a mask in which every voxel of ``volume`` has ``label``."""
    _write(volume, label, np.min_scalar_type(label), path)


def write_constant_image(grid: Path, value: float, path: Path) -> None:
    """Write an image in which every voxel of ``grid`` has ``value``.

    Args:
        grid: A volume, an array or a picture.
    """
    if path.suffix in PICTURE_SUFFIXES:
        write_picture(np.full(image_shape(grid, grid.name), value), path)
        return
    if path.suffix == ARRAY_SUFFIX:
        shape = image_shape(grid, grid.name)
        np.save(path, np.full(shape, value, dtype=np.float32), allow_pickle=False)
        return
    _write(grid, value, np.dtype(np.float32), path)


def write_picture(numbers: npt.NDArray[Any], path: Path) -> None:
    """Write a picture: whole numbers of 0 to 255 as such, others in single precision.

    Args:
        numbers: Of the axes rows and columns, and channels behind them.
    """
    import SimpleITK

    whole = ((numbers >= 0) & (numbers <= _MOST_LEVEL) & (numbers == np.rint(numbers))).all()
    stored = numbers.astype(np.uint8 if whole else np.float32)
    image: Any = SimpleITK.GetImageFromArray(stored, isVector=stored.ndim > _FLAT)
    SimpleITK.WriteImage(image, str(path))


def _write(volume: Path, value: float, kind: np.dtype[np.generic], path: Path) -> None:
    grid = open_volume(volume, volume.name).grid
    mask = np.full(grid.shape, value, dtype=kind)
    if path.name.endswith((".nii", ".nii.gz")):
        import nibabel

        image = nibabel.Nifti1Image(mask, grid.affine)  # type: ignore[no-untyped-call]  # nibabel
        image.header.set_xyzt_units("mm")  # type: ignore[no-untyped-call]  # is typed in part
        image.to_filename(path)
    else:
        _write_with_itk(mask, grid, path)


def _write_with_itk(
    mask: np.ndarray[tuple[int, ...], np.dtype[np.generic]], grid: Grid, path: Path
) -> None:
    import SimpleITK

    # Its arrays have the last axis first, and its axes point left and to the back.
    turned = np.diag([-1.0, -1.0, 1.0])
    image: Any = SimpleITK.GetImageFromArray(mask.transpose())
    image.SetSpacing(grid.spacing_mm.tolist())
    image.SetOrigin((turned @ grid.affine[:3, 3]).tolist())
    image.SetDirection((turned @ grid.affine[:3, :3] / grid.spacing_mm).ravel().tolist())
    SimpleITK.WriteImage(image, str(path), useCompression=True)
