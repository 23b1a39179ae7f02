"""Made-up cases of each kind of task: what `proctor challenge init` and `model test` begin with.

Every case is drawn from a generator that is handed in, is small, and can be answered well: there is
something in it to be found.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proctor.spec.model import ModelCard
from proctor.template.scaffold import TASKS, inputs_and_outputs

Write = Callable[[Path, str, np.random.Generator], None]
"""Writes inputs and reference of one case into the folder of a split."""

_ITEMS = 12
_SIDE = 8
_PLAIN_WORDS = ("a", "day", "the", "work", "film", "was", "and", "it")
_TELLING_WORDS = (("bad", "awful"), ("good", "great"))


def task_of(card: ModelCard) -> str | None:
    """Return the task whose made-up cases have the inputs and outputs that a card declares."""
    declared = _shape(card.io.model_dump(mode="json")) if card.io is not None else None
    return next((task for task in TASKS if _shape(inputs_and_outputs(task)) == declared), None)


def _shape(io: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> object:
    """Return names and types of inputs and outputs, and the columns of tables."""
    return [
        {name: (one["type"], tuple(one.get("columns") or ())) for name, one in io[side].items()}
        for side in ("inputs", "outputs")
    ]


def _classified_images(split: Path, case: str, random: np.random.Generator) -> None:
    """Stack small images in which class 1 is brighter than class 0."""
    labels = random.permutation(np.arange(_ITEMS, dtype=np.int64) % 2)
    noise = random.normal(100, 20, size=(_ITEMS, _SIDE, _SIDE))
    images = np.clip(noise + 30 * labels[:, None, None], 0, 255).astype(np.uint8)
    np.save(split / "inputs" / f"{case}.npy", images)
    np.save(split / "reference" / f"{case}.npy", labels)


def _measured_images(split: Path, case: str, random: np.random.Generator) -> None:
    """Stack small images whose brightness is twice their number and 20 more, about."""
    values = random.uniform(20, 80, size=_ITEMS)
    noise = random.normal(20, 20, size=(_ITEMS, _SIDE, _SIDE))
    images = np.clip(noise + 2 * values[:, None, None], 0, 255).astype(np.uint8)
    np.save(split / "inputs" / f"{case}.npy", images)
    np.save(split / "reference" / f"{case}.npy", values)


def _images_with_spots(split: Path, case: str, random: np.random.Generator) -> None:
    """Stack images with a bright square each, but for every fourth."""
    side = 3 * _SIDE
    images = random.normal(100, 10, size=(_ITEMS, side, side))
    rows: list[list[object]] = []
    for item, image in enumerate(images):
        if item % 4 == 3:
            rows.append([item, *[""] * 5])
            continue
        (x0, y0), (width, height) = random.integers(2, 16, size=2), random.integers(4, 7, size=2)
        image[y0 : y0 + height, x0 : x0 + width] += 80
        rows.append([item, 1, x0, y0, x0 + width, y0 + height])
    np.save(split / "inputs" / f"{case}.npy", np.clip(images, 0, 255).astype(np.uint8))
    header = ["item", "label", "x0", "y0", "x1", "y1"]
    _save_rows(split / "reference" / f"{case}.csv", header, rows)


def _table(split: Path, case: str, random: np.random.Generator) -> None:
    """Write rows in which age and marker together decide the class, but for some noise."""
    age, marker = random.uniform(20, 80, size=_ITEMS), random.normal(2, 1, size=_ITEMS)
    risk = 0.05 * age + marker + random.normal(0, 0.3, size=_ITEMS)
    labels = (risk > np.median(risk)).astype(np.int64)
    rows = [[f"{a:.1f}", f"{m:.3f}"] for a, m in zip(age, marker, strict=True)]
    _save_rows(split / "inputs" / f"{case}.csv", ["age", "marker"], rows)
    np.save(split / "reference" / f"{case}.npy", labels)


def _texts(split: Path, case: str, random: np.random.Generator) -> None:
    """Write texts that hold a telling word of their class."""
    labels = random.permutation(np.arange(_ITEMS, dtype=np.int64) % 2)
    texts = []
    for label in labels.tolist():
        words = [
            *random.choice(_PLAIN_WORDS, 4).tolist(),
            str(random.choice(_TELLING_WORDS[label])),
        ]
        texts.append(" ".join(random.permutation(words).tolist()))
    (split / "inputs" / f"{case}.json").write_text(json.dumps(texts), encoding="utf-8")
    np.save(split / "reference" / f"{case}.npy", labels)


def _volumes(split: Path, case: str, random: np.random.Generator) -> None:
    """Put a bright ball, label 1, into a noisy volume."""
    side = 12
    center = random.uniform(4, side - 4, size=3)
    grid = np.indices((side, side, side)).transpose(1, 2, 3, 0)
    mask = (np.linalg.norm(grid - center, axis=-1) < 3.5).astype(np.uint8)
    volume = (random.normal(100, 10, size=mask.shape) + 60 * mask).astype(np.float32)
    _save_volume(split / "inputs" / f"{case}.nii.gz", volume)
    _save_volume(split / "reference" / f"{case}.nii.gz", mask)


WRITERS: Mapping[str, Write] = {
    "classification": _classified_images,
    "segmentation": _volumes,
    "regression": _measured_images,
    "detection": _images_with_spots,
    "tabular": _table,
    "text": _texts,
}


def _save_rows(path: Path, header: list[str], rows: list[list[str]] | list[list[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _save_volume(path: Path, data: NDArray[np.float32] | NDArray[np.uint8]) -> None:
    import nibabel

    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    image = nibabel.Nifti1Image(data, affine)  # type: ignore[no-untyped-call]  # nibabel's
    image.header.set_xyzt_units("mm")  # type: ignore[no-untyped-call]  # nibabel's
    nibabel.save(image, path)
