"""Data as a scientist holds them, written as the files of a challenge.

Items are dealt into a public sample and a hidden test set by a draw with a fixed seed, so that the
same data make the same challenge.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

HIDDEN, SAMPLE = "hidden", "sample"
_SUFFIXES = (".npy", ".nii.gz", ".nii")
_SEED = 0


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        suffix: of every file.
        most_items: items of the largest case.
        reference: every reference there is, to see which labels it holds.
    """

    suffix: str
    most_items: int
    reference: Array


def write_items(
    folder: Path, inputs: Any, reference: Array, sample: float, items_per_case: int
) -> Written:
    """Write rows of arrays or data frames as cases of at most ``items_per_case`` items.

    Raises:
        ValueError: the two do not fit together, or are too few to be parted.
    """
    values = as_array(inputs, "inputs")
    if len(values) != len(reference):
        raise ValueError(f"inputs has {len(values)} rows, reference {len(reference)}")
    for split, rows in _dealt(len(values), sample).items():
        for number, start in enumerate(range(0, len(rows), items_per_case), 1):
            chosen = rows[start : start + items_per_case]
            case = f"{split}-{number:04}.npy"
            _save(folder / "data" / split / "inputs" / case, values[chosen])
            _save(folder / "data" / split / "reference" / case, reference[chosen])
    return Written(".npy", min(items_per_case, len(values)), reference)


def write_volumes(
    folder: Path,
    inputs: Sequence[Any],
    reference: Sequence[Any],
    sample: float,
    spacing_mm: tuple[float, float, float],
) -> Written:
    """Write volumes and their masks as NIfTI files, one case each.

    Raises:
        ValueError: a volume and its mask have other shapes, or are not three-dimensional.
    """
    if len(inputs) != len(reference):
        raise ValueError(f"inputs has {len(inputs)} volumes, reference {len(reference)}")
    volumes = [np.asarray(volume) for volume in inputs]
    masks = [np.asarray(mask) for mask in reference]
    for number, (volume, mask) in enumerate(zip(volumes, masks, strict=True)):
        if volume.shape != mask.shape or volume.ndim != 3:
            raise ValueError(
                f"volume {number} has shape {volume.shape}, its mask {mask.shape};"
                " three axes and the same lengths are needed"
            )
        if mask.dtype.kind not in "iub":
            raise ValueError(f"mask {number} holds {mask.dtype}; whole label numbers are needed")
    for split, rows in _dealt(len(volumes), sample).items():
        for number, row in enumerate(rows.tolist(), 1):
            case = f"{split}-{number:04}.nii.gz"
            _save_volume(folder / "data" / split / "inputs" / case, volumes[row], spacing_mm)
            mask = masks[row].astype(np.int16)
            _save_volume(folder / "data" / split / "reference" / case, mask, spacing_mm)
    found = np.unique(np.concatenate([np.unique(mask) for mask in masks]).astype(np.int64))
    return Written(".nii.gz", 1, found)


def write_folders(folder: Path, inputs: Path, reference: Path, sample: float) -> Written:
    """Copy two folders of files, one file a case, with the same names in both.

    Raises:
        ValueError: a file has no counterpart, another kind, or there are too few.
    """
    names = sorted(path.name for path in inputs.iterdir() if not path.name.startswith("."))
    others = {path.name for path in reference.iterdir() if not path.name.startswith(".")}
    if odd := sorted(others.symmetric_difference(names)):
        raise ValueError(f"{odd[0]} is not in both {inputs} and {reference}")
    kinds = {_suffix(name) for name in names}
    if len(kinds) != 1:
        raise ValueError(f"{inputs} must hold files of one kind: {', '.join(_SUFFIXES)}")
    suffix = kinds.pop()
    read = _labels_of_volume if suffix.startswith(".nii") else _values_of_array
    for split, rows in _dealt(len(names), sample).items():
        for row in rows.tolist():
            for half, source in (("inputs", inputs), ("reference", reference)):
                target = folder / "data" / split / half / names[row]
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source / names[row], target)
    references = [read(reference / name) for name in names]
    items = max(len(one) for one in references) if suffix == ".npy" else 1
    return Written(suffix, items, np.concatenate(references))


def as_array(data: Any, name: str) -> Array:
    """Return an array, a list or a data frame as an array of numbers.

    Raises:
        ValueError: it holds something else.
    """
    array = np.asarray(data)
    if array.dtype.kind not in "iufb" or array.ndim == 0:
        raise ValueError(f"{name} holds {array.dtype}; numbers are needed, one row an item")
    return array


def _dealt(count: int, sample: float) -> dict[str, Array]:
    if not 0 < sample < 1:
        raise ValueError(f"sample is {sample}; give the public part, for example 0.2")
    if count < 2:
        raise ValueError("at least two items are needed: one to show and one to hide")
    order = np.random.default_rng(_SEED).permutation(count)
    public = min(max(1, round(count * sample)), count - 1)
    return {SAMPLE: np.sort(order[:public]), HIDDEN: np.sort(order[public:])}


def _suffix(name: str) -> str:
    found = [suffix for suffix in _SUFFIXES if name.lower().endswith(suffix)]
    return found[0] if found else name


def _values_of_array(path: Path) -> Array:
    array: Array = np.load(path, allow_pickle=False)
    return array


def _labels_of_volume(path: Path) -> Array:
    import nibabel

    image = nibabel.Nifti1Image.from_filename(path)
    return np.unique(np.asanyarray(image.dataobj)).astype(np.int64)


def _save(path: Path, array: Array) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array, allow_pickle=False)


def _save_volume(path: Path, array: Array, spacing_mm: tuple[float, float, float]) -> None:
    import nibabel

    path.parent.mkdir(parents=True, exist_ok=True)
    affine = np.diag([*spacing_mm, 1.0])
    image = nibabel.Nifti1Image(array, affine)  # type: ignore[no-untyped-call]  # nibabel's
    image.header.set_xyzt_units("mm")  # type: ignore[no-untyped-call]  # nibabel's
    nibabel.save(image, path)
