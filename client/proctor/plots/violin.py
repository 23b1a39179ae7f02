"""The violin of Kendall's tau: how alike the rankings of single draws are to the full one."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from proctor.plots.plot import GRID, INK, PALE, Plot, finished
from proctor.spec.statistics import RankingStatistics


def tau_violin(known: RankingStatistics) -> Plot | None:
    """Draw the distribution of Kendall's tau over bootstrap draws."""
    if not known.kendall_tau:
        return None
    taus = np.asarray(known.kendall_tau, dtype=np.float64)
    figure = go.Figure(
        go.Violin(
            x=np.round(taus, 4).tolist(),
            y0=0,
            orientation="h",
            spanmode="hard",
            points=False,
            box={"visible": True, "width": 0.16, "fillcolor": "#ffffff"},
            line={"color": INK, "width": 1.5},
            fillcolor=PALE,
            meanline={"visible": False},
            hoverinfo="skip",
        )
    )
    low, median = float(np.quantile(taus, 0.05)), float(np.median(taus))
    figure.add_trace(
        go.Scatter(
            x=[median],
            y=[0],
            mode="markers",
            marker={"symbol": "x", "size": 10, "color": "#111111"},
            hovertemplate=f"median {median:.3f}<extra></extra>",
        )
    )
    finished(
        figure,
        190,
        xaxis={
            "title": {"text": "Kendall's tau to the full ranking", "standoff": 6},
            "range": [min(0.5, float(taus.min())) - 0.02, 1.03],
            "gridcolor": GRID,
            "zeroline": False,
            "fixedrange": True,
        },
        yaxis={"visible": False, "fixedrange": True},
    )
    caption = (
        f"Each of {known.draws:,} draws of the cases gives a ranking; tau says how alike it is to"
        " the full one: 1 the same order, 0 no relation, -1 the reverse. The wider the shape, the"
        " more draws; the box holds the middle half, the cross is the median. A shape that hugs 1"
        f" is a stable ranking. Here the median is {median:.2f}, and one draw in twenty lies below"
        f" {low:.2f}."
    )
    return Plot("tau", "How alike rankings of other draws are", caption, figure)
