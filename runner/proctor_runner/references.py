"""Loads canonical predictions and references into the cases that metrics are computed from.

A reference is the organizer's, so whatever is wrong with one is an ``OrganizerError``; a canonical
prediction was written by decode, so whatever is wrong with one is ours. Nothing here unpickles.
The metrics in use may be an archive's, older than some kinds of case: those are looked up in
``cases`` when a task asks for them, and imported by name nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never

import numpy as np
import numpy.typing as npt

from proctor.spec.outcomes import Code, OrganizerError, PlatformError
from proctor.spec.task import OutputType, ReferenceType, TaskSpec
from proctor_metrics import cases
from proctor_metrics.cases import Case, LabelCase, MaskCase, TableCase, ValueCase
from proctor_runner.box_reference import BoxesReference, load_boxes, make_box_case
from proctor_runner.contracts.native import suffix
from proctor_runner.decode.errors import InvalidOutputError
from proctor_runner.decode.picture import PICTURE_SUFFIXES, open_picture
from proctor_runner.image_reference import ImageReference, as_image, make_image_case
from proctor_runner.mask_reference import (
    MaskReference,
    as_integers,
    load_array,
    load_mask,
    load_volume,
)
from proctor_runner.text_reference import TextReference, load_texts, make_text_case

if TYPE_CHECKING:
    from proctor_metrics.cases.label_volume import LabelArray


@dataclass(frozen=True, eq=False)
class LabelsReference:
    """One class a row: int64 of shape (n_items,)."""

    values: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class InstancesReference:
    """A map of objects in its own voxel order, and what tells the class of each."""

    values: npt.NDArray[np.integer]
    spacing_mm: tuple[float, ...]
    class_divisor: int | None


@dataclass(frozen=True, eq=False)
class ValuesReference:
    """Numbers of each item: float64 of shape (n_items, n_columns)."""

    values: npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SurvivalReference:
    """A time and an event, 0 or 1, of each item: float64 of shape (n_items, 2)."""

    values: npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MultilabelReference:
    """Which labels hold for each item: booleans of shape (n_items, n_columns)."""

    values: npt.NDArray[np.bool_]


Reference = (
    LabelsReference
    | MaskReference
    | InstancesReference
    | MultilabelReference
    | TextReference
    | ValuesReference
    | BoxesReference
    | SurvivalReference
    | ImageReference
)


def load_reference(task: TaskSpec, name: str, path: Path, case: str) -> Reference:
    """Load one reference of a case.

    Raises:
        OrganizerError: REFERENCE_INVALID, it is not what the task declares.
    """
    declared = task.reference[name]
    try:
        match declared.type:
            case ReferenceType.LABELS:
                return _load_labels(path)
            case ReferenceType.VALUES:
                return _load_values(path)
            case ReferenceType.SURVIVAL:
                return _load_survival(path)
            case ReferenceType.MULTILABEL:
                return _load_multilabel(path)
            case ReferenceType.MASK_IMAGE:
                return load_mask(path, suffix(declared.file))
            case ReferenceType.TEXT:
                return load_texts(path)
            case ReferenceType.INSTANCES:
                found = load_mask(path, suffix(declared.file))
                values = np.asarray(found.values)
                return InstancesReference(values, found.spacing_mm, declared.class_divisor)
            case ReferenceType.IMAGE:
                return as_image(_load_values_of_image(path, suffix(declared.file)))
            case ReferenceType.BOXES:
                assert declared.geometry is not None  # noqa: S101  # its spec sees to it
                return load_boxes(path, declared.geometry, label_names(task.labels))
            case _ as unreachable:
                assert_never(unreachable)
    except ValueError as error:
        raise OrganizerError(
            Code.REFERENCE_INVALID, f"reference {name!r} of case {case!r}: {error}"
        ) from error


def load_prediction(path: Path) -> npt.NDArray[Any]:
    """Load a canonical array.

    Raises:
        PlatformError: INTERNAL, it is no such array although decode wrote it.
    """
    try:
        with path.open("rb") as stream:
            array: npt.NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise PlatformError(
            Code.INTERNAL, f"a canonical prediction cannot be read: {error}"
        ) from error
    return array


def as_answer(task: TaskSpec, output: str, reference: Reference) -> npt.NDArray[Any] | None:
    """Return the canonical answer that a reference itself would be; None where it is none."""
    declared = task.outputs[output]
    match reference:
        case MaskReference(values) if declared.type.is_mask:
            return np.asarray(values)
        case InstancesReference(values, _, divisor) if declared.class_divisor == divisor:
            return values
        case _:
            return None


def class_values(labels: Mapping[int, str], columns: tuple[str, ...]) -> tuple[int, ...]:
    """Return the class that each column of a table scores: by its number, else by its name.

    Raises:
        ValueError: a column names no class, or two columns name one.

    >>> class_values({0: "cat", 1: "dog"}, ("dog", "cat"))
    (1, 0)
    """
    by_text = label_names(labels)
    unknown = [column for column in columns if column not in by_text]
    if unknown:
        raise ValueError(f"column {unknown[0]!r} is neither a label's number nor its name")
    values = tuple(by_text[column] for column in columns)
    if len(set(values)) < len(values):
        raise ValueError("two columns name the same label")
    return values


def label_names(labels: Mapping[int, str]) -> dict[str, int]:
    """Return the number of each label by how it may be written: its number or its name."""
    return {name: value for value, name in labels.items()} | {str(value): value for value in labels}


def make_case(
    task: TaskSpec,
    output: str,
    case: str,
    prediction: npt.NDArray[Any] | None,
    reference: Reference,
) -> Case:
    """Put a prediction, or the lack of one, beside its reference.

    Without a prediction the result stands in for the case: it tells labels and items, and pooled
    metrics take it at its worst.

    Raises:
        MetricInputError: one side is not sound; it says which.
    """
    columns = task.outputs[output].columns
    match reference:
        case LabelsReference(values) if task.outputs[output].type is OutputType.LABEL_LIST:
            classes = tuple(sorted(task.labels))
            names = tuple(task.labels[value] for value in classes)
            if prediction is None:
                return LabelCase.missing(case, values, names, classes)
            return LabelCase(case, prediction, values, names, classes)
        case LabelsReference(values):
            classes = class_values(task.labels, columns)
            if prediction is None:
                return TableCase.missing(case, values, columns, classes)
            return TableCase(case, prediction, values, columns, classes)
        case ValuesReference(numbers):
            if prediction is None:
                return ValueCase.missing(case, numbers, columns)
            return ValueCase(case, prediction, numbers, columns)
        case SurvivalReference(seen):
            if prediction is None:
                return cases.SurvivalCase.missing(case, seen, columns)
            return cases.SurvivalCase(case, prediction, seen, columns)
        case MultilabelReference(held):
            if prediction is None:
                return cases.MultilabelCase.missing(case, held, columns)
            return cases.MultilabelCase(case, prediction, held, columns)
        case ImageReference():
            return make_image_case(case, prediction, reference)
        case TextReference():
            return make_text_case(case, prediction, reference)
        case MaskReference(values) if task.outputs[output].type is OutputType.HEATMAP:
            marked = ImageReference((np.asarray(values) != 0).astype(np.float32))
            return make_image_case(case, prediction, marked)
        case MaskReference(values, spacing_mm):
            answer: LabelArray
            if prediction is not None:
                answer = prediction
            elif isinstance(values, np.ndarray):
                answer = np.zeros_like(values)
            else:
                answer = values.empty()
            if not task.regions:
                # Metrics of an archive may be older than regions.
                return MaskCase(case, answer, values, spacing_mm, task.labels)
            return MaskCase(case, answer, values, spacing_mm, task.labels, task.regions)
        case InstancesReference(values, spacing_mm, divisor):
            divisors = task.outputs[output].class_divisor, divisor
            if prediction is None:
                return cases.InstanceCase.missing(case, values, spacing_mm, task.labels, divisors)
            return cases.InstanceCase(case, prediction, values, spacing_mm, task.labels, divisors)
        case BoxesReference():
            return make_box_case(task, case, prediction, reference)
        case _ as unreachable:
            assert_never(unreachable)


def _load_labels(path: Path) -> LabelsReference:
    array = load_array(path)
    if array.ndim != 1:
        raise ValueError(f"has shape {array.shape}; one label an item is expected")
    return LabelsReference(as_integers(array).astype(np.int64))


def _load_values(path: Path) -> ValuesReference:
    array = load_array(path)
    if array.ndim not in (1, 2) or array.dtype.kind not in "fiu":
        raise ValueError(
            f"has shape {array.shape} and type {array.dtype}; numbers of shape (items,) or"
            " (items, columns) are expected"
        )
    numbers = array.astype(np.float64).reshape(array.shape[0], -1)
    if not np.isfinite(numbers).all():
        row = int(np.argwhere(~np.isfinite(numbers))[0][0])
        raise ValueError(f"holds a value in row {row} that is not a finite number")
    return ValuesReference(numbers)


def _load_survival(path: Path) -> SurvivalReference:
    array = load_array(path)
    if array.ndim != 2 or array.shape[1] != 2 or array.dtype.kind not in "fiu":
        raise ValueError(
            f"has shape {array.shape} and type {array.dtype}; a time and an event of each item,"
            " numbers of shape (items, 2), are expected"
        )
    seen = array.astype(np.float64)
    # Written so that a NaN is a fault too.
    sound = (seen[:, 0] >= 0) & (seen[:, 0] < np.inf) & np.isin(seen[:, 1], (0, 1))
    if not sound.all():
        row = int(np.argmin(sound))
        raise ValueError(
            f"holds in row {row} no time of at least 0 with an event of 1, or 0 for none"
        )
    return SurvivalReference(seen)


def _load_multilabel(path: Path) -> MultilabelReference:
    array = load_array(path)
    if array.ndim != 2 or array.dtype.kind not in "biuf":
        raise ValueError(
            f"has shape {array.shape} and type {array.dtype}; zeros and ones of shape (items,"
            " columns) are expected"
        )
    if not np.isin(array, (0, 1)).all():
        row = int(np.argwhere(~np.isin(array, (0, 1)))[0][0])
        raise ValueError(f"holds a value in row {row} that is neither 0 nor 1")
    return MultilabelReference(array.astype(np.bool_))


def _load_values_of_image(path: Path, file_suffix: str) -> npt.NDArray[Any]:
    if file_suffix in PICTURE_SUFFIXES:
        try:
            return open_picture(path, f"the{file_suffix}").read()
        except InvalidOutputError as error:
            raise ValueError(f"is no readable picture ({error})") from error
    return load_array(path) if file_suffix == ".npy" else load_volume(path, file_suffix).array
