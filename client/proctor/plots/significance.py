"""The significance map: which algorithm beats which by more than chance."""

from __future__ import annotations

import plotly.graph_objects as go

from proctor.plots.names import escaped, labels
from proctor.plots.plot import (
    GRID,
    INK,
    MOST_ROWS,
    Plot,
    finished,
    left_out,
    numbered,
    rows_axis,
    rows_height,
    ticks,
)
from proctor.spec.statistics import RankingStatistics

ALPHA = 0.05
"""A Holm-adjusted p below it is called significant."""

_SAME, _NO, _YES = 0.5, 0.0, 1.0


def significance_map(known: RankingStatistics) -> Plot | None:
    """Draw a dark cell where the row beats the column significantly."""
    count = len(known.algorithms)
    if not known.better or count < 2:
        return None
    shown = min(count, MOST_ROWS)
    names = known.algorithms[:shown]
    figure = go.Figure(
        go.Heatmap(
            z=[
                [_level(known.better[row][column]) for column in range(shown)]
                for row in range(shown)
            ],
            x=list(range(1, shown + 1)),
            y=list(range(shown)),
            zmin=0,
            zmax=1,
            colorscale=[[0.0, "#ffffff"], [0.5, GRID], [1.0, INK]],
            showscale=False,
            xgap=1,
            ygap=1,
            customdata=[
                [
                    [_hover(names[row], names[column], known.better[row][column])]
                    for column in range(shown)
                ]
                for row in range(shown)
            ],
            hovertemplate="%{customdata[0]}<extra></extra>",
        )
    )
    for number in range(shown):
        figure.add_annotation(
            x=number + 1, y=number, text="╲", showarrow=False, font={"color": "#6b7a76"}
        )
    finished(
        figure,
        rows_height(shown),
        plot_bgcolor="#c9d5d1",
        xaxis={
            "tickmode": "array",
            "tickvals": ticks(shown),
            "tickangle": 0,
            "range": [0.5, shown + 0.5],
            "showgrid": False,
            "zeroline": False,
            "fixedrange": True,
            "title": {"text": "the algorithm of that row", "standoff": 6},
        },
        yaxis=rows_axis(numbered(labels(names))) | {"range": [shown - 0.5, -0.5]},
    )
    caption = (
        "A dark cell: the algorithm of the row beats that of the column significantly (one-sided"
        f" {known.better_by}, Holm-adjusted p < {ALPHA:g}). White: the"
        " data does not show it. Columns are numbered as the rows are. In a clear ranking all"
        " above the diagonal is dark; a white block along the diagonal is a group that this data"
        f" cannot separate.{left_out(shown, count)}"
    )
    return Plot("significance", "Significant differences", caption, figure)


def _level(p: float | None) -> float:
    if p is None:
        return _SAME
    return _YES if p < ALPHA else _NO


def _hover(row: str, column: str, p: float | None) -> str:
    if p is None:
        return escaped(row)
    words = f"p = {p:.2g}" if p >= 0.001 else "p &lt; 0.001"
    verdict = "beats" if p < ALPHA else "is not shown to beat"
    return f"{escaped(row)}<br>{verdict} {escaped(column)}<br>{words}"
