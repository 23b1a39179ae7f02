"""Dots and boxes: every case's value in a row, an algorithm or a structure each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from proctor.plots.names import escaped, labels
from proctor.plots.plot import (
    GRID,
    INK,
    MOST_ROWS,
    Plot,
    finished,
    left_out,
    rows_axis,
    rows_height,
)
from proctor.spec.statistics import RankingStatistics

# A browser draws so many points without a wait; boxes are made from all values anyway.
_MOST_DOTS = 4000
_GOLDEN = 0.6180339887498949


def case_spread(known: RankingStatistics) -> Plot | None:
    """Draw the values over cases of each algorithm, or nothing where they are not known."""
    if not known.case_values:
        return None
    shown = min(len(known.algorithms), MOST_ROWS)
    figure, dots = dots_and_boxes(
        known.algorithms[:shown],
        known.case_values[:shown],
        known.cases,
        value_title(known.title, known.unit, known.higher_is_better),
    )
    return Plot(
        "spread",
        "Values over cases",
        spread_caption("algorithm", known.case_values[:shown], dots)
        + left_out(shown, len(known.algorithms)),
        figure,
    )


def spread_caption(row: str, values: Sequence[Sequence[float | None]], dots: int) -> str:
    """Return how to read ``dots_and_boxes`` whose rows are ``row`` each."""
    missing = sum(value is None for values_of in values for value in values_of)
    kept = sum(len(values_of) for values_of in values) - missing
    fewer = f" Of {kept:,} values, {dots:,} are drawn as dots." if dots < kept else ""
    are = "value is" if missing == 1 else "values are"
    absent = f" {missing:,} {are} missing and not drawn." if missing else ""
    return (
        f"A dot is a case, a row {'an' if row[0] in 'aeiou' else 'a'} {row}. The box holds the"
        " middle half of the cases, the line in it is the median; whiskers reach to the last case"
        " within one and a half box lengths. Long rows and lone dots are cases that went wrong,"
        f" which a mean alone would hide.{fewer}{absent}"
    )


def value_title(title: str, unit: str, higher_is_better: bool) -> str:
    """Return the title of an axis of values, escaped."""
    better = "higher is better" if higher_is_better else "lower is better"
    return f"{escaped(title, 40)}{f', {escaped(unit, 12)}' if unit else ''} ({better})"


def dots_and_boxes(
    rows: Sequence[str],
    values: Sequence[Sequence[float | None]],
    cases: Sequence[str],
    axis_title: str,
) -> tuple[go.Figure, int]:
    """Draw ``values`` ``[row][case]``; return the figure and the number of dots in it."""
    figure = go.Figure()
    kept = [
        [(case, value) for case, value in enumerate(of_row) if value is not None]
        for of_row in values
    ]
    figure.add_trace(_boxes(kept))
    # Every row starts anew with its first case, so each may have one more than its share.
    step = -(-max(sum(map(len, kept)), 1) // (_MOST_DOTS - len(rows)))
    dots = [(row, case, value) for row, of_row in enumerate(kept) for case, value in of_row[::step]]
    figure.add_trace(
        go.Scatter(
            x=[value for _, _, value in dots],
            y=[row + 0.5 * ((case * _GOLDEN) % 1 - 0.5) for row, case, _ in dots],
            mode="markers",
            marker={"size": 4, "color": INK, "opacity": 0.55},
            customdata=[[escaped(rows[row]), escaped(cases[case])] for row, case, _ in dots],
            hovertemplate="%{customdata[0]}<br>%{customdata[1]}: %{x:.4g}<extra></extra>",
        )
    )
    finished(
        figure,
        rows_height(len(rows), 34),
        xaxis={
            "title": {"text": axis_title, "standoff": 6},
            "gridcolor": GRID,
            "zeroline": False,
            "fixedrange": True,
            "nticks": 6,
        },
        yaxis=rows_axis(labels(rows)),
    )
    return figure, len(dots)


def _boxes(kept: Sequence[Sequence[tuple[int, float]]]) -> go.Box:
    """Return one trace with a box for each row that has values, from all of them."""
    rows = [row for row, of_row in enumerate(kept) if of_row]
    boxes = []
    for row in rows:
        ordered = np.sort(np.asarray([value for _, value in kept[row]], dtype=np.float64))
        low, middle, high = np.quantile(ordered, (0.25, 0.5, 0.75))
        reach = 1.5 * (high - low)
        near = ordered[(ordered >= low - reach) & (ordered <= high + reach)]
        boxes.append((near[0], low, middle, high, near[-1]))
    columns = [[float(box[part]) for box in boxes] for part in range(5)]
    return go.Box(
        y=rows,
        lowerfence=columns[0],
        q1=columns[1],
        median=columns[2],
        q3=columns[3],
        upperfence=columns[4],
        orientation="h",
        width=0.62,
        fillcolor="rgba(157,184,175,0.35)",
        line={"color": INK, "width": 1.5},
        whiskerwidth=0.5,
        hoverinfo="skip",
    )
