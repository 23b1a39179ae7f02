"""The rank heat map: how often each algorithm takes each rank within a case."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from proctor.plots.names import escaped, labels
from proctor.plots.plot import (
    BRIGHT_TO_DARK,
    MOST_ROWS,
    Plot,
    finished,
    left_out,
    ranks_axis,
    rows_axis,
    rows_height,
)
from proctor.spec.statistics import RankingStatistics

# Beyond it the numbers in the cells would run into each other on a telephone.
_MOST_NUMBERS = 10


def heat_map(known: RankingStatistics) -> Plot | None:
    """Draw the share of cases for every algorithm and rank; darker is more."""
    if not known.case_rank_counts:
        return None
    count = len(known.algorithms)
    shown = min(count, MOST_ROWS)
    counts = np.asarray(known.case_rank_counts[:shown], dtype=np.int64)
    cases = int(counts.sum(axis=1).max())
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = go.Figure(
        go.Heatmap(
            z=shares.tolist(),
            x=list(range(1, count + 1)),
            y=list(range(shown)),
            zmin=0,
            zmax=max(float(shares.max()), 0.5),
            colorscale=[list(step) for step in BRIGHT_TO_DARK],
            showscale=False,
            xgap=1,
            ygap=1,
            text=[[_percent(share) for share in row] for row in shares],
            texttemplate="%{text}" if count <= _MOST_NUMBERS else "",
            customdata=[
                [
                    [escaped(known.algorithms[row]), place + 1, int(counts[row, place])]
                    for place in range(count)
                ]
                for row in range(shown)
            ],
            hovertemplate="%{customdata[0]}<br>rank %{customdata[1]} in %{customdata[2]} cases"
            " (%{text} %)<extra></extra>",
        )
    )
    finished(
        figure,
        rows_height(shown),
        plot_bgcolor="#eef2f1",
        xaxis=ranks_axis(count) | {"showgrid": False, "title": {"text": "rank within a case"}},
        yaxis=rows_axis(labels(known.algorithms[:shown])),
    )
    numbers = " The numbers are percent." if count <= _MOST_NUMBERS else ""
    caption = (
        f"All algorithms are ranked within each of {cases:,} cases; the darker a cell, the more"
        f" cases gave that rank.{numbers} Dark cells on the diagonal mean that single cases agree"
        " with the ranking; a gray row is an algorithm that is good on some cases and poor on"
        f" others.{left_out(shown, count)}"
    )
    return Plot("heat-map", "Ranks within cases", caption, figure)


def _percent(share: float) -> str:
    if share == 0:
        return ""
    return "&lt;1" if share < 0.005 else f"{100 * share:.0f}"
