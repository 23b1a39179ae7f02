"""Reads the rows of a CSV file with a declared header and one row for each item."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from proctor_runner.decode.errors import InvalidOutputError

_SHOWN_CHARACTERS = 60


def read_rows(
    path: Path, name: str, columns: Sequence[str], items: int, most_bytes_per_cell: int
) -> list[list[str]]:
    """Return the cells of each item.

    Args:
        name: What the file is called in sentences.

    Raises:
        InvalidOutputError: No CSV, or another header, number of rows or cells.
    """
    rows = read_rows_up_to(path, name, columns, items, most_bytes_per_cell)
    if len(rows) != items:
        raise InvalidOutputError(
            f"{name} has {len(rows)} rows; expected {items}, one for each item."
        )
    return rows


def read_rows_up_to(
    path: Path, name: str, columns: Sequence[str], most: int, most_bytes_per_cell: int
) -> list[list[str]]:
    """Return the cells of each row of a file whose length says that it has about ``most`` at most.

    Raises:
        InvalidOutputError: No CSV, or another header or number of cells, or far too long.
    """
    header_bytes = sum(len(column.encode()) + 4 for column in columns)
    most_bytes = 64 + header_bytes + (most + 1) * len(columns) * most_bytes_per_cell
    if path.stat().st_size > most_bytes:
        raise InvalidOutputError(
            f"{name} has {path.stat().st_size} bytes; a table of {most} rows and"
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
        raise InvalidOutputError(f"{name} is empty; expected the header {short(expected)!r}.")
    found = [cell.strip() for cell in rows[0]]
    if found != list(columns):
        raise InvalidOutputError(
            f"{name} has the header {short(','.join(found))!r}; expected {short(expected)!r}."
        )
    for number, row in enumerate(rows[1:]):
        if len(row) != len(columns):
            raise InvalidOutputError(
                f"{name} row {number + 1} has {len(row)} values; expected {len(columns)}."
            )
    return rows[1:]


def short(text: str) -> str:
    """Cut what goes into a sentence."""
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
