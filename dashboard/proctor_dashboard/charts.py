"""Pictures of a leaderboard: intervals of a column, and the spread over cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from proctor.spec.leaderboard import BoardColumn, BoardRow
from proctor_dashboard.text import plain

_INK = "#0f5c4d"
_PALE = "#9db8af"


def intervals(rows: Sequence[BoardRow], column: BoardColumn) -> go.Figure:
    """Draw each row's value with its interval, best at the top; baselines are hollow."""
    shown = [row for row in rows if _has_value(row, column)]
    names = _distinct_names(shown)
    values = [row.values[column.key] for row in shown]
    middle = [value.value or 0.0 for value in values]
    figure = go.Figure(
        go.Scatter(
            x=middle,
            y=names,
            mode="markers",
            marker={
                "size": 11,
                "color": ["#ffffff" if row.baseline else _INK for row in shown],
                "line": {"color": _INK, "width": 2},
            },
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [_above(v.high, m) for v, m in zip(values, middle, strict=True)],
                "arrayminus": [_above(m, v.low) for v, m in zip(values, middle, strict=True)],
                "color": _PALE,
                "thickness": 2,
                "width": 5,
            },
            hovertemplate="%{y}: %{x:.4f}<extra></extra>",
        )
    )
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
