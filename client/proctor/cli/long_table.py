"""Read anybody's table of scores in long form: a row for each algorithm, case and metric.

Each fault names its line, and a column that is not there the columns there are. A value that is
not there at all is missing, as is an empty field.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple, TextIO

from proctor.cli.failures import CommandError, Exit
from proctor.cli.output import text_of_cell

_ABSENT = {"", "na", "n/a", "nan", "none", "null"}
_DELIMITERS = (",", ";", "\t")
_HEADER = "Such as algorithm,case,metric,value; below it one row for each value."
_DECIMAL_COMMA = "A decimal comma is read where semicolons part the fields; else write a point."
_FOUND_BY = {"task": ("task", "structure")}
"""Where a column goes by another name than its role; a structure is what `proctor score` writes."""

_LONG_FORM = {
    "algorithm": " A column for each algorithm must become rows first; in pandas:"
    " table.melt('case', var_name='algorithm').",
    "value": " Of a column for each metric, name the one to rank by.",
}


class Columns(NamedTuple):
    """The names of the columns; one that is None is looked for and may be absent."""

    algorithm: str = "algorithm"
    case: str = "case"
    value: str = "value"
    metric: str | None = None
    task: str | None = None
    group: str | None = None


class Score(NamedTuple):
    """One row: the value of an algorithm on a case; None is missing."""

    path: Path
    line: int
    algorithm: str
    case: str
    metric: str
    task: str
    group: str
    value: float | None


@dataclass(frozen=True)
class LongTable:
    """Rows in the order of the files, no algorithm, case, metric and task twice."""

    rows: tuple[Score, ...]

    def of_tasks(self, tasks: Collection[str]) -> LongTable:
        """Return the rows of some tasks alone."""
        return LongTable(tuple(row for row in self.rows if row.task in tasks))

    def names(self, field: str, task: str | None = None) -> tuple[str, ...]:
        """Return the values of a field, of a task or all, in the order of their first row."""
        chosen = (row for row in self.rows if task is None or row.task == task)
        return tuple(dict.fromkeys(getattr(row, field) for row in chosen))


def read_long_tables(paths: Sequence[Path], columns: Columns) -> LongTable:
    """Read tables whose first line names its columns; commas, semicolons or tabs part them.

    Raises:
        CommandError: A column is not there, a value is no finite number, or two rows are about
            the same.
    """
    found = LongTable(tuple(row for path in paths for row in _read(path, columns)))
    _refuse_twice(found.rows)
    return found


def _read(path: Path, columns: Columns) -> tuple[Score, ...]:
    with _opened(path) as file:
        header = file.readline()
        if not header.strip():
            raise CommandError(
                f"{path} has no first line with the names of its columns.", _HEADER, Exit.USAGE
            )
        delimiter = max(_DELIMITERS, key=header.count)
        names = [name.strip() for name in next(csv.reader([header], delimiter=delimiter), [])]
        rows = csv.reader(file, delimiter=delimiter)
        # Semicolons part a spreadsheet's fields where its numbers have a decimal comma.
        found = tuple(_scores(path, rows, names, columns, "," if delimiter == ";" else "."))
    if not found:
        raise CommandError(
            f"{path} has no rows below its first line.",
            "One row holds the value of one algorithm on one case.",
            Exit.USAGE,
        )
    return found


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield file
    except UnicodeDecodeError as error:
        raise CommandError(
            f"{path} is no text in UTF-8: {error.reason} at byte {error.start}.",
            "Save it as CSV in UTF-8.",
            Exit.USAGE,
        ) from error
    except csv.Error as error:
        raise CommandError(f"{path} is no table: {error}.", "", Exit.USAGE) from error


def _scores(
    path: Path,
    rows: Iterator[list[str]],
    names: Sequence[str],
    columns: Columns,
    decimal: str,
) -> Iterator[Score]:
    places = {role: _place(path, names, role, getattr(columns, role)) for role in Columns._fields}

    def cell(row: list[str], role: str, otherwise: str = "") -> str:
        place = places[role]
        return otherwise if place is None else text_of_cell(row[place].strip())

    for number, row in enumerate(rows, start=2):
        if not any(row):
            continue
        if len(row) != len(names):
            raise CommandError(
                f"{path}, line {number}: {len(row)} fields where the first line names"
                f" {len(names)} columns.",
                f"Put a field that holds the separator in double quotes. {_DECIMAL_COMMA}",
                Exit.USAGE,
            )
        case = cell(row, "case")
        yield Score(
            path=path,
            line=number,
            algorithm=_named(path, number, "algorithm", cell(row, "algorithm")),
            case=_named(path, number, "case", case),
            metric=cell(row, "metric", columns.value),
            task=cell(row, "task"),
            group=cell(row, "group", case),
            value=_value(path, number, cell(row, "value"), decimal),
        )


def _place(path: Path, names: Sequence[str], role: str, wanted: str | None) -> int | None:
    for name in _FOUND_BY.get(role, (role,)) if wanted is None else (wanted,):
        if name in names:
            return names.index(name)
        alike = [place for place, one in enumerate(names) if one.casefold() == name.casefold()]
        if len(alike) == 1:
            return alike[0]
    if wanted is None:
        return None
    near = get_close_matches(wanted, names, n=1)
    meant = f"Did you mean {near[0]}? " if near else ""
    raise CommandError(
        f"{path} has no column {wanted!r}. It has: {', '.join(map(repr, names))}.",
        f"{meant}Name the column of the {role} with --{role}-column.{_LONG_FORM.get(role, '')}",
        Exit.USAGE,
    )


def _named(path: Path, line: int, role: str, name: str) -> str:
    if not name:
        raise CommandError(f"{path}, line {line}: the {role} has no name.", "", Exit.USAGE)
    return name


def _value(path: Path, line: int, text: str, decimal: str) -> float | None:
    if text.lower() in _ABSENT:
        return None
    plain = text.replace(decimal, ".") if text.count(decimal) == 1 else text
    if not _is_number(plain):
        hint = "Leave the field empty where there is no value; --missing says what that means."
        if decimal == "." and _is_number(text.replace(",", ".")):
            hint = _DECIMAL_COMMA
        raise CommandError(f"{path}, line {line}: {text!r} is no finite number.", hint, Exit.USAGE)
    return float(plain)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _refuse_twice(rows: Sequence[Score]) -> None:
    seen: dict[tuple[str, ...], Score] = {}
    for row in rows:
        key = (row.task, row.metric, row.algorithm, row.case)
        before = seen.setdefault(key, row)
        if before is row:
            continue
        where = f"{row.path}: lines {before.line} and {row.line}"
        hint = (
            "Keep one of them; or, where several tasks use the same names, name their column"
            " with --task-column."
        )
        if before.path != row.path:
            where = f"{before.path}, line {before.line}, and {row.path}, line {row.line},"
            hint = "Keep one of them; or call the algorithm otherwise in one of the tables."
        raise CommandError(
            f"{where} both have {row.metric} of {row.algorithm} for case {row.case}.",
            hint,
            Exit.USAGE,
        )
