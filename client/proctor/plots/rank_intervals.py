"""Rank intervals: each algorithm's rank and the ranks it takes when cases are drawn anew."""

from __future__ import annotations

import plotly.graph_objects as go

from proctor.plots.names import escaped, labels
from proctor.plots.numbers import rank_text
from proctor.plots.plot import (
    GRID,
    INK,
    MOST_ROWS,
    Plot,
    finished,
    left_out,
    ranks_axis,
    rows_axis,
    rows_height,
)
from proctor.spec.statistics import RankingStatistics


def rank_intervals(known: RankingStatistics) -> Plot | None:
    """Draw the rank as a point on the line of its interval, or nothing where none is known."""
    if not known.rank_low or not known.rank_high:
        return None
    shown = min(len(known.algorithms), MOST_ROWS)
    figure = go.Figure()
    lines: list[tuple[float | None, float | None]] = []
    for row in range(shown):
        lines += [(known.rank_low[row], row), (known.rank_high[row], row), (None, None)]
    figure.add_trace(
        go.Scatter(
            x=[x for x, _ in lines],
            y=[y for _, y in lines],
            mode="lines+markers",
            line={"color": INK, "width": 3},
            marker={"symbol": "line-ns-open", "size": 10, "color": INK, "line": {"width": 2}},
            hoverinfo="skip",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=list(known.ranks[:shown]),
            y=list(range(shown)),
            mode="markers",
            marker={"size": 11, "color": "#ffffff", "line": {"color": INK, "width": 3}},
            customdata=[[_hover(known, row)] for row in range(shown)],
            hovertemplate="%{customdata[0]}<extra></extra>",
        )
    )
    for first, last in _every_second_group(known.tie_groups[:shown]):
        figure.add_hrect(y0=first - 0.5, y1=last + 0.5, fillcolor=GRID, line_width=0, layer="below")
    finished(
        figure,
        rows_height(shown),
        xaxis=ranks_axis(len(known.algorithms)),
        yaxis=rows_axis(labels(known.algorithms[:shown])),
    )
    return Plot("rank-intervals", "Rank intervals", _caption(known, shown), figure)


def _caption(known: RankingStatistics, shown: int) -> str:
    bands = (
        " Neighbors on the same band, gray or white, cannot be told apart by this data."
        if known.tie_groups
        else ""
    )
    return (
        f"The ring is the rank; the line spans its {known.level:.0%} interval over {known.draws:,}"
        " draws of the cases. A short line is a sure rank; where the lines of two algorithms"
        f" overlap much, other cases could well have put them the other way round.{bands}"
        f"{left_out(shown, len(known.algorithms))}"
    )


def _hover(known: RankingStatistics, row: int) -> str:
    low, high = rank_text(known.rank_low[row]), rank_text(known.rank_high[row])
    words = f"{escaped(known.algorithms[row])}<br>rank {rank_text(known.ranks[row])}"
    words += f", {known.level:.0%} interval {low} to {high}"
    if known.first_probability:
        words += f"<br>first in {known.first_probability[row]:.0%} of draws"
    return words


def _every_second_group(groups: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return (first row, last row) of every second run of rows that share a tie group."""
    runs: list[tuple[int, int]] = []
    for row, group in enumerate(groups):
        if row and groups[row - 1] == group:
            runs[-1] = (runs[-1][0], row)
        else:
            runs.append((row, row))
    return runs[::2] if len(runs) > 1 else []
