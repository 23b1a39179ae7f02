"""`table`: a number for every item and column. Plain form: rows of floats; an array for `.npy`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .asked import Asked, OutputError
from .kind import Kind
from .label_lists import by_label, is_ranking
from .writing import write_array, write_csv

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def rows_of(value: object, asked: Asked) -> Sequence[object]:
    """Return the rows of an answer.

    Raises:
        OutputError: It has none.
    """
    rows = value.tolist() if hasattr(value, "tolist") else value
    if not isinstance(rows, Sequence) or isinstance(rows, (str, bytes)):
        columns = f" of {len(asked.output.columns)} columns" if asked.output.columns else ""
        raise OutputError(f"a table{columns} was expected, not {type(value).__name__}")
    return rows


def row_of(row: object, columns: tuple[str, ...]) -> Sequence[object]:
    """Bring one row in column order; a bare number is the row of a one-column table.

    Raises:
        OutputError: It lacks a column or has another.
    """
    if is_ranking(row):
        row = by_label(row)
    if isinstance(row, Mapping):
        unknown = sorted(str(name) for name in row if name not in columns)
        missing = [name for name in columns if name not in row]
        if unknown or missing:
            raise OutputError(f"columns missing: {missing or 'none'}, unknown: {unknown or 'none'}")
        return [row[name] for name in columns]
    row = row.tolist() if hasattr(row, "tolist") else row
    if isinstance(row, Sequence) and not isinstance(row, (str, bytes)):
        return row
    return [row]


def cell_of(cell: object, row: int, asked: Asked) -> float:
    """Return a finite number.

    Raises:
        OutputError: It is none.
    """
    try:
        number = float(cell)  # type: ignore[arg-type]  # what it cannot take, it raises on
    except (TypeError, ValueError) as error:
        raise OutputError(f"row {row} holds {cell!r}, which is not a number") from error
    if not math.isfinite(number):
        raise OutputError(
            f"row {row} of {asked.output.file} holds {number}; every value must be finite"
        )
    return number


def found_columns(value: Any) -> tuple[str, ...]:
    """Return the columns of a table that nobody declared any for: names it has, else numbers."""
    rows = value.tolist() if hasattr(value, "tolist") else value
    if is_ranking(rows):
        rows = [rows]
    first = rows[0] if isinstance(rows, Sequence) and rows else ()
    if is_ranking(first):
        first = by_label(first)
    if isinstance(first, Mapping):
        return tuple(str(name) for name in first)
    width = len(first) if isinstance(first, Sequence) and not isinstance(first, str) else 1
    return tuple(str(number) for number in range(width))


def refuse_another_width(row: Sequence[object], number: int, columns: tuple[str, ...]) -> None:
    """Raise `OutputError` unless a row has a cell for every column."""
    if len(row) != len(columns):
        raise OutputError(
            f"row {number} has {len(row)} values for {len(columns)} columns ({', '.join(columns)})"
        )


def _check(value: object, asked: Asked) -> object:
    if is_ranking(value) and "label" not in asked.output.columns:
        value = [value]
    columns = asked.output.columns
    if asked.suffix.endswith(".npy"):
        return _check_array(value, columns, asked)
    rows = [row_of(row, columns) for row in rows_of(value, asked)]
    if asked.items and len(rows) != len(asked.items):
        raise OutputError(f"{len(rows)} rows for {len(asked.items)} items; row i answers item i")
    numbers = []
    for number, row in enumerate(rows):
        numbers.append(_finite(row) or [cell_of(cell, number, asked) for cell in row])
        refuse_another_width(row, number, columns)
    return numbers


def _finite(row: Sequence[Any]) -> list[float]:
    """Return a row of finite numbers at once; nothing where a cell has to be looked at."""
    try:
        numbers = [float(cell) for cell in row]
    except (TypeError, ValueError):
        return []
    return numbers if all(map(math.isfinite, numbers)) else []


def _check_array(value: object, columns: tuple[str, ...], asked: Asked) -> NDArray[np.generic]:
    import numpy as np

    rows = value
    if isinstance(value, Sequence) and value and not hasattr(value[0], "dtype"):
        first = value[0]
        if isinstance(first, Mapping) or is_ranking(first):
            rows = [row_of(row, columns) for row in value]
    array = np.asarray(rows)
    if array.dtype.kind not in "fiub":
        raise OutputError(f"a table of numbers was expected, not of {array.dtype}")
    if array.ndim == 1:
        array = array[:, np.newaxis]
    expected = (len(asked.items) or len(array), len(columns))
    if array.shape != expected:
        raise OutputError(f"the table has shape {array.shape}; {expected} was expected")
    if not np.isfinite(array).all():
        row = int(np.argwhere(~np.isfinite(array))[0][0])
        raise OutputError(f"row {row} of {asked.output.file} holds no finite number")
    single = array.dtype == np.float32
    return array.astype(np.float32 if single else np.float64)


def _write(plain: Any, asked: Asked, path: Path) -> None:
    if asked.suffix.endswith(".npy"):
        write_array(plain, path)
    else:
        write_csv(asked.output.columns, plain, path)


KIND = Kind(_check, _write, ("item", "column"))
