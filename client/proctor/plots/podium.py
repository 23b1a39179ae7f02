"""The podium plot: who stands where in each case, and by what margin (Eugster et al. 2008)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from proctor.plots.names import escaped, labels
from proctor.plots.plot import COLORS, GRID, SYMBOLS, Plot, finished
from proctor.plots.spread import value_title
from proctor.spec.statistics import RankingStatistics

_MOST_ALGORITHMS = 8
_MOST_CASES = 100
_PATTERNS = ("", "/", "x", ".", "-", "|", "+", "\\")
# The part of a place that its algorithms share; the rest is the gap to the next place.
_PLACE_WIDTH = 0.8


def podium(known: RankingStatistics) -> Plot | None:
    """Draw the first algorithms' values by the place each took in the case."""
    shown = min(len(known.algorithms), _MOST_ALGORITHMS)
    if not known.case_values or shown < 2:
        return None
    values = [known.case_values[row] for row in range(shown)]
    places = _places(values, known.higher_is_better)
    slots = [_PLACE_WIDTH * ((row + 0.5) / shown - 0.5) for row in range(shown)]
    step = -(-len(known.cases) // _MOST_CASES)
    drawn = range(0, len(known.cases), step)
    figure = go.Figure(_case_lines(values, places, slots, drawn))
    for row, label in enumerate(labels(known.algorithms[:shown])):
        color = COLORS[row]
        with_value = [case for case in drawn if values[row][case] is not None]
        name = escaped(known.algorithms[row])
        figure.add_trace(
            go.Scatter(
                x=[places[row][case] + slots[row] for case in with_value],
                y=[values[row][case] for case in with_value],
                name=label,
                mode="markers",
                marker={
                    "symbol": SYMBOLS[row],
                    "size": 7 if len(drawn) <= 40 else 5,
                    "color": color,
                    "line": {"color": color, "width": 1.5},
                },
                legendgroup=str(row),
                customdata=[
                    [name, escaped(known.cases[case]), places[row][case]] for case in with_value
                ],
                hovertemplate="%{customdata[0]}<br>%{customdata[1]}: %{y:.4g}"
                "<br>place %{customdata[2]}<extra></extra>",
            )
        )
        figure.add_trace(_bars(places[row], shown, slots[row], row, name))
    _arrange(figure, known, shown)
    return Plot("podium", "Podium", _caption(known, shown, len(drawn)), figure)


def _places(values: Sequence[Sequence[float | None]], higher_is_better: bool) -> list[list[int]]:
    """Return each algorithm's place in each case; equal values share the better place.

    An algorithm without a value stands behind all that have one.
    """
    table = np.asarray(
        [[np.nan if value is None else value for value in row] for row in values], dtype=np.float64
    )
    losses = np.where(np.isnan(table), np.inf, -table if higher_is_better else table)
    better = (losses[None, :, :] < losses[:, None, :]).sum(axis=1)
    return [[int(place) + 1 for place in row] for row in better]


def _case_lines(
    values: Sequence[Sequence[float | None]],
    places: Sequence[Sequence[int]],
    slots: Sequence[float],
    cases: range,
) -> go.Scatter:
    x: list[float | None] = []
    y: list[float | None] = []
    for case in cases:
        points = sorted(
            (places[row][case] + slots[row], value)
            for row in range(len(values))
            if (value := values[row][case]) is not None
        )
        x += [*(where for where, _ in points), None]
        y += [*(value for _, value in points), None]
    return go.Scatter(
        x=x,
        y=y,
        mode="lines",
        line={"color": "#8a9a95", "width": 0.7},
        opacity=0.45,
        hoverinfo="skip",
        showlegend=False,
    )


def _bars(places: Sequence[int], count: int, slot: float, row: int, name: str) -> go.Bar:
    shares = np.bincount(places, minlength=count + 1)[1:] / len(places)
    return go.Bar(
        x=[place + slot for place in range(1, count + 1)],
        y=shares.tolist(),
        width=_PLACE_WIDTH / count,
        marker={
            "color": COLORS[row],
            "pattern": {
                "shape": _PATTERNS[row],
                "bgcolor": COLORS[row],
                "fgcolor": "#ffffff",
                "size": 5,
            },
            "line": {"color": COLORS[row], "width": 1},
        },
        legendgroup=str(row),
        showlegend=False,
        yaxis="y2",
        customdata=[[name, place, f"{share:.0%}"] for place, share in enumerate(shares, start=1)],
        hovertemplate="%{customdata[0]}<br>place %{customdata[1]} in %{customdata[2]} of cases"
        "<extra></extra>",
    )


def _arrange(figure: go.Figure, known: RankingStatistics, count: int) -> None:
    for edge in range(1, count):
        figure.add_vline(x=edge + 0.5, line={"color": GRID, "width": 1.5}, layer="below")
    finished(
        figure,
        600,
        barmode="overlay",
        showlegend=True,
        legend={"orientation": "h", "y": 1.01, "yanchor": "bottom", "x": 0, "itemsizing": "trace"},
        xaxis={
            "tickmode": "array",
            "tickvals": list(range(1, count + 1)),
            "range": [0.5, count + 0.5],
            "showgrid": False,
            "zeroline": False,
            "fixedrange": True,
            "anchor": "y2",
            "title": {"text": "place within a case", "standoff": 6},
        },
        yaxis={
            "domain": [0.36, 1],
            "gridcolor": GRID,
            "zeroline": False,
            "fixedrange": True,
            "automargin": True,
            "title": {
                "text": value_title(known.title, known.unit, known.higher_is_better),
                "standoff": 4,
            },
        },
        yaxis2={
            "domain": [0, 0.28],
            "gridcolor": GRID,
            "zeroline": False,
            "fixedrange": True,
            "automargin": True,
            "tickformat": ".0%",
            "rangemode": "tozero",
            "nticks": 4,
            "title": {"text": "share of cases", "standoff": 4},
        },
    )


def _caption(known: RankingStatistics, shown: int, cases: int) -> str:
    among = (
        f" Only the first {shown} of {len(known.algorithms)} algorithms are drawn, ranked among"
        " themselves."
        if shown < len(known.algorithms)
        else ""
    )
    fewer = (
        f" Dots and lines are {cases} of {len(known.cases):,} cases, bars all of them."
        if cases < len(known.cases)
        else ""
    )
    return (
        "Above: a thin line is a case; its dots are the algorithms' values, in the column of the"
        " place each took in that case, left is best. Steep lines are cases with large margins."
        " Below: how often each algorithm took each place, in the same order as in the legend. An"
        f" algorithm with the tallest bar at place 1 wins most cases.{among}{fewer}"
    )
