"""`boxes`: boxes or points, any number in an item. Plain form: a row each, in column order."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .asked import Asked, OutputError
from .custom import write_json
from .kind import Kind
from .tables import cell_of, refuse_another_width, row_of, rows_of

DEFAULT_COLUMNS = ("item", "label", "score", "x0", "y0", "x1", "y1")
"""The columns where nobody declares any: a box by its lower and its upper corner."""


def columns_of(asked: Asked) -> tuple[str, ...]:
    """Return the columns of an output of boxes."""
    return asked.output.columns or DEFAULT_COLUMNS


def _check(value: object, asked: Asked) -> object:
    columns = columns_of(asked)
    checked: list[list[object]] = []
    for number, given in enumerate(rows_of(value, asked)):
        if isinstance(given, Mapping) and len(asked.items) < 2 and "item" not in given:
            given = {**given, "item": 0}
        row = row_of(given, columns)
        refuse_another_width(row, number, columns)
        item, label = cell_of(row[0], number, asked), row[1]
        label = label.item() if hasattr(label, "item") else label
        if item not in range(max(1, len(asked.items))):
            raise OutputError(
                f"row {number} names item {row[0]}; this case has {len(asked.items)}, from 0"
            )
        if not isinstance(label, str):
            label = cell_of(label, number, asked)
            if label != int(label):
                raise OutputError(f"row {number} holds the label {label}, which is no class")
            label = int(label)
        numbers = [cell_of(cell, number, asked) for cell in row[2:]]
        checked.append([int(item), label, *numbers])
    return checked


def _write(plain: Any, asked: Asked, path: Path) -> None:
    """Write rows in CSV, or objects by column in JSON."""
    columns = columns_of(asked)
    if asked.suffix.endswith(".json"):
        write_json([{name: row[i] for i, name in enumerate(columns)} for row in plain], path)
        return
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([*row[:2], *(repr(cell) for cell in row[2:])] for row in plain)


KIND = Kind(_check, _write, ("box", "column"))
