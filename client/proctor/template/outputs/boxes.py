"""`boxes`: boxes or points, any number in an item. Plain form: a row each, in column order."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .asked import Asked, OutputError
from .custom import write_json
from .kind import Kind
from .tables import cell_of, refuse_another_width, row_of, rows_of

_PLACES = {
    4: ("x0", "y0", "x1", "y1"),
    6: ("x0", "y0", "z0", "x1", "y1", "z1"),
    2: ("x", "y"),
    3: ("x", "y", "z"),
}


def found_columns(value: Any) -> tuple[str, ...]:
    """Return the columns of boxes that nobody declared any for: what their first row looks like.

    A box is its lower and its upper corner, in 2 or 3 dimensions; so may a point be.
    """
    rows = value.tolist() if hasattr(value, "tolist") else value
    first = rows[0] if isinstance(rows, Sequence) and rows else ()
    for size, places in _PLACES.items():
        named = isinstance(first, Mapping) and set(places) <= set(first)
        if named or (not isinstance(first, Mapping) and len(first) == 3 + size):
            return ("item", "label", "score", *places)
    return ("item", "label", "score", *_PLACES[4])


def _check(value: object, asked: Asked) -> object:
    columns = asked.output.columns
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
    columns = asked.output.columns
    if asked.suffix.endswith(".json"):
        write_json([{name: row[i] for i, name in enumerate(columns)} for row in plain], path)
        return
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([*row[:2], *(repr(cell) for cell in row[2:])] for row in plain)


KIND = Kind(_check, _write, ("box", "column"))
