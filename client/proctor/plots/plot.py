"""A plot with its words, and the look that all of them share.

Everything can be told apart by shape, pattern or brightness, since a printer may know no color.
Rows are algorithms, best at the top: names then have room on a telephone. Axes are fixed, so that
a finger on a plot moves the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

INK = "#0f5c4d"
PALE = "#9db8af"
GRID = "#e3e9e7"
TEXT = "#26332f"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif"

COLORS = ("#0f5c4d", "#c2572b", "#2f4b8f", "#b8860b", "#7b3f72", "#3f8fb0", "#6b6b6b", "#111111")
"""Series in turn; next to a symbol and a dash of their own."""

SYMBOLS = (
    "circle",
    "square-open",
    "triangle-up",
    "diamond-open",
    "x-thin-open",
    "star",
    "triangle-down-open",
    "cross",
)

DASHES = ("solid", "dash", "dot", "longdash", "dashdot", "longdashdot")

BRIGHT_TO_DARK = ((0.0, "#ffffff"), (0.35, "#bcd2ca"), (0.7, "#4f8f7f"), (1.0, "#083b31"))
"""A scale whose brightness falls all the way: it reads the same in gray."""

CONFIG = {"displayModeBar": False, "responsive": True, "typesetMath": False}
"""What plotly is told beside every figure."""

MOST_ROWS = 50
"""Algorithms in one plot; more would be no picture. The captions say when some are left out."""


@dataclass(frozen=True)
class Plot:
    """A figure, its title, and how to read it (plain text both)."""

    name: str
    title: str
    caption: str
    figure: go.Figure


def rows_axis(labels: Sequence[str]) -> dict[str, Any]:
    """Return the vertical axis with one named row each, the first at the top."""
    return {
        "tickmode": "array",
        "tickvals": list(range(len(labels))),
        "ticktext": list(labels),
        "range": [len(labels) - 0.4, -0.6],
        "automargin": True,
        "zeroline": False,
        "showgrid": False,
        "fixedrange": True,
    }


def ranks_axis(count: int) -> dict[str, Any]:
    """Return the horizontal axis of ``count`` ranks."""
    return {
        "tickmode": "array",
        "tickvals": ticks(count),
        "tickangle": 0,
        "range": [0.4, count + 0.6],
        "gridcolor": GRID,
        "zeroline": False,
        "fixedrange": True,
        "title": {"text": "rank", "standoff": 6},
    }


def ticks(count: int) -> list[int]:
    """Return the whole numbers from 1 to ``count`` that a narrow axis has room to write.

    >>> ticks(4), ticks(20)
    ([1, 2, 3, 4], [1, 5, 10, 15, 20])
    """
    step = next((step for step in (1, 5, 10, 20, 50, 100) if count <= 12 * step), count)
    return sorted({1, *range(step, count + 1, step)})


def numbered(labels: Sequence[str]) -> list[str]:
    """Return labels that end with their number, set off from the name."""
    return [f"{label}  <b>{number}</b>" for number, label in enumerate(labels, start=1)]


def finished(figure: go.Figure, height_px: int, **layout: Any) -> go.Figure:
    """Give ``figure`` the shared look and ``height_px``; its width is the page's."""
    figure.update_layout(
        height=height_px,
        margin={"l": 8, "r": 12, "t": 10, "b": 44},
        font={"family": FONT, "size": 12, "color": TEXT},
        plot_bgcolor="#ffffff",
        paper_bgcolor="#ffffff",
        hoverlabel={"bgcolor": "#ffffff", "font": {"color": TEXT, "family": FONT}, "align": "left"},
        showlegend=False,
        dragmode=False,
        template="none",
    )
    figure.update_layout(**layout)
    return figure


def rows_height(rows: int, per_row_px: int = 26) -> int:
    """Return the height of a plot of ``rows`` rows, with its axis."""
    return 64 + per_row_px * max(rows, 2)


def left_out(shown: int, of: int, what: str = "algorithms") -> str:
    """Return the sentence for a caption where not all are drawn, or nothing."""
    return f" Only the first {shown} of {of} {what} are drawn." if shown < of else ""
