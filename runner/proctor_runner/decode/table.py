"""Reads a table output: a CSV file with the declared header and one row for each item."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from proctor_runner.decode.errors import InvalidOutputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_MOST_BYTES_PER_CELL = 64
_SHOWN_CHARACTERS = 60


def read_table(path: Path, name: str, columns: Sequence[str], items: int) -> NDArray[np.float64]:
    """Return the table as (items, columns).

    Args:
        name: What the file is called in sentences.

    Raises:
        InvalidOutputError: Another header, number of rows or cells, or a cell without a number.
    """
    header_bytes = sum(len(column.encode()) + 4 for column in columns)
    most_bytes = 64 + header_bytes + (items + 1) * len(columns) * _MOST_BYTES_PER_CELL
    if path.stat().st_size > most_bytes:
        raise InvalidOutputError(
            f"{name} has {path.stat().st_size} bytes; a table of {items} rows and"
            f" {len(columns)} columns has at most {most_bytes}."
        )
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidOutputError(f"{name} is not UTF-8 text (byte {error.start}).") from None
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error as error:
        raise InvalidOutputError(f"{name} is not CSV: {error}.") from None
    expected = ",".join(columns)
    if not rows:
        raise InvalidOutputError(f"{name} is empty; expected the header {_short(expected)!r}.")
    found = [cell.strip() for cell in rows[0]]
    if found != list(columns):
        raise InvalidOutputError(
            f"{name} has the header {_short(','.join(found))!r}; expected {_short(expected)!r}."
        )
    if len(rows) - 1 != items:
        raise InvalidOutputError(
            f"{name} has {len(rows) - 1} rows; expected {items}, one for each item."
        )
    table = np.empty((items, len(columns)), dtype=np.float64)
    for number, row in enumerate(rows[1:]):
        if len(row) != len(columns):
            raise InvalidOutputError(
                f"{name} row {number + 1} has {len(row)} values; expected {len(columns)}."
            )
        table[number] = [
            _number(cell, name, number + 1, column)
            for cell, column in zip(row, columns, strict=True)
        ]
    return table


def _number(cell: str, name: str, row: int, column: str) -> float:
    text = cell.strip()
    # float() alone would take 1_000, nan and inf.
    value = float(text) if _NUMBER.fullmatch(text) else float("nan")
    if not np.isfinite(value):
        raise InvalidOutputError(
            f"{name} row {row} column {column!r} holds {_short(text)!r}; expected a finite number."
        )
    return value


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
