"""Reads a boxes output: any number of boxes or points in each item, as CSV or as JSON.

Both forms become the same rows of item, class, score and place, brought in one order, since a list
of boxes has none: what a model writes in another order is the same answer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from proctor_runner.decode import guarded_json
from proctor_runner.decode.csv_rows import read_rows_up_to, short
from proctor_runner.decode.errors import InvalidOutputError
from proctor_runner.decode.table import number_of, numbers_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

JSON_SUFFIX = ".json"

LARGEST_PLACE = 1e9
"""No number of a place may be larger, so that a volume of three of them is a number still."""

_LEADING = 3
_NUMBERS_OF_BOXES = (4, 6)
_MOST_BYTES_PER_CELL = 64
_MOST_ITEM_DIGITS = 9


class _Row(NamedTuple):
    """One box as it was written: its number in the file, and its cells."""

    number: int
    item: int
    label: str
    numbers: Sequence[float]


def read_boxes(
    path: Path,
    name: str,
    columns: Sequence[str],
    labels: Mapping[str, int],
    items: int,
    most_per_item: int,
) -> NDArray[np.float64]:
    """Return the boxes as (rows, columns), ordered by item, score from above, class and place.

    Args:
        name: What the file is called in sentences; its suffix tells the format.
        columns: item, label, score, and the numbers of a place.
        labels: The number of a class by how it may be written.
        items: How many items the case holds.
        most_per_item: How many boxes an item may hold.

    Raises:
        InvalidOutputError: Another form, an unknown item or class, a number that is not finite or
            too large, a box whose upper corner lies below its lower one, or too many boxes.
    """
    most = items * most_per_item
    read = _from_json if name.endswith(JSON_SUFFIX) else _from_csv
    rows = []
    numbers = []
    for row in read(path, name, columns, most + items):
        if row.item >= items:
            raise InvalidOutputError(
                f"{name} row {row.number} names the item {row.item}; the case has the items 0 to"
                f" {items - 1}."
            )
        if (label := labels.get(row.label)) is None:
            raise InvalidOutputError(
                f"{name} row {row.number} holds the label {short(row.label)!r}; expected the number"
                f" or the name of one of the {len(set(labels.values()))} labels."
            )
        rows.append((row.item, label, *row.numbers))
        numbers.append(row.number)
    table = np.array(rows, dtype=np.float64).reshape(len(rows), len(columns))
    _check_places(table, name, columns, numbers)
    counts = np.bincount(table[:, 0].astype(np.intp), minlength=items)
    if counts.max(initial=0) > most_per_item:
        item = int(np.argmax(counts))
        raise InvalidOutputError(
            f"{name} holds {counts[item]} boxes in item {item}; expected {most_per_item} at most."
        )
    order = np.lexsort((*table[:, _LEADING:].T[::-1], table[:, 1], -table[:, 2], table[:, 0]))
    return np.ascontiguousarray(table[order])


def _from_csv(path: Path, name: str, columns: Sequence[str], most: int) -> Iterator[_Row]:
    rows = read_rows_up_to(path, name, columns, most, _MOST_BYTES_PER_CELL)
    for number, row in enumerate(rows, start=1):
        item = row[0].strip()
        if not (item.isascii() and item.isdecimal()) or len(item) > _MOST_ITEM_DIGITS:
            raise InvalidOutputError(
                f"{name} row {number} column 'item' holds {short(item)!r}; expected the number of"
                " an item, from 0."
            )
        if not any(cell.strip() for cell in row[1:]):
            continue
        cells = row[2:]
        values = numbers_of(cells) or [
            number_of(cell, name, number, column)
            for cell, column in zip(cells, columns[2:], strict=True)
        ]
        yield _Row(number, int(item), row[1].strip(), values)


def _from_json(path: Path, name: str, columns: Sequence[str], most: int) -> Iterator[_Row]:
    most_bytes = 64 + (most + 1) * sum(len(one) + _MOST_BYTES_PER_CELL for one in columns)
    if path.stat().st_size > most_bytes:
        raise InvalidOutputError(
            f"{name} has {path.stat().st_size} bytes; a list of {most} boxes has at most"
            f" {most_bytes}."
        )
    try:
        document = guarded_json.loads(path.read_bytes(), most_bytes)
    except ValueError as error:
        raise InvalidOutputError(f"{name} is not JSON: {short(str(error))}.") from None
    if not isinstance(document, list):
        raise InvalidOutputError(f"{name} holds no list; expected one object for each box.")
    for number, entry in enumerate(document, start=1):
        if not isinstance(entry, dict) or set(entry) != set(columns):
            raise InvalidOutputError(
                f"{name} row {number} is no object with {short(', '.join(columns))} and nothing"
                " else."
            )
        item, label = entry[columns[0]], entry[columns[1]]
        if not isinstance(item, int) or isinstance(item, bool) or item < 0:
            raise InvalidOutputError(
                f"{name} row {number} 'item' holds {short(str(item))!r}; expected the number of an"
                " item, from 0."
            )
        if not isinstance(label, int | str) or isinstance(label, bool):
            raise InvalidOutputError(
                f"{name} row {number} 'label' holds {short(str(label))!r}; expected the number or"
                " the name of a label."
            )
        values = [_json_number(entry[column], name, number, column) for column in columns[2:]]
        yield _Row(number, item, str(label), values)


def _json_number(value: object, name: str, row: int, column: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidOutputError(
            f"{name} row {row} {column!r} holds {short(str(value))!r}; expected a finite number."
        )
    return float(value)


def _check_places(
    table: NDArray[np.float64], name: str, columns: Sequence[str], numbers: Sequence[int]
) -> None:
    places, titles = table[:, _LEADING:], columns[_LEADING:]
    far = np.argwhere(np.abs(places) > LARGEST_PLACE)
    if far.size:
        row, column = far[0]
        raise InvalidOutputError(
            f"{name} row {numbers[row]} column {titles[column]!r} holds {places[row, column]:g};"
            f" expected at most {LARGEST_PLACE:g} to either side of 0."
        )
    if len(titles) not in _NUMBERS_OF_BOXES:
        return
    half = len(titles) // 2
    inverted = np.argwhere(places[:, half:] < places[:, :half])
    if inverted.size:
        row, column = inverted[0]
        low, high = titles[column], titles[column + half]
        raise InvalidOutputError(
            f"{name} row {numbers[row]} has {low} {places[row, column]:g} above {high}"
            f" {places[row, column + half]:g}; expected the lower corner first."
        )
