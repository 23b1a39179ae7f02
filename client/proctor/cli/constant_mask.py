"""A mask or an image of one value on the grid of an input, in whatever format its name asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from proctor_runner.decode.array import ARRAY_SUFFIX
from proctor_runner.decode.grid import Grid
from proctor_runner.decode.on_grid import FlatGrid, open_grid, shape_on
from proctor_runner.decode.picture import PICTURE_SUFFIXES

_FLAT = 2
_MOST_WHOLE = 1 << 32


def write_constant_mask(grid: Path, label: int, path: Path) -> None:
    """Write a mask in which every voxel of ``grid``, see `write_constant_image`, has ``label``."""
    _write(grid, label, np.min_scalar_type(label), path, of_numbers=False)


def write_constant_image(grid: Path, value: float, path: Path) -> None:
    """Write an image in which every voxel of ``grid`` has ``value``.

    Args:
        grid: A volume, an array or a picture.
    """
    _write(grid, value, np.dtype(np.float32), path, of_numbers=True)


def write_picture(numbers: npt.NDArray[Any], path: Path) -> None:
    """Write a picture: whole numbers as such, others in single precision.

    Args:
        numbers: Of the axes rows and columns, and channels behind them.
    """
    import SimpleITK

    kind = np.dtype(np.float32)
    whole = ((numbers >= 0) & (numbers == np.rint(numbers))).all()
    if whole and numbers.max(initial=0) < _MOST_WHOLE:
        kind = np.min_scalar_type(int(numbers.max(initial=0)))
    stored = numbers.astype(kind)
    image: Any = SimpleITK.GetImageFromArray(stored, isVector=stored.ndim > _FLAT)
    SimpleITK.WriteImage(image, str(path))


def _write(
    grid_file: Path, value: float, kind: np.dtype[np.generic], path: Path, *, of_numbers: bool
) -> None:
    grid = open_grid(grid_file, grid_file.name)
    mask = np.full(shape_on(grid, of_numbers=of_numbers), value, dtype=kind)
    if path.suffix == ARRAY_SUFFIX:
        np.save(path, mask, allow_pickle=False)
    elif path.suffix in PICTURE_SUFFIXES:
        write_picture(mask, path)
    elif isinstance(grid, FlatGrid):
        raise ValueError(f"{path.name} is a volume, and {grid_file.name} is none")
    elif path.name.endswith((".nii", ".nii.gz")):
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
