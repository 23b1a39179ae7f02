"""Reads a table output: a number for each item and column, as CSV or as a ``.npy`` array.

CSV is for people and any language; an array is for tables of a million cells, which take a second
as text and nothing as bytes. An array keeps its type: single precision is as good an answer, and
half the size.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from proctor_runner.decode.array import ARRAY_SUFFIX, open_array
from proctor_runner.decode.csv_rows import read_rows, short
from proctor_runner.decode.errors import InvalidOutputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

# One way to match each text: two would take a million steps for a thousand digits and a letter.
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_DIGITS = re.compile(r"[-+.0-9eE]*")
_MOST_BYTES_PER_CELL = 64


def read_table(path: Path, name: str, columns: Sequence[str], items: int) -> NDArray[np.floating]:
    """Return the table as (items, columns).

    Args:
        name: What the file is called in sentences; its suffix tells the format.

    Raises:
        InvalidOutputError: Another header, shape or type, or a cell without a finite number.
    """
    if name.endswith(ARRAY_SUFFIX):
        return _read_array(path, name, columns, items)
    rows = read_rows(path, name, columns, items, _MOST_BYTES_PER_CELL)
    table = np.empty((items, len(columns)), dtype=np.float64)
    for number, row in enumerate(rows):
        table[number] = numbers_of(row) or [
            number_of(cell, name, number + 1, column)
            for cell, column in zip(row, columns, strict=True)
        ]
    return table


def read_vector(path: Path, name: str, columns: Sequence[str], items: int) -> NDArray[np.floating]:
    """Return a vector as a table of one column; an array of it has one axis.

    Raises:
        InvalidOutputError: Another header, shape or type, or a cell without a finite number.
    """
    if not name.endswith(ARRAY_SUFFIX):
        return read_table(path, name, columns, items)
    array = open_array(path, name, (items,))
    finite = np.isfinite(array)
    if not finite.all():
        item = int(np.argmin(finite))
        raise InvalidOutputError(
            f"{name} item {item + 1} holds {array[item]}; expected a finite number."
        )
    whole = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    return whole.reshape(items, 1)


def numbers_of(row: Sequence[str]) -> list[float]:
    """Return the numbers of a row at once; nothing where a cell has to be looked at."""
    # Of these signs float() takes numbers alone, and no 1_000, nan or inf.
    if not _DIGITS.fullmatch("".join(row)):
        return []
    try:
        values = [float(cell) for cell in row]
    except ValueError:
        return []
    return values if all(map(math.isfinite, values)) else []


def number_of(cell: str, name: str, row: int, column: str) -> float:
    """Return the number in a cell.

    Raises:
        InvalidOutputError: It holds none, or one that is not finite.
    """
    text = cell.strip()
    # float() alone would take 1_000, nan and inf.
    value = float(text) if _NUMBER.fullmatch(text) else float("nan")
    if not math.isfinite(value):
        raise InvalidOutputError(
            f"{name} row {row} column {column!r} holds {short(text)!r}; expected a finite number."
        )
    return value


def _read_array(path: Path, name: str, columns: Sequence[str], items: int) -> NDArray[np.floating]:
    array = open_array(path, name, (items, len(columns)))
    finite = np.isfinite(array)
    if not finite.all():
        row, column = (int(index) for index in np.argwhere(~finite)[0])
        raise InvalidOutputError(
            f"{name} row {row + 1} column {columns[column]!r} holds {array[row, column]};"
            " expected a finite number."
        )
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
