"""Reads somebody's own label maps, and says whether two of them lie on one grid.

A grid is that of a volume's affine. Arrays and pictures have none: of them shapes are compared
alone, as of volumes where the spacing is given by hand.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from proctor_metrics import loaders
from proctor_metrics.cases.label_volume import LabelArray, LabelVolume
from proctor_runner.decode.errors import InvalidOutputError
from proctor_runner.decode.grid import (
    MOST_MISPLACED_MM,
    MOST_TURNED,
    Grid,
    difference,
    reordering,
)
from proctor_runner.folders.errors import FolderError, RefusedError
from proctor_runner.mask_reference import MaskReference, as_integers, unreadable

if TYPE_CHECKING:
    from proctor_runner.folders.pairs import FilePair

MASK_SUFFIXES = (".nii.gz", ".nii", ".mha", ".nrrd", ".npy", ".png", ".tif", ".tiff")

_PICTURES = (".png", ".tif", ".tiff")
_AXES_OF_GRID = 3


@dataclass(frozen=True, eq=False)
class LabelFile:
    """A label map as it is in its file; one of an array or a picture has no grid."""

    values: LabelArray
    grid: Grid | None


@dataclass(frozen=True, eq=False)
class MaskPair:
    """One case: the answer in the reference's order of voxels; None where there is none."""

    answer: LabelArray | None
    reference: MaskReference
    problem: str


def read_pair(pair: FilePair, spacing_mm: tuple[float, ...] | None) -> MaskPair:
    """Read a pair.

    Args:
        spacing_mm: in place of what the files say; then affines are not compared.

    Raises:
        FolderError: the reference cannot be read, or the spacing does not fit it.
    """
    try:
        truth = read_label_file(pair.reference)
    except RefusedError as error:
        raise FolderError(str(error)) from None
    reference = MaskReference(truth.values, _spacing_mm(pair.reference, truth, spacing_mm))
    if pair.prediction is None:
        return MaskPair(None, reference, "")
    try:
        answer = read_label_file(pair.prediction)
        values = _in_order(pair, answer, truth, compare_affines=spacing_mm is None)
    except RefusedError as error:
        return MaskPair(None, reference, str(error))
    return MaskPair(values, reference, "")


def labels_in(path: Path) -> set[int]:
    """Return the numbers in a label map but for 0; nothing of one that cannot be read."""
    try:
        values = read_label_file(path).values
    except RefusedError:
        return set()
    found = values.rows.labels if isinstance(values, LabelVolume) else values
    return set(np.unique(found).tolist()) - {0}


def read_label_file(path: Path) -> LabelFile:
    """Read a label map.

    Raises:
        RefusedError: it cannot be read or holds what is no whole number; it names the file.
    """
    try:
        return _read(path, path.name.lower())
    except InvalidOutputError as error:
        raise RefusedError(f"{path}: {error}") from None
    except unreadable(ValueError, RuntimeError) as error:
        raise RefusedError(f"{path} {_phrase(error)}.") from None


def _phrase(error: Exception) -> str:
    text = " ".join(str(error).split()).rstrip(".")
    return text if text.startswith(("holds", "has")) else f"cannot be read: {text}"


def _read(path: Path, name: str) -> LabelFile:
    if name.endswith((".nii", ".nii.gz")):
        found = loaders.read_label_map(path.read_bytes(), name.endswith(".gz"))
        values = found.array
        if isinstance(values, np.ndarray):
            values = as_integers(_without_last_ones(values))
        return LabelFile(values, _grid(values.shape, found.affine))
    if name.endswith(".npy"):
        return LabelFile(as_integers(np.load(path, allow_pickle=False)), None)
    if name.endswith(_PICTURES):
        return LabelFile(as_integers(_picture(path)), None)
    from proctor_runner.decode.volume import open_volume

    opened = open_volume(path, name)
    return LabelFile(as_integers(np.asarray(opened.read())), opened.grid)


def _picture(path: Path) -> npt.NDArray[Any]:
    sitk: Any = importlib.import_module("SimpleITK")
    array: npt.NDArray[Any] = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    if array.ndim == 3 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 2:
        raise ValueError(f"has shape {array.shape}; a picture of labels has one channel")
    return array


def _without_last_ones(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    while array.ndim > _AXES_OF_GRID and array.shape[-1] == 1:
        array = array[..., 0]
    return array


def _grid(shape: tuple[int, ...], affine: npt.NDArray[np.float64]) -> Grid | None:
    if len(shape) != _AXES_OF_GRID:
        return None
    return Grid((shape[0], shape[1], shape[2]), affine)


def _spacing_mm(path: Path, truth: LabelFile, given: tuple[float, ...] | None) -> tuple[float, ...]:
    axes = len(truth.values.shape)
    if given is not None:
        if len(given) == 1:
            return given * axes
        if len(given) != axes:
            raise FolderError(
                f"--spacing gives {len(given)} lengths, {path} has {axes} axes"
                f" (shape {truth.values.shape}).",
                "Give one length for each axis in the order of the array's axes, or one for all.",
            )
        return given
    if truth.grid is None:
        return (1.0,) * axes
    return tuple(float(length) for length in truth.grid.spacing_mm)


def _in_order(
    pair: FilePair, answer: LabelFile, truth: LabelFile, *, compare_affines: bool
) -> LabelArray:
    alike = sorted(answer.values.shape) == sorted(truth.values.shape)
    if compare_affines and alike and answer.grid is not None and truth.grid is not None:
        return _turned(pair, answer.values, answer.grid, truth.grid)
    if answer.values.shape != truth.values.shape:
        raise RefusedError(
            f"{pair.prediction} has shape {answer.values.shape}, {pair.reference}"
            f" {truth.values.shape}; both must have one shape, since nothing is resampled."
        )
    return answer.values


def _turned(pair: FilePair, values: LabelArray, source: Grid, target: Grid) -> LabelArray:
    order = reordering(source, target)
    if order is None:
        raise RefusedError(
            f"{pair.prediction} lies on {source.describe()}, {pair.reference} on"
            f" {target.describe()}: {difference(source, target)}. Both must lie on one grid, but"
            " for axes that are flipped or exchanged, to"
            f" {MOST_MISPLACED_MM:g} mm and {MOST_TURNED:g} in direction; --spacing has shapes"
            " compared alone."
        )
    if order.axes == (0, 1, 2) and not order.flips:
        return values
    turned: npt.NDArray[np.integer] = np.asarray(order.apply(np.asarray(values)))
    return turned
