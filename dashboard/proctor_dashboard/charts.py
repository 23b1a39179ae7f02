"""Pictures of a leaderboard's column: intervals, and the spread over cases.

How plots look, and how names of strangers stand in them, is of ``proctor.plots``.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from proctor.plots.names import escaped, labels
from proctor.plots.numbers import number
from proctor.plots.plot import GRID, INK, PALE, finished, rows_axis, rows_height
from proctor.plots.spread import dots_and_boxes, value_title
from proctor.spec.leaderboard import BoardColumn, BoardRow, BoardValue

# Plotly takes pandas from sys.modules, where another visit may still be loading it: the lock of
# this import makes every visit wait until it is whole.
importlib.import_module("pandas")

# Rows are set aside when the others alone take less than this part of the scale.
_FLATTENING = 0.5


def intervals(rows: Sequence[BoardRow], column: BoardColumn) -> go.Figure:
    """Draw each row's value with its interval, best at the top; baselines are hollow."""
    shown = [row for row in rows if _has_value(row, column)]
    names = [row.title or row.submission for row in shown]
    values = [row.values[column.key] for row in shown]
    middle = [value.value or 0.0 for value in values]
    near, far = _near(values)
    figure = go.Figure(
        go.Scatter(
            x=[middle[place] for place in near],
            y=near,
            mode="markers",
            marker={
                "size": 11,
                "color": ["#ffffff" if shown[place].baseline else INK for place in near],
                "line": {"color": INK, "width": 2},
            },
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [_above(values[place].high, middle[place]) for place in near],
                "arrayminus": [_above(middle[place], values[place].low) for place in near],
                "color": PALE,
                "thickness": 2,
                "width": 5,
            },
            customdata=[[escaped(names[place]), number(middle[place])] for place in near],
            hovertemplate="%{customdata[0]}: %{customdata[1]}<extra></extra>",
        )
    )
    for place in far:
        below = middle[place] < min(middle[other] for other in near)
        figure.add_annotation(
            x=0 if below else 1,
            xref="paper",
            y=place,
            text=f"{'◂ ' if below else ''}{middle[place]:.4g}{'' if below else ' ▸'}",
            showarrow=False,
            xanchor="left" if below else "right",
            font={"color": INK},
        )
    return finished(
        figure,
        rows_height(len(shown), 34),
        xaxis={
            "title": {"text": _title(column), "standoff": 6},
            "gridcolor": GRID,
            "zeroline": False,
            "fixedrange": True,
            "nticks": 6,
        },
        yaxis=rows_axis(labels(names)),
    )


def spread(
    rows: Sequence[BoardRow], column: BoardColumn, scores: Mapping[str, Mapping[str, float]]
) -> go.Figure:
    """Draw a box and the single cases for each row whose scores by case are given."""
    shown = [row for row in rows if scores.get(row.submission)]
    cases = list(dict.fromkeys(case for row in shown for case in scores[row.submission]))
    figure, _ = dots_and_boxes(
        [row.title or row.submission for row in shown],
        [[scores[row.submission].get(case) for case in cases] for row in shown],
        cases,
        _title(column),
    )
    return figure


def _title(column: BoardColumn) -> str:
    return value_title(column.title, column.unit, column.higher_is_better)


def _near(values: Sequence[BoardValue]) -> tuple[list[int], list[int]]:
    """Part rows into those that share a scale and the few that would flatten all the others."""
    order = sorted(range(len(values)), key=lambda place: values[place].value or 0.0)
    ends = [values[place].value or 0.0 for place in order]
    for few in range(1, len(order) // 5 + 1):
        for kept in (slice(few, None), slice(None, -few)):
            scale = ends[kept]
            if scale[-1] - scale[0] < _FLATTENING * (ends[-1] - ends[0]):
                near = sorted(order[kept])
                return near, [place for place in order if place not in near]
    return sorted(order), []


def _has_value(row: BoardRow, column: BoardColumn) -> bool:
    value = row.values.get(column.key)
    return value is not None and value.value is not None


def _above(high: float | None, low: float | None) -> float:
    return 0.0 if high is None or low is None else max(0.0, high - low)
