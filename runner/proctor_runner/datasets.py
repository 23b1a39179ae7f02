"""Turns a challenge's folder into datasets and the blobs they are made of, for publishing."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from proctor.spec.base import FileRef
from proctor.spec.challenge import ChallengeSpec
from proctor.spec.dataset import Dataset, DatasetCase, SplitData, TaskDatasets
from proctor.spec.digests import digest_file
from proctor.spec.task import ReferenceSpec, ReferenceType, TaskSpec
from proctor_runner.box_reference import load_boxes
from proctor_runner.challenge_folder import (
    SPLITS,
    CaseFiles,
    ChallengeInvalidError,
    Problem,
    read_split,
)
from proctor_runner.references import label_names
from proctor_runner.text_reference import load_texts

_SALT_BYTES = 32
_ITEM_AXES = {
    ReferenceType.LABELS: ((1,), "one label"),
    ReferenceType.VALUES: ((1, 2), "numbers"),
    ReferenceType.MULTILABEL: ((2,), "a row of labels"),
    ReferenceType.SURVIVAL: ((2,), "a time and an event"),
}
"""The axes that an array of items may have, and what it holds of each."""

VOLUMES = (ReferenceType.MASK_IMAGE, ReferenceType.INSTANCES, ReferenceType.IMAGE)
"""References that are one item, on the grid of an input."""


@dataclass(frozen=True)
class BuiltDatasets:
    """What publishing sends: the datasets by task, and where the bytes of each digest lie."""

    data: dict[str, TaskDatasets]
    blobs: dict[str, Path]


def build_datasets(folder: Path, spec: ChallengeSpec) -> BuiltDatasets:
    """Digest every file of every split; each reference gets a new secret salt.

    Raises:
        ChallengeInvalidError: files are missing or cases disagree.
    """
    blobs: dict[str, Path] = {}
    data = {}
    for index, task in enumerate(spec.tasks):
        splits = {
            split: build_split(folder, task, split, f"tasks[{index}]", blobs) for split in SPLITS
        }
        data[task.slug] = TaskDatasets(hidden=splits["hidden"], sample=splits["sample"])
    return BuiltDatasets(data, blobs)


def build_split(
    folder: Path, task: TaskSpec, split: str, field: str, blobs: dict[str, Path]
) -> SplitData:
    """Digest one split and add its files to ``blobs``.

    Raises:
        ChallengeInvalidError: files are missing or cases disagree.
    """
    found = read_split(folder, task, split, field)
    if found.problems:
        raise ChallengeInvalidError(found.problems)
    inputs, reference = [], []
    for case in found.cases:
        items = _items(folder, task, case)
        inputs.append(_dataset_case(case, items, case.inputs, blobs))
        reference.append(_dataset_case(case, items, case.reference, blobs))
    return SplitData(
        inputs=Dataset(kind="inputs", cases=tuple(inputs)),
        reference=Dataset(
            kind="reference", cases=tuple(reference), salt=secrets.token_hex(_SALT_BYTES)
        ),
    )


def items_of(task: TaskSpec, reference: Mapping[str, Path]) -> int:
    """Return how many items a case holds: those of its references, 1 where all are images.

    Raises:
        ValueError: a reference cannot be read; the message is a phrase for their owner.
    """
    counts = {
        name: 1
        if task.reference[name].type in VOLUMES
        else _length(path, task, task.reference[name])
        for name, path in reference.items()
    }
    if len(set(counts.values())) > 1:
        raise ValueError(f"its references hold different numbers of items: {counts}")
    return next(iter(counts.values()), 1)


def _length(path: Path, task: TaskSpec, declared: ReferenceSpec) -> int:
    if declared.type not in (ReferenceType.BOXES, ReferenceType.TEXT):
        return _npy_length(path, declared.type)
    try:
        if declared.geometry is None:
            return len(load_texts(path).values)
        return load_boxes(path, declared.geometry, label_names(task.labels)).n_items
    except ValueError as error:
        raise ValueError(f"{path.name} {error}") from error


def _npy_length(path: Path, kind: ReferenceType) -> int:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"{path.name} is no readable .npy file ({error})") from error
    axes, what = _ITEM_AXES[kind]
    if not isinstance(array, np.ndarray) or array.ndim not in axes:
        raise ValueError(f"{path.name} does not hold {what} an item")
    return int(array.shape[0])


def _items(folder: Path, task: TaskSpec, case: CaseFiles) -> int:
    try:
        return items_of(task, case.reference)
    except ValueError as error:
        raise ChallengeInvalidError([Problem(f"case {case.id}", "", str(error))]) from error


def _dataset_case(
    case: CaseFiles, items: int, paths: Mapping[str, Path], blobs: dict[str, Path]
) -> DatasetCase:
    return DatasetCase(
        id=case.id,
        group=case.group,
        strata=dict(case.strata),
        items=items,
        files=dict(_refs(paths.items(), blobs)),
    )


def _refs(
    paths: Iterable[tuple[str, Path]], blobs: dict[str, Path]
) -> Iterable[tuple[str, FileRef]]:
    for name, path in paths:
        file = digest_file(path)
        blobs[file.digest] = path
        yield name, file
