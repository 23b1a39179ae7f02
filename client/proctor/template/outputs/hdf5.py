"""Writes one checked output as HDF5, with what a reader needs to know of its numbers.

The file has one data set, called like the output, and these attributes on it:

| attribute | meaning |
|---|---|
| `type` | the output's type, as `mask_image` |
| `dtype` | the type of its numbers, as `float32` |
| `axes` | what each is: `i`, `j`, `k` of a volume, `rows`, `columns`, `channels` of a picture |
| `affine`, `spacing_mm` | of a volume: from voxel indices to millimeters, and the size of a voxel |
| `units`, `labels`, `columns`, `description` | where the model's card says them |

What is no array of numbers (texts, boxes with named classes) is JSON in one string, and its
`dtype` is `json`.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from . import KINDS
from .asked import OutputError

if TYPE_CHECKING:
    from pathlib import Path

    from ..case import OutputFile
    from ..values import Volume

_PICTURE_AXES = ("rows", "columns", "channels")


def write_hdf5(value: object, output: OutputFile, grid: Volume | None, path: Path) -> None:
    """Write the plain form of an output; the same value gives the same bytes.

    Args:
        grid: The volume that the output lies on, if it lies on one.

    Raises:
        OutputError: h5py is not installed.
    """
    if find_spec("h5py") is None:
        raise OutputError(
            f"output {output.name!r} as HDF5 needs h5py, which is not installed in the model's "
            "image; add it there (pip install h5py)"
        )
    import h5py
    import numpy as np

    numbers = _numbers(value)
    with h5py.File(path, "w") as file:
        if numbers is None:
            data = file.create_dataset(output.name, data=json.dumps(value, ensure_ascii=False))
        else:
            data = file.create_dataset(output.name, data=numbers)
        told: dict[str, Any] = {
            "type": output.type,
            "dtype": "json" if numbers is None else str(numbers.dtype),
            "axes": list(axes_of(output, () if numbers is None else numbers.shape, grid)),
        }
        if grid is not None:
            told["affine"] = np.asarray(grid.affine, dtype=np.float64)
            told["spacing_mm"] = np.asarray(grid.spacing_mm, dtype=np.float64)
        told["units"], told["description"] = output.units, output.description
        told["labels"], told["columns"] = list(output.labels), list(output.columns)
        for key, entry in told.items():
            if len(entry):
                data.attrs[key] = entry


def axes_of(
    output: OutputFile, shape: tuple[int, ...], grid: Volume | None = None
) -> tuple[str, ...]:
    """Return what the axes of an output's plain form are."""
    names = KINDS[output.type].axes
    if output.type in ("mask_image", "instances", "image", "heatmap") and grid is None:
        names = _PICTURE_AXES if len(shape) == 2 or shape[2:] in ((1,), (3,), (4,)) else names
    further = tuple(f"axis {axis}" for axis in range(len(names), len(shape)))
    return (*names, *further)[: len(shape)]


def _numbers(value: object) -> Any:
    """Return a value as an array of numbers; None where it is none."""
    import numpy as np

    try:
        array = np.asarray(value)
    except ValueError:
        return None
    return array if array.dtype.kind in "biufc" else None
