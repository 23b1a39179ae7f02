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

from proctor.spec.outputs import LOSSY_SUFFIXES, PICTURE_SUFFIXES

Array = npt.NDArray[Any]

HIDDEN, SAMPLE = "hidden", "sample"
_VOLUMES = (".nii.gz", ".nii")
_PICTURE = ".png"
_FLAT, _CHANNELS = 2, (2, 3, 4)
_SEED = 0


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        suffix: of every input.
        reference_suffix: of every reference.
        most_items: items of the largest case.
        reference: every reference there is, to see which labels it holds.
    """

    suffix: str
    reference_suffix: str
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
    return Written(".npy", ".npy", min(items_per_case, len(values)), reference)


def write_images(
    folder: Path,
    inputs: Sequence[Any],
    reference: Sequence[Any],
    sample: float,
    spacing_mm: tuple[float, float, float],
) -> Written:
    """Write images and their masks, one case each: volumes as NIfTI files, pictures as PNG.

    A mask of two axes is one of a picture, of rows and columns, and of channels where there are.

    Raises:
        ValueError: an image and its mask have other shapes, or a PNG does not hold its numbers.
    """
    if len(inputs) != len(reference):
        raise ValueError(f"inputs has {len(inputs)} images, reference {len(reference)}")
    images = [np.asarray(image) for image in inputs]
    masks = [np.asarray(mask) for mask in reference]
    flat = bool(masks) and masks[0].ndim == _FLAT
    for number, (image, mask) in enumerate(zip(images, masks, strict=True)):
        _refuse_unlike(number, image, mask, 2 if flat else 3)
    suffix = _PICTURE if flat else _VOLUMES[0]
    for split, rows in _dealt(len(images), sample).items():
        for number, row in enumerate(rows.tolist(), 1):
            for half, array in (("inputs", images[row]), ("reference", masks[row])):
                target = folder / "data" / split / half / f"{split}-{number:04}{suffix}"
                target.parent.mkdir(parents=True, exist_ok=True)
                if flat:
                    _save_picture(target, array)
                else:
                    stored = array.astype(np.int16) if half == "reference" else array
                    _save_volume(target, stored, spacing_mm)
    found = np.unique(np.concatenate([np.unique(mask) for mask in masks]).astype(np.int64))
    return Written(suffix, suffix, 1, found)


def _refuse_unlike(number: int, image: Array, mask: Array, axes: int) -> None:
    channels = image.shape[axes:] if axes == _FLAT else ()
    alike = image.shape[:axes] == mask.shape and image.ndim == axes + len(channels)
    if not alike or mask.ndim != axes or (channels and channels[0] not in _CHANNELS):
        raise ValueError(
            f"image {number} has shape {image.shape}, its mask {mask.shape}; of volumes three axes"
            " of the same lengths are needed, of pictures rows and columns, and channels of the"
            " image behind them"
        )
    if mask.dtype.kind not in "iub":
        raise ValueError(f"mask {number} holds {mask.dtype}; whole label numbers are needed")
    if not image.size:
        raise ValueError(f"image {number} has shape {image.shape}; it holds nothing")
    least, greatest = (0, 65535) if axes == _FLAT else (-32768, 32767)
    if mask.min() < least or mask.max() > greatest:
        raise ValueError(
            f"mask {number} holds labels from {mask.min()} to {mask.max()}; it is stored with"
            f" labels from {least} to {greatest}"
        )
    most = 255 if channels else 65535
    whole = image.dtype.kind in "iub" and image.min() >= 0 and image.max() <= most
    if axes == _FLAT and not whole:
        raise ValueError(
            f"image {number} holds {image.dtype} from {image.min():g} to {image.max():g}; a picture"
            f" has whole numbers from 0 to {most}"
        )


def write_folders(
    folder: Path, inputs: Path, reference: Path, sample: float, *, masks: bool
) -> Written:
    """Copy two folders of files, one file a case, with the same names in both.

    Args:
        masks: The references are masks: of volumes, or of pictures; a photo may be a JPEG.

    Raises:
        ValueError: a file has no counterpart, another kind, or there are too few.
    """
    named = (*_VOLUMES, *PICTURE_SUFFIXES) if masks else (".npy",)
    suffix, given = _by_case(inputs, (*named, *LOSSY_SUFFIXES) if masks else named)
    reference_suffix, known = _by_case(reference, named)
    if odd := sorted(given.keys() ^ known.keys()):
        raise ValueError(f"{odd[0]} is not in both {inputs} and {reference}")
    cases = sorted(given)
    for split, rows in _dealt(len(cases), sample).items():
        for case in (cases[row] for row in rows.tolist()):
            for half, source in (("inputs", given[case]), ("reference", known[case])):
                target = folder / "data" / split / half / source.name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
    read = _labels_of_mask if masks else _values_of_array
    references = [read(path) for path in known.values()]
    items = 1 if masks else max(len(one) for one in references)
    return Written(suffix, reference_suffix, items, np.concatenate(references))


def _by_case(folder: Path, suffixes: tuple[str, ...]) -> tuple[str, dict[str, Path]]:
    """Return the suffix of all files of a folder, and the files by their names without it.

    Raises:
        ValueError: they are of several kinds, or of another.
    """
    paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    kinds = {_suffix(path.name, suffixes) for path in paths}
    if len(kinds) != 1 or not kinds < {*suffixes}:
        raise ValueError(f"{folder} must hold files of one kind: {', '.join(suffixes)}")
    (kind,) = kinds
    return kind, {path.name.removesuffix(kind): path for path in paths}


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


def _suffix(name: str, suffixes: tuple[str, ...]) -> str:
    found = [suffix for suffix in suffixes if name.endswith(suffix)]
    return found[0] if found else name


def _values_of_array(path: Path) -> Array:
    array: Array = np.load(path, allow_pickle=False)
    return array


def _labels_of_mask(path: Path) -> Array:
    from proctor_runner.mask_reference import load_mask

    try:
        mask = load_mask(path, _suffix(path.name, (*_VOLUMES, *PICTURE_SUFFIXES)))
    except ValueError as error:
        raise ValueError(f"{path} {error}") from error
    return np.unique(np.asarray(mask.values)).astype(np.int64)


def _save(path: Path, array: Array) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array, allow_pickle=False)


def _save_picture(path: Path, array: Array) -> None:
    from proctor.cli.constant_mask import write_picture

    write_picture(array, path)


def _save_volume(path: Path, array: Array, spacing_mm: tuple[float, float, float]) -> None:
    import nibabel

    affine = np.diag([*spacing_mm, 1.0])
    image = nibabel.Nifti1Image(array, affine)  # type: ignore[no-untyped-call]  # nibabel's
    image.header.set_xyzt_units("mm")  # type: ignore[no-untyped-call]  # nibabel's
    nibabel.save(image, path)
