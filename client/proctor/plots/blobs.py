"""The blob plot: how often each algorithm takes each rank when cases are drawn anew."""

from __future__ import annotations

import math

import numpy as np
import plotly.graph_objects as go

from proctor.plots.names import escaped, labels
from proctor.plots.plot import (
    INK,
    MOST_ROWS,
    PALE,
    Plot,
    finished,
    left_out,
    ranks_axis,
    rows_axis,
    rows_height,
)
from proctor.spec.statistics import RankingStatistics

_LARGEST_PX = 26
_SMALLEST_PX = 9
# What a telephone leaves for all ranks beside the names.
_NARROW_PX = 300


def blobs(known: RankingStatistics) -> Plot | None:
    """Draw rank frequencies as areas, the median as a cross and the interval as a line."""
    if not known.rank_counts:
        return None
    count = len(known.algorithms)
    shown = min(count, MOST_ROWS)
    counts = np.asarray(known.rank_counts[:shown], dtype=np.int64)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    rows, places = np.nonzero(counts)
    figure = go.Figure()
    figure.add_trace(_blobs(known, shares, rows, places))
    cumulated = np.cumsum(shares, axis=1)
    tail = (1 - known.level) / 2
    low, middle, high = (
        1 + np.argmax(cumulated >= part - 1e-12, axis=1) for part in (tail, 0.5, 1 - tail)
    )
    figure.add_trace(
        go.Scatter(
            x=[x for row in range(shown) for x in (int(low[row]), int(high[row]), None)],
            y=[y for row in range(shown) for y in (row, row, None)],
            mode="lines",
            line={"color": "#111111", "width": 1.5},
            hoverinfo="skip",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=[int(place) for place in middle],
            y=list(range(shown)),
            mode="markers",
            marker={"symbol": "x", "size": 9, "color": "#111111", "line": _HALO},
            hoverinfo="skip",
        )
    )
    finished(
        figure,
        rows_height(shown, 30),
        xaxis=ranks_axis(count),
        yaxis=rows_axis(labels(known.algorithms[:shown])),
    )
    caption = (
        f"Each of {known.draws:,} draws of the cases gives a ranking; the area of a blob is the"
        " share of draws in which the algorithm took that rank. The cross is the median rank, the"
        f" thin line spans {known.level:.0%} of the draws. One large blob is a sure rank; a row of"
        f" small ones is a rank that hangs on which cases were in the test.{left_out(shown, count)}"
    )
    return Plot("blobs", "Ranks over bootstrap draws", caption, figure)


_HALO = {"color": "#ffffff", "width": 1.5}


def _blobs(
    known: RankingStatistics,
    shares: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    rows: np.ndarray[tuple[int, ...], np.dtype[np.intp]],
    places: np.ndarray[tuple[int, ...], np.dtype[np.intp]],
) -> go.Scatter:
    largest = min(_LARGEST_PX, max(_SMALLEST_PX, 1.6 * _NARROW_PX / len(known.algorithms)))
    return go.Scatter(
        x=[int(place) + 1 for place in places],
        y=[int(row) for row in rows],
        mode="markers",
        marker={
            "size": [
                largest * math.sqrt(shares[row, place])
                for row, place in zip(rows, places, strict=True)
            ],
            "sizemin": 2,
            "color": PALE,
            "opacity": 0.9,
            "line": {"color": INK, "width": 1},
        },
        customdata=[
            [escaped(known.algorithms[row]), int(place) + 1, f"{shares[row, place]:.1%}"]
            for row, place in zip(rows, places, strict=True)
        ],
        hovertemplate="%{customdata[0]}<br>rank %{customdata[1]} in %{customdata[2]} of draws"
        "<extra></extra>",
    )
