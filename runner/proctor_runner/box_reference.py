"""Reads a boxes reference: the organizer's CSV file of what is in each item of a case.

Every item is named, so that one without boxes is told apart from one that was forgotten.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from proctor.spec.boxes import ITEM, LABEL, PLACES, Geometry, reference_columns
from proctor.spec.task import TaskSpec
from proctor_metrics import cases

IGNORE, CROWD, AREA, RADIUS = "ignore", "crowd", "area", "radius"


@dataclass(frozen=True, eq=False)
class BoxesReference:
    """What is in the items of a case, and how many items those are."""

    boxes: cases.ReferenceBoxes
    n_items: int


def load_boxes(path: Path, geometry: Geometry, labels: Mapping[str, int]) -> BoxesReference:
    """Read the boxes of a case.

    Args:
        geometry: What a row is.
        labels: The number of a class by how it may be written.

    Raises:
        ValueError: It is not what a task declares; the message is a phrase for its owner.
    """
    needed = reference_columns(geometry)
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            header = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = header
            _check_header(header, needed)
            rows = [_whole(row, number) for number, row in enumerate(reader, start=1)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"is no readable CSV file ({error})") from error
    items = [_item(row, number) for number, row in enumerate(rows, start=1)]
    n_items = max(1, len(set(items)))
    if absent := sorted(set(range(n_items)) - set(items)) if items else []:
        raise ValueError(
            f"names {n_items} items, but not item {absent[0]}; number them from 0, and name one"
            " without boxes in a row of its number alone"
        )
    found = [
        _box(row, number, item, geometry, labels)
        for number, (row, item) in enumerate(zip(rows, items, strict=True), start=1)
        if any(cell for name, cell in row.items() if name != ITEM)
    ]
    table = np.array(found, dtype=np.float64).reshape(len(found), 5 + len(PLACES[geometry]))
    return BoxesReference(
        cases.ReferenceBoxes(
            items=table[:, 0].astype(np.int64),
            classes=table[:, 1].astype(np.int64),
            places=table[:, 5:],
            roles=table[:, 2].astype(np.int64),
            sizes=table[:, 3],
            radii=table[:, 4],
        ),
        n_items,
    )


def make_box_case(
    task: TaskSpec, case: str, prediction: npt.NDArray[Any] | None, reference: BoxesReference
) -> cases.BoxCase:
    """Put predicted boxes, or the lack of any answer, beside their reference.

    Raises:
        MetricInputError: one side is not sound; it says which.
    """
    classes = tuple(sorted(task.labels))
    names = tuple(task.labels[value] for value in classes)
    if prediction is None:
        return cases.BoxCase.missing(case, reference.boxes, reference.n_items, names, classes)
    return cases.BoxCase(case, prediction, reference.boxes, reference.n_items, names, classes)


def no_boxes(geometry: Geometry) -> BoxesReference:
    """Return the reference of one item without boxes."""
    return BoxesReference(cases.ReferenceBoxes.of_rows((), len(PLACES[geometry])), 1)


def _whole(row: Mapping[str | None, Any], number: int) -> dict[str, str]:
    """Return the cells of a row that has one for every column."""
    if None in row or None in row.values():
        raise ValueError(f"row {number} has another number of cells than the header")
    return {str(name): cell.strip() for name, cell in row.items()}


def _check_header(header: list[str], needed: tuple[str, ...]) -> None:
    known = {*needed, IGNORE, CROWD, AREA, RADIUS}
    missing = [name for name in needed if name not in header]
    unknown = [name for name in header if name not in known]
    if missing or unknown or len(set(header)) < len(header):
        raise ValueError(
            f"has the header {','.join(header)!r}; it must hold {', '.join(needed)}, and may hold"
            f" {IGNORE}, {CROWD}, {AREA} and {RADIUS}"
        )


def _item(row: Mapping[str, str], number: int) -> int:
    text = row[ITEM]
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(f"row {number} names the item {text!r}; items are numbered from 0")
    return int(text)


def _box(
    row: Mapping[str, str], number: int, item: int, geometry: Geometry, labels: Mapping[str, int]
) -> tuple[float, ...]:
    """Return item, class, role, size, radius and the numbers of the place."""
    label = row[LABEL]
    if label not in labels:
        raise ValueError(f"row {number} holds the label {label!r}, which the task does not name")
    place = [_number(row[name], number, name) for name in PLACES[geometry]]
    half = len(place) // 2
    if geometry in (Geometry.BOX_2D, Geometry.BOX_3D) and any(
        high < low for low, high in zip(place[:half], place[half:], strict=True)
    ):
        raise ValueError(f"row {number} has its upper corner below its lower one")
    measures = [
        _number(row[name], number, name) if row.get(name) else np.nan for name in (AREA, RADIUS)
    ]
    return (item, labels[label], _role(row, number), *measures, *place)


def _role(row: Mapping[str, str], number: int) -> int:
    role = cases.Role.COUNTED
    for name, meaning in ((IGNORE, cases.Role.IGNORED), (CROWD, cases.Role.CROWD)):
        text = row.get(name, "")
        if text not in ("", "0", "1"):
            raise ValueError(f"row {number} column {name!r} holds {text!r}, neither 0 nor 1")
        if text == "1":
            role = meaning
    return role


def _number(text: str, number: int, column: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise ValueError(f"row {number} column {column!r} holds {text!r}, no finite number")
    return value
