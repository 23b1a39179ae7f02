"""`mask_image`, `instances`, `image` and `heatmap`: a value for every voxel. Plain form: an array.

Where the output names a grid, it has the shape of that input and is written on its place in space.
A mask of a picture has one number a pixel, however many channels the picture has.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..values import Volume
from .asked import Asked, OutputError
from .kind import Kind
from .pictures import PICTURES, write_picture
from .writing import write_array

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LEAST_AXES = 2


def _check_mask(value: object, asked: Asked) -> object:
    return _on_grid(_labels(_data(value), 65535), asked, asked.map_shape)


def _check_instances(value: object, asked: Asked) -> object:
    return _on_grid(_labels(_data(value), 2**32 - 1), asked, asked.map_shape)


def _check_image(value: object, asked: Asked) -> object:
    import numpy as np

    array = np.asarray(_data(value))
    if array.dtype.kind not in "fiub":
        what = "a heatmap" if asked.output.type == "heatmap" else "an image"
        raise OutputError(f"{what} of numbers was expected, not {array.dtype}")
    if not np.isfinite(array).all():
        place = tuple(int(index) for index in np.argwhere(~np.isfinite(array))[0])
        raise OutputError(f"it holds {array[place]} at {place}; every value must be finite")
    single = array.dtype.kind == "f" and array.dtype.itemsize <= 4
    image = array.astype(np.float32 if single else np.float64)
    return _on_grid(image, asked, asked.grid_shape)


def _on_grid(
    array: NDArray[np.generic], asked: Asked, expected: tuple[int, ...] | None
) -> NDArray[np.generic]:
    if expected is not None:
        if array.shape != expected:
            raise OutputError(
                f"shape {array.shape}, but the grid of input {asked.output.grid!r} is {expected}"
            )
    elif array.ndim < _LEAST_AXES:
        raise OutputError(f"shape {array.shape}; at least {_LEAST_AXES} axes were expected")
    return array


def _labels(value: object, most: int) -> NDArray[np.generic]:
    import numpy as np

    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise OutputError(f"a mask of whole numbers was expected, not {array.dtype}")
    if array.dtype.kind == "f" and not np.array_equal(array, np.rint(array)):
        raise OutputError(f"a mask of whole numbers was expected; this {array.dtype} holds others")
    low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
    if low < 0 or high > most:
        raise OutputError(f"labels from {low} to {high}; they must lie in 0 to {most}")
    return array.astype(np.uint8 if high < 256 else np.uint16 if high < 65536 else np.uint32)


def _data(value: object) -> object:
    return value.data if isinstance(value, Volume) else value


def _write_volume(plain: Any, asked: Asked, path: Path) -> None:
    if not asked.suffix.endswith((".nii", ".nii.gz")):
        raise OutputError(
            f"the engine writes volumes as NIfTI, and this case asks for {asked.output.file}; "
            "return the pathlib.Path of a file that you wrote"
        )
    grid = asked.grid
    if not isinstance(grid, Volume):
        raise OutputError(
            f"its grid is input {asked.output.grid!r}, which is no volume here; nibabel must be "
            "installed in the image"
        )
    import nibabel

    image = nibabel.Nifti1Image(plain, grid.affine)  # type: ignore[no-untyped-call]  # nibabel
    image.header.set_xyzt_units("mm")  # type: ignore[no-untyped-call]  # is typed in part
    image.to_filename(path)


def _write(plain: Any, asked: Asked, path: Path) -> None:
    if asked.suffix.endswith(".npy"):
        write_array(plain, path)
    elif asked.suffix.endswith(PICTURES):
        write_picture(plain, asked, path)
    else:
        _write_volume(plain, asked, path)


MASK = Kind(_check_mask, _write, ("i", "j", "k"))
INSTANCES = Kind(_check_instances, _write, ("i", "j", "k"))
IMAGE = Kind(_check_image, _write, ("i", "j", "k"))
HEATMAP = Kind(_check_image, _write, ("i", "j", "k"))
