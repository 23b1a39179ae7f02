"""How commands print: data to standard output in the format asked for, talk to standard error.

Text of strangers (titles, messages, logs) passes through `plain`, so that it can neither color nor
steer the terminal that shows it.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

Row = Mapping[str, object]

_WIDE = 10_000
_PAPER = 120
_BETWEEN = 3
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Format(StrEnum):
    """How data is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def plain(text: str, *, lines: bool = False) -> str:
    """Return ``text`` with every unprintable character replaced, on one line unless ``lines``."""
    kept = "\n\t" if lines else ""
    return "".join(c if c.isprintable() or c in kept else "\N{REPLACEMENT CHARACTER}" for c in text)


def say(text: str) -> None:
    """Tell the person at the terminal something; it is no data."""
    sys.stderr.write(f"{plain(text, lines=True)}\n")
    sys.stderr.flush()


def number(value: float | None, digits: int = 4) -> str:
    """Write a score as the dashboard does; a missing one is a dash."""
    return "–" if value is None else f"{value:.{digits}f}"


def emit(
    rows: Sequence[Row], style: Format, *, document: object = None, title: str | None = None
) -> None:
    """Print rows that share their keys.

    Args:
        document: what ``json`` prints in place of the rows: the whole thing, for programs.
        title: a line over the table.
    """
    match style:
        case Format.JSON:
            content = list(rows) if document is None else document
            sys.stdout.write(json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n")
        case Format.CSV:
            _write_csv(rows)
        case Format.TABLE:
            _write_table(rows, title)


def console(*, stderr: bool = False) -> Console:
    """Return a console that wraps nothing when a pipe reads it."""
    from rich.console import Console

    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(stderr=stderr, width=None if terminal else _WIDE, highlight=False)


def _write_csv(rows: Sequence[Row]) -> None:
    if not rows:
        return
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([cell(name) for name in rows[0]])
    for row in rows:
        writer.writerow([cell(value) for value in row.values()])


def cell(value: object) -> object:
    """Return a value for CSV: text that no spreadsheet takes for a formula, nor a terminal for an
    order.
    """
    if not isinstance(value, str):
        return "" if value is None else value
    guarded = f"'{value}" if value.startswith(_FORMULA) else value
    return plain(guarded, lines=True)


def text_of_cell(text: str) -> str:
    """Return the text that ``cell`` made a cell of."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


def fitting(rows: Sequence[Row], spared: Sequence[str]) -> Sequence[Row]:
    """Return the rows without those columns that do not fit: a terminal's width, else 120.

    Args:
        spared: Columns that may be left out, the least important first.
    """
    limit = console().width if sys.stdout.isatty() else _PAPER
    for name in spared:
        if not rows or _table_width(rows) <= limit:
            break
        rows = [{key: value for key, value in row.items() if key != name} for row in rows]
    return rows


def _table_width(rows: Sequence[Row]) -> int:
    from rich.cells import cell_len

    cells = (max(cell_len(_text(row[name])) for row in [*rows, {name: name}]) for name in rows[0])
    return sum(width + _BETWEEN for width in cells)


def _write_table(rows: Sequence[Row], title: str | None) -> None:
    if not rows:
        say("Nothing to show.")
        return
    screen = console()
    if screen.is_terminal:
        screen.print(_table(rows, title))
        return
    with screen.capture() as captured:
        screen.print(_table(rows, title))
    # The table stands free and its cells are filled up, which a file or a pipe has no use for.
    lines = [line.rstrip() for line in captured.get().splitlines()]
    sys.stdout.write("\n".join(lines).strip("\n") + "\n")
    sys.stdout.flush()


def _table(rows: Sequence[Row], title: str | None) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    for name, value in rows[0].items():
        right = isinstance(value, int | float) and not isinstance(value, bool)
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_text(value)) for value in row.values()))
    return table


def _text(value: object) -> str:
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case float():
            return number(value)
        case _:
            return plain(str(value))
