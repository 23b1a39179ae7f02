"""Pictures of a leaderboard: intervals of a column, and the spread over cases."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from proctor.spec.leaderboard import BoardColumn, BoardRow, BoardValue
from proctor_dashboard.text import plain

# Plotly takes pandas from sys.modules, where another visit may still be loading it: the lock of
# this import makes every visit wait until it is whole.
importlib.import_module("pandas")

_INK = "#0f5c4d"
_PALE = "#9db8af"
# Rows are set aside when the others alone take less than this part of the scale.
_FLATTENING = 0.5


def intervals(rows: Sequence[BoardRow], column: BoardColumn) -> go.Figure:
    """Draw each row's value with its interval, best at the top; baselines are hollow."""
    shown = [row for row in rows if _has_value(row, column)]
    names = _distinct_names(shown)
    values = [row.values[column.key] for row in shown]
    middle = [value.value or 0.0 for value in values]
    near, far = _near(values)
    figure = go.Figure(
        go.Scatter(
            x=[middle[number] for number in near],
            y=[names[number] for number in near],
            mode="markers",
            marker={
                "size": 11,
                "color": ["#ffffff" if shown[number].baseline else _INK for number in near],
                "line": {"color": _INK, "width": 2},
            },
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [_above(values[number].high, middle[number]) for number in near],
                "arrayminus": [_above(middle[number], values[number].low) for number in near],
                "color": _PALE,
                "thickness": 2,
                "width": 5,
            },
            hovertemplate="%{y}: %{x:.4f}<extra></extra>",
        )
    )
    for number in far:
        below = middle[number] < min(middle[other] for other in near)
        figure.add_annotation(
            x=0 if below else 1,
            xref="paper",
            y=names[number],
            text=f"{'◂ ' if below else ''}{middle[number]:.4g}{'' if below else ' ▸'}",
            showarrow=False,
            xanchor="left" if below else "right",
            font={"color": _INK},
        )
    figure.update_yaxes(categoryorder="array", categoryarray=names)
    return _finish(figure, column, len(shown))


def spread(
    rows: Sequence[BoardRow], column: BoardColumn, scores: Mapping[str, Sequence[float]]
) -> go.Figure:
    """Draw a box and the single cases for each row whose per-case scores are given."""
    shown = [row for row in rows if scores.get(row.submission)]
    figure = go.Figure()
    for row, name in zip(shown, _distinct_names(shown), strict=True):
        figure.add_trace(
            go.Box(
                x=list(scores[row.submission]),
                y=[name] * len(scores[row.submission]),
                orientation="h",
                boxpoints="all",
                jitter=0.5,
                pointpos=0,
                fillcolor="rgba(15,92,77,0.12)",
                line={"color": _INK, "width": 1.5},
                marker={"color": _INK, "size": 4, "opacity": 0.6},
                showlegend=False,
                hovertemplate="%{x:.4f}<extra>" + name + "</extra>",
            )
        )
    return _finish(figure, column, len(shown))


def _finish(figure: go.Figure, column: BoardColumn, rows: int) -> go.Figure:
    better = "higher is better" if column.higher_is_better else "lower is better"
    unit = f", {column.unit}" if column.unit else ""
    figure.update_layout(
        height=90 + 34 * max(rows, 2),
        margin={"l": 8, "r": 16, "t": 8, "b": 40},
        plot_bgcolor="#ffffff",
        xaxis={"title": f"{column.title}{unit} ({better})", "gridcolor": "#e6ecea"},
        yaxis={"autorange": "reversed", "automargin": True},
    )
    return figure


def _near(values: Sequence[BoardValue]) -> tuple[list[int], list[int]]:
    """Part rows into those that share a scale and the few that would flatten all the others."""
    order = sorted(range(len(values)), key=lambda number: values[number].value or 0.0)
    ends = [values[number].value or 0.0 for number in order]
    for few in range(1, len(order) // 5 + 1):
        for kept in (slice(few, None), slice(None, -few)):
            scale = ends[kept]
            if scale[-1] - scale[0] < _FLATTENING * (ends[-1] - ends[0]):
                near = sorted(order[kept])
                return near, [number for number in order if number not in near]
    return sorted(order), []


def _has_value(row: BoardRow, column: BoardColumn) -> bool:
    value = row.values.get(column.key)
    return value is not None and value.value is not None


def _distinct_names(rows: Sequence[BoardRow]) -> list[str]:
    titles = [plain(row.title or row.submission) for row in rows]
    return [
        title if titles.count(title) == 1 else f"{title} ({row.submission[-4:]})"
        for title, row in zip(titles, rows, strict=True)
    ]


def _above(high: float | None, low: float | None) -> float:
    return 0.0 if high is None or low is None else max(0.0, high - low)
