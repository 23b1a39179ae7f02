"""One figure of a benchmark, and the table that is printed."""

from __future__ import annotations

from typing import NamedTuple

from rich.console import Console
from rich.table import Table


class Figure(NamedTuple):
    """A measured figure, what it should be, and how it came about."""

    name: str
    value: float
    target: str
    how: str


def show(figures: list[Figure]) -> None:
    """Print the figures."""
    table = Table(title="Measured in this run")
    for heading in ("figure", "value", "target", "how"):
        table.add_column(heading, overflow="fold")
    for figure in figures:
        table.add_row(figure.name, f"{figure.value:.2f}", figure.target, figure.how)
    Console().print(table)
