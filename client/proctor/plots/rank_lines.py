"""Line plots of ranks: across schemes, and across tasks."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from proctor.plots.names import escaped, labels
from proctor.plots.numbers import rank_text
from proctor.plots.plot import (
    COLORS,
    DASHES,
    GRID,
    MOST_ROWS,
    SYMBOLS,
    Plot,
    finished,
    left_out,
    numbered,
    rows_height,
)
from proctor.spec.statistics import RankingStatistics

_SCHEME_LETTERS = 24
# Where the names' stubs begin, left of the first column.
_START = -0.55


def scheme_lines(known: RankingStatistics) -> Plot | None:
    """Draw every algorithm's rank under every scheme, the one shown first."""
    chosen = [scheme for scheme in known.schemes if scheme.name == known.scheme]
    others = [scheme for scheme in known.schemes if scheme.name != known.scheme]
    ordered = chosen + others
    if len(ordered) < 2:
        return None
    caption = (
        "A line an algorithm, a column a scheme of ranking, up is better"
        + (", that of the board first" if chosen else "")
        + ". Level lines: the order does not hang on the scheme. Where lines cross, another, as"
        " reasonable scheme puts two algorithms the other way round."
    )
    columns = [(scheme.name, scheme.ranks) for scheme in ordered]
    return _lines(known, columns, "schemes", "Ranks under every scheme", caption)


def task_lines(known: RankingStatistics) -> Plot | None:
    """Draw every algorithm's rank in every task beside the ranking over all."""
    if len(known.tasks) < 2:
        return None
    caption = (
        "A line an algorithm, a column a task, up is better, the ranking over all tasks first."
        " Level lines: the same algorithms are good at every task. A line that falls"
        " is an algorithm with a task it does not do well."
    )
    columns = [("all tasks", known.ranks), *((task.name, task.ranks) for task in known.tasks)]
    return _lines(known, columns, "tasks", "Ranks in every task", caption)


def _lines(
    known: RankingStatistics,
    columns: Sequence[tuple[str, Sequence[float]]],
    name: str,
    title: str,
    caption: str,
) -> Plot:
    count = len(known.algorithms)
    shown = min(count, MOST_ROWS)
    # A line may leave the plot at the bottom where not all algorithms are drawn.
    lowest = min(count, shown * 3 // 2)
    figure = go.Figure()
    whole = [escaped(column) for column, _ in columns]
    for row in range(shown):
        ranks = [values[row] for _, values in columns]
        algorithm = escaped(known.algorithms[row])
        figure.add_trace(
            go.Scatter(
                x=[_START, *range(len(columns))],
                y=[row + 1, *ranks],
                mode="lines+markers",
                line={
                    "color": COLORS[row % len(COLORS)],
                    "dash": DASHES[row % len(DASHES)],
                    "width": 2,
                },
                marker={
                    "symbol": ["line-ew-open", *[SYMBOLS[row % len(SYMBOLS)]] * len(columns)],
                    "size": [1, *[9] * len(columns)],
                    "line": {"width": 2, "color": COLORS[row % len(COLORS)]},
                },
                customdata=[
                    [algorithm, where, rank_text(rank)]
                    for where, rank in zip(["", *whole], [row + 1, *ranks], strict=True)
                ],
                hovertemplate="%{customdata[0]}<br>%{customdata[1]}<br>rank %{customdata[2]}"
                "<extra></extra>",
            )
        )
    finished(
        figure,
        rows_height(lowest, 28) + 120,
        margin={"l": 8, "r": 12, "t": 10, "b": 10},
        xaxis={
            "tickmode": "array",
            "tickvals": list(range(len(columns))),
            "ticktext": labels([column for column, _ in columns], _SCHEME_LETTERS),
            "tickangle": 90,
            "range": [_START, len(columns) - 0.6],
            "gridcolor": GRID,
            "zeroline": False,
            "fixedrange": True,
            "automargin": True,
        },
        yaxis={
            "tickmode": "array",
            "tickvals": list(range(1, shown + 1)),
            "ticktext": numbered(labels(known.algorithms[:shown])),
            "range": [lowest + 0.6, 0.4],
            "gridcolor": GRID,
            "zeroline": False,
            "fixedrange": True,
            "automargin": True,
        },
    )
    return Plot(name, title, caption + left_out(shown, count), figure)
