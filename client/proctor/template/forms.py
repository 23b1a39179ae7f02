"""The array form of each type of input, whatever format it came in, and how its lengths are named.

Numbers are in the byte order of this machine, whatever the file has: others are no tensors.

| type | array form | lengths, in the order of `dim_limits` |
|---|---|---|
| `image` | array (rows, columns) or (rows, columns, channels) | channels, rows, columns |
| `volume` | `Volume`, of an `.npy` with voxels of 1 mm | z, y, x |
| `array` | numpy array | its axes |
| `audio` | `Audio`, float32 from -1 to 1 | channels, frames |
| `table` | float64 (rows, columns) | rows, columns |
| `text` | str | characters |
| `json` | what the file says | entries |
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .formats import FORMATS
from .readers.tables import numbers
from .values import Audio, Volume

_IN_SPACE = ("nifti", "nifti_gzip", "nrrd", "metaimage", "dicom", "dicom_series")


def fit(kind: str, name: str, value: Any) -> object:
    """Return a reader's array form as what an input of type ``kind`` is.

    Args:
        name: The format that it was read from.

    Raises:
        ValueError: It is something else; the text is a phrase.
    """
    if kind == "image":
        return _native_order(_image(value, name))
    if kind == "volume":
        volume = _volume(value, name)
        return replace(volume, data=_native_order(volume.data))
    if kind == "array":
        return _native_order(_array(value))
    if kind == "table":
        return value if hasattr(value, "dtype") else numbers(_rows(value))
    return value


def lengths(kind: str, name: str, shape: tuple[int, ...]) -> tuple[tuple[str, int], ...]:
    """Return the named lengths that `dim_limits` limits, of a shape in array form.

    >>> lengths("image", "png", (480, 640, 3))
    (('channels', 3), ('rows', 480), ('columns', 640))
    >>> lengths("volume", "nifti", (240, 240, 155))
    (('z', 155), ('y', 240), ('x', 240))
    """
    if kind == "image":
        if name in _IN_SPACE and len(shape) > 2:
            columns, rows, slices, *rest = shape
            shape = (rows, columns, *(rest or [slices]))
        rows, columns, *channels = (*shape, 1, 1, 1)[: max(3, len(shape))]
        return (("channels", channels[0]), ("rows", rows), ("columns", columns))
    if kind == "volume":
        axes = ("x", "y", "z", "t", "u", "v", "w")[: len(shape)]
        return tuple(zip(axes[::-1], shape[::-1]))  # noqa: B905  # Python 3.8
    if kind == "audio":
        frames, channels_ = shape
        return (("channels", channels_), ("frames", frames))
    if kind == "table":
        return (("rows", shape[0]), ("columns", shape[1]))
    if kind == "text":
        return (("characters", shape[0]),)
    if kind == "json":
        return (("entries", shape[0]),)
    return tuple((f"axis {axis}", length) for axis, length in enumerate(shape))


def shape_of(value: Any) -> tuple[int, ...]:
    """Return the shape of a value that was read."""
    if isinstance(value, Audio):
        return tuple(value.samples.shape)
    if isinstance(value, Volume):
        return tuple(value.data.shape)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return len(value), len(value[0])
    if hasattr(value, "GetSize"):
        return tuple(int(length) for length in value.GetSize())
    if hasattr(value, "shape"):
        return tuple(int(length) for length in value.shape)
    return (len(value), 0) if isinstance(value, (str, list, dict)) else (1, 0)


def _native_order(array: Any) -> Any:
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _image(value: Any, name: str) -> object:
    data = value
    if isinstance(value, Volume):
        data = value.data
        if data.ndim > 2:
            if data.shape[2] != 1:
                raise ValueError(f"holds {data.shape[2]} slices; an image is one, a volume many")
            data = data[:, :, 0]
        # In space the first axis is x, in a picture it is the rows.
        data = data.swapaxes(0, 1)
    shape = getattr(data, "shape", None)
    if shape is None or len(shape) not in (2, 3) or data.dtype.kind not in "biuf":
        raise ValueError(f"holds {FORMATS[name].title} of shape {shape}, which is no image")
    return data


def _volume(value: Any, name: str) -> Volume:
    if isinstance(value, Volume):
        return value
    import numpy as np

    if getattr(value, "ndim", 0) < 3 or value.dtype.kind not in "biuf":
        shape = getattr(value, "shape", None)
        raise ValueError(f"holds {FORMATS[name].title} of shape {shape}, which is no volume")
    return Volume(data=value, affine=np.eye(4), spacing_mm=(1.0, 1.0, 1.0))


def _array(value: Any) -> object:
    import numpy as np

    if isinstance(value, Volume):
        return value.data
    array = np.asarray(value.samples if isinstance(value, Audio) else value)
    if array.dtype.kind not in "biufc":
        raise ValueError(f"holds {array.dtype}, which is no array of numbers")
    return array


def _rows(value: object) -> list[dict[str, object]]:
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise ValueError("holds no list of objects, one a row")
    return value
