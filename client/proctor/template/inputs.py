"""Opens the inputs of a case by their suffix, as the plainest value Python has for them.

| suffix | value |
|---|---|
| `.npy` | numpy array (object arrays are refused) |
| `.nii`, `.nii.gz` | `Volume`: `.data`, `.affine`, `.spacing_mm` |
| `.csv` | list of dicts, a column of numbers as floats, anything else as text |
| `.json` | what the file says |
| anything else | its `pathlib.Path`, for the model to open |

Without numpy or nibabel in the image, an array or a volume stays a `Path` as well: a model that
has its own reader is not forced to install ours.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from .case import CaseError, InputFile

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Volume:
    """An image in space.

    Attributes:
        data: Voxels as stored, indexed (i, j, k).
        affine: 4 x 4, from voxel indices to millimeters.
        spacing_mm: Voxel size along i, j, k.
    """

    data: NDArray[np.generic]
    affine: NDArray[np.float64]
    spacing_mm: tuple[float, float, float]


def load_inputs(inputs: Mapping[str, InputFile]) -> dict[str, object]:
    """Open every input of a case.

    Raises:
        CaseError: A declared file is missing or cannot be read as what its suffix says.
    """
    return {name: _load(entry) for name, entry in inputs.items()}


def _load(entry: InputFile) -> object:
    if not entry.path.is_file():
        raise CaseError(f"The case declares input {entry.name!r}, but {entry.path} is not there.")
    try:
        return _open(entry.path)
    except (OSError, ValueError, EOFError) as error:
        raise CaseError(f"Input {entry.name!r} ({entry.path}) cannot be read: {error}.") from error


def _open(path: Path) -> object:
    name = path.name.lower()
    if name.endswith(".npy") and find_spec("numpy"):
        import numpy as np

        return np.load(path, allow_pickle=False)
    if name.endswith((".nii", ".nii.gz")) and find_spec("nibabel"):
        return _volume(path)
    if name.endswith(".csv"):
        return _table(path)
    if name.endswith(".json"):
        return json.loads(path.read_text(encoding="utf-8"))
    return path


def _volume(path: Path) -> Volume:
    import nibabel
    import numpy as np
    from nibabel.filebasedimages import ImageFileError

    try:
        image = nibabel.Nifti1Image.from_filename(path)
    except ImageFileError as error:
        raise ValueError(str(error)) from error
    x, y, z = (float(zoom) for zoom in image.header["pixdim"][1:4])
    affine = np.eye(4) if image.affine is None else np.asarray(image.affine, dtype=np.float64)
    return Volume(data=np.asanyarray(image.dataobj), affine=affine, spacing_mm=(x, y, z))


def _table(path: Path) -> list[dict[str, object]]:
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, strict=True))
    numeric = {name for name in (rows[0] if rows else {}) if _all_numbers(rows, name)}
    return [
        {name: float(value) if name in numeric else value for name, value in row.items()}
        for row in rows
    ]


def _all_numbers(rows: list[dict[str, str]], name: str) -> bool:
    try:
        for row in rows:
            float(row[name])
    except (TypeError, ValueError):
        return False
    return True
