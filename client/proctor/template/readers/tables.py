"""CSV and Parquet: both give the same rows, a dict each, so that a model need not ask which."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from ..held import on_disk

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ..held import File


class _CsvReader:
    formats: tuple[str, ...] = ("csv",)
    libraries: tuple[str, ...] = ()
    package = ""

    def shape(self, file: File, name: str) -> tuple[int, ...] | None:
        return None

    def native(self, file: File, name: str) -> object:
        rows = rows_of_csv(file)
        for number, row in enumerate(rows):
            if None in row or None in row.values():
                raise ValueError(f"has another number of cells in row {number} than in its header")
        return rows

    def owns(self, native: object) -> bool:
        return isinstance(native, list) and bool(native) and isinstance(native[0], dict)

    def array(self, native: Any) -> object:
        return numbers(native)


class _ParquetReader:
    formats: tuple[str, ...] = ("parquet",)
    libraries: tuple[str, ...] = ("pyarrow",)
    package = "pyarrow"

    def shape(self, file: File, name: str) -> tuple[int, ...] | None:
        from pyarrow import parquet

        found = parquet.read_metadata(on_disk(file))
        return int(found.num_rows), int(found.num_columns)

    def native(self, file: File, name: str) -> object:
        from pyarrow import parquet

        _refuse_twins(parquet.read_schema(on_disk(file)).names)
        columns = parquet.read_table(on_disk(file)).to_pydict()
        names = list(columns)
        plain = [[_plain(value) for value in columns[column]] for column in names]
        return [dict(zip(names, row)) for row in zip(*plain)]  # noqa: B905  # Python 3.8

    def owns(self, native: object) -> bool:
        return False

    def array(self, native: Any) -> object:
        return numbers(native)


def rows_of_csv(file: File) -> list[dict[str, object]]:
    """Return the rows under the header; a column of numbers as floats, any other as text.

    A row with too few cells has None in their place, one with too many has the rest under None. The
    mark that spreadsheets put before UTF-8 is none of the first name.

    Raises:
        csv.Error: A quote is left open.
        ValueError: Two columns have one name.
    """
    with file.open("rb") as content, io.TextIOWrapper(content, "utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream, strict=True)
        _refuse_twins(reader.fieldnames or ())
        rows = list(reader)
    numeric = {name for name in (rows[0] if rows else {}) if _all_numbers(rows, name)}
    return [
        {name: float(value) if name in numeric else value for name, value in row.items()}
        for row in rows
    ]


def numbers(rows: list[dict[str, object]]) -> NDArray[np.float64]:
    """Return rows as float64 (rows, columns).

    Raises:
        ValueError: A cell holds no number.
    """
    import numpy as np

    names = list(rows[0]) if rows else []
    for number, row in enumerate(rows):
        for name in names:
            if not isinstance(row.get(name), (int, float)):
                raise ValueError(
                    f"holds {row.get(name)!r} in row {number} of column {name!r}; its array form "
                    "is of numbers alone, its native form (form: native) of anything"
                )
    values = [[row[name] for name in names] for row in rows]
    return np.asarray(values, dtype=np.float64).reshape(len(rows), len(names))


def _refuse_twins(names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"has more than one column {name!r}; one would hide the others")


def _all_numbers(rows: list[dict[str, str]], name: str) -> bool:
    try:
        for row in rows:
            float(row[name])
    except (TypeError, ValueError):
        return False
    return True


def _plain(value: object) -> object:
    """A number as the float that CSV would have made of it."""
    return float(value) if isinstance(value, (bool, int, float)) else value


CSV_READER = _CsvReader()
PARQUET_READER = _ParquetReader()
