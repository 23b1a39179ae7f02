"""Reads somebody's own tables: CSV with a header, or a ``.npy`` array of one or two axes.

A first column called ``id``, ``case``, ``item``, ``image`` or ``file`` names the rows, so that two
tables need not have them in one order. Without one, row i answers item i.
"""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from proctor_runner.folders.errors import RefusedError

TABLE_SUFFIXES = (".csv", ".npy")

_IDS = ("id", "case", "case_id", "item", "image", "image_id", "file", "filename")
_DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True, eq=False)
class TableFile:
    """A table as it is in its file.

    Attributes:
        columns: their names but for that of the ids; of an array their numbers.
        ids: names of the rows, where the first column holds them.
        cells: text of shape (n_rows, n_columns), or the numbers of an array.
        flat: an array of one axis, or a CSV file of one column.
    """

    path: Path
    columns: tuple[str, ...]
    ids: tuple[str, ...] | None
    cells: npt.NDArray[Any]
    flat: bool

    @property
    def n_rows(self) -> int:
        """Return the number of rows."""
        return int(self.cells.shape[0])

    def numbers(self, columns: tuple[str, ...]) -> npt.NDArray[np.float64]:
        """Return some columns as float64 of shape (n_rows, n_columns).

        Raises:
            RefusedError: there is no such column, or a cell holds no finite number.
        """
        chosen = self.cells[:, [self._place(column) for column in columns]]
        try:
            found = chosen.astype(np.float64)
        except ValueError:
            found = np.vectorize(_number, otypes=[np.float64])(chosen)
        if not np.isfinite(found).all():
            row, column = (int(place) for place in np.argwhere(~np.isfinite(found))[0])
            raise RefusedError(
                f"{self.path}, row {row + 1}, column {columns[column]!r}: {chosen[row, column]!r}"
                " is no finite number."
            )
        return found

    def texts(self, column: str) -> list[str]:
        """Return a column as text, whole numbers without a point.

        Raises:
            RefusedError: there is no such column.
        """
        return [_text(cell) for cell in self.cells[:, self._place(column)].tolist()]

    def column_of_classes(self) -> str:
        """Return which column holds the class of each item.

        Raises:
            RefusedError: none is called ``label``, and there are several.
        """
        if "label" in self.columns:
            return "label"
        if len(self.columns) == 1:
            return self.columns[0]
        raise RefusedError(
            f"{self.path} has the columns {', '.join(self.columns)}; which one holds the class of"
            " an item? Call it label."
        )

    def _place(self, column: str) -> int:
        if column in self.columns:
            return self.columns.index(column)
        raise RefusedError(
            f"{self.path} has no column {column!r}; it has {', '.join(self.columns)}."
        )


def read_table_file(path: Path) -> TableFile:
    """Read a table.

    Raises:
        RefusedError: it is no table; the sentence names the file and the line.
    """
    if path.name.lower().endswith(".npy"):
        return _read_array(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
        header = text.split("\n", 1)[0]
        delimiter = max(_DELIMITERS, key=header.count)
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except UnicodeDecodeError as error:
        raise RefusedError(f"{path} is no text in UTF-8 (byte {error.start}).") from None
    except csv.Error as error:
        raise RefusedError(f"{path} is no CSV: {error}.") from None
    kept = [(number, row) for number, row in enumerate(rows, start=1) if any(row)]
    if len(kept) < 2:
        raise RefusedError(f"{path} has no rows below a header.")
    names = [name.strip() for name in kept[0][1]]
    for number, row in kept[1:]:
        if len(row) != len(names):
            raise RefusedError(
                f"{path}, line {number}: {len(row)} fields where the first line names"
                f" {len(names)} columns."
            )
    if (twice := Counter(names).most_common(1)[0])[1] > 1:
        raise RefusedError(f"{path} names the column {twice[0]!r} twice.")
    cells = np.array([[cell.strip() for cell in row] for _, row in kept[1:]], dtype=object)
    if len(names) > 1 and names[0].lower() in _IDS:
        ids = tuple(str(cell) for cell in cells[:, 0])
        if (repeated := Counter(ids).most_common(1)[0])[1] > 1:
            raise RefusedError(f"{path} has {repeated[1]} rows of {repeated[0]!r}; give one.")
        return TableFile(path, tuple(names[1:]), ids, cells[:, 1:], len(names) == 2)
    return TableFile(path, tuple(names), None, cells, len(names) == 1)


def _read_array(path: Path) -> TableFile:
    try:
        array: npt.NDArray[Any] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise RefusedError(f"{path} is no readable .npy array: {error}.") from None
    if array.ndim not in (1, 2) or array.dtype.kind not in "biuf" or not array.size:
        raise RefusedError(
            f"{path} has shape {array.shape} and type {array.dtype}; a table is made of numbers of"
            " shape (items,) or (items, columns)."
        )
    flat = array.ndim == 1
    cells = array.reshape(array.shape[0], -1)
    return TableFile(path, tuple(str(n) for n in range(cells.shape[1])), None, cells, flat)


def _number(cell: object) -> float:
    try:
        return float(str(cell))
    except ValueError:
        return math.nan


def _text(cell: object) -> str:
    """Write a class in one way: 1, 1.0 and "1" are one class."""
    value = _number(cell)
    if math.isfinite(value) and value == int(value):
        return str(int(value))
    return str(cell).strip()
