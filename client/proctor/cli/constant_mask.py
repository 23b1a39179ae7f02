"""A mask of one label on the grid of a volume, in whatever format its name asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from proctor_runner.decode.grid import Grid
from proctor_runner.decode.volume import open_volume


def write_constant_mask(volume: Path, label: int, path: Path) -> None:
    """Write a mask in which every voxel of ``volume`` has ``label``."""
    grid = open_volume(volume, volume.name).grid
    mask = np.full(grid.shape, label, dtype=np.min_scalar_type(label))
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
