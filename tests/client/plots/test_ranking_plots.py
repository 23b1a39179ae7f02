"""What the plots of a ranking hold: the right marks, told apart without color, and safe words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from proctor.plots.plot import Plot
from proctor.plots.ranking import ranking_plots
from proctor.spec.statistics import RankingStatistics

Make = Callable[..., RankingStatistics]
ALL = {
    "rank-intervals",
    "blobs",
    "significance",
    "schemes",
    "tasks",
    "tau",
    "spread",
    "heat-map",
    "podium",
}


def _plots(known: RankingStatistics) -> dict[str, Plot]:
    return {plot.name: plot for plot in ranking_plots(known)}


def test_everything_that_is_known_is_drawn(make_statistics: Make) -> None:
    assert set(_plots(make_statistics())) == ALL


def test_what_is_not_known_is_left_out(make_statistics: Make) -> None:
    nothing: dict[str, Any] = dict.fromkeys(
        (
            "rank_low",
            "rank_high",
            "first_probability",
            "tie_groups",
            "cases",
            "case_values",
            "case_rank_counts",
            "rank_counts",
            "kendall_tau",
            "better",
            "schemes",
            "tasks",
            "influence",
        ),
        (),
    )
    assert _plots(make_statistics(**nothing)) == {}


def test_each_plot_says_how_to_read_it(make_statistics: Make) -> None:
    for plot in _plots(make_statistics()).values():
        assert len(plot.caption) > 100
        assert plot.caption.endswith(".")


@pytest.mark.parametrize("algorithms", [1, 2, 120])
def test_few_and_many_algorithms_are_drawn(make_statistics: Make, algorithms: int) -> None:
    for plot in _plots(make_statistics(algorithms, draws=20)).values():
        assert plot.figure.layout.height < 3000
        if algorithms == 120 and plot.name not in {"tau"}:
            assert f"of {algorithms} algorithms are drawn" in plot.caption


def test_a_rank_interval_spans_from_its_best_to_its_worst_rank(make_statistics: Make) -> None:
    known = make_statistics(3, rank_low=(1, 1, 3), rank_high=(2, 2.5, 3), ranks=(1, 2, 3))
    lines, rings = _plots(known)["rank-intervals"].figure.data
    assert list(lines.x) == [1, 2, None, 1, 2.5, None, 3, 3, None]
    assert list(rings.x) == [1, 2, 3]


def test_every_second_group_has_a_band(make_statistics: Make) -> None:
    known = make_statistics(6, tie_groups=(1, 1, 2, 2, 3, 3))
    bands = _plots(known)["rank-intervals"].figure.layout.shapes
    assert [(band.y0, band.y1) for band in bands] == [(-0.5, 1.5), (3.5, 5.5)]


def test_a_blob_has_the_area_of_its_share_of_draws(make_statistics: Make) -> None:
    known = make_statistics(2, rank_counts=((75, 25), (25, 75)), draws=100)
    blobs, lines, crosses = _plots(known)["blobs"].figure.data
    assert np.square(blobs.marker.size[0]) == pytest.approx(3 * np.square(blobs.marker.size[1]))
    assert list(crosses.x) == [1, 2]
    assert list(lines.x) == [1, 2, None, 1, 2, None]


def test_the_interval_of_blobs_leaves_out_the_tails(make_statistics: Make) -> None:
    known = make_statistics(3, rank_counts=((97, 2, 1), (3, 94, 3), (0, 4, 96)), draws=100)
    _, lines, _ = _plots(known)["blobs"].figure.data
    assert list(lines.x) == [1, 2, None, 1, 3, None, 2, 3, None]


def test_a_significant_win_is_dark_and_the_others_are_not(make_statistics: Make) -> None:
    known = make_statistics(3, better=((None, 0.051, 0.01), (0.9, None, 0.05), (1, 0.95, None)))
    figure = _plots(known)["significance"].figure
    assert [list(row) for row in figure.data[0].z] == [[0.5, 0, 1], [0, 0.5, 0], [0, 0, 0.5]]
    assert "beats" in figure.data[0].customdata[0][2][0]


def test_the_scheme_of_the_board_comes_first_and_all_have_their_ranks(
    make_statistics: Make,
) -> None:
    schemes = [
        {"name": name, "sentence": "…", "ranks": ranks}
        for name, ranks in (("a", (2, 1)), ("mean-then-rank", (1, 2)))
    ]
    figure = _plots(make_statistics(2, schemes=schemes))["schemes"].figure
    assert figure.layout.xaxis.ticktext == ("mean-then-rank", "a")
    assert [list(line.y) for line in figure.data] == [[1, 1, 2], [2, 2, 1]]


def test_missing_values_are_last_in_the_podium_and_not_drawn(make_statistics: Make) -> None:
    known = make_statistics(
        2, 3, case_values=((0.9, None, 0.5), (0.8, 0.1, 0.5)), cases=("x", "y", "z")
    )
    _, first, first_bars, second, second_bars = _plots(known)["podium"].figure.data
    assert list(first.y) == [0.9, 0.5]
    assert list(second_bars.y) == pytest.approx([2 / 3, 1 / 3])
    assert list(first_bars.y) == pytest.approx([2 / 3, 1 / 3])
    assert [point[2] for point in second.customdata] == [2, 1, 1]


def test_the_smaller_value_wins_the_podium_where_lower_is_better(make_statistics: Make) -> None:
    known = make_statistics(
        2, 1, higher_is_better=False, case_values=((3.0,), (4.0,)), cases=("x",)
    )
    bars = [trace for trace in _plots(known)["podium"].figure.data if trace.type == "bar"]
    assert [list(bar.y) for bar in bars] == [[1, 0], [0, 1]]


def test_boxes_are_made_of_all_values_and_dots_are_thinned(make_statistics: Make) -> None:
    plot = _plots(make_statistics(6, 2000, draws=5))["spread"]
    box, dots = plot.figure.data
    assert len(box.median) == 6
    assert len(dots.x) <= 4000
    assert f"Of 12,000 values, {len(dots.x):,} are drawn" in plot.caption


def test_a_box_has_the_quartiles_and_the_last_values_within_its_reach(
    make_statistics: Make,
) -> None:
    values = (1.0, 2.0, 3.0, 4.0, 100.0)
    known = make_statistics(1, 5, case_values=(values,), cases=tuple("abcde"))
    box = _plots(known)["spread"].figure.data[0]
    assert (box.lowerfence, box.q1, box.median, box.q3, box.upperfence) == (
        (1,),
        (2,),
        (3,),
        (4,),
        (4,),
    )


def test_series_are_told_apart_by_more_than_color(make_statistics: Make) -> None:
    plots = _plots(make_statistics(8))
    lines = plots["schemes"].figure.data
    assert len({(line.line.dash, line.marker.symbol[1]) for line in lines}) == 8
    podium = plots["podium"].figure.data
    assert len({trace.marker.symbol for trace in podium if trace.name}) == 8
    assert len({trace.marker.pattern.shape for trace in podium if trace.type == "bar"}) == 8


def test_no_name_reaches_a_plot_as_markup_or_as_a_template(make_statistics: Make) -> None:
    hostile = '<a href="https://x.example">%{x} $y$</a>'
    known = make_statistics(
        3,
        2,
        algorithms=[hostile, hostile + "2", hostile + "3"],
        title=hostile,
        unit=hostile,
        scheme=hostile,
        cases=[hostile, "c"],
        case_values=((1.0, 2.0),) * 3,
        schemes=[
            {"name": hostile, "sentence": hostile, "ranks": (1, 2, 3)},
            {"name": "b", "sentence": hostile, "ranks": (1, 2, 3)},
        ],
        tasks=[{"name": hostile, "ranks": (1, 2, 3)}, {"name": "t", "ranks": (1, 2, 3)}],
    )
    plots = _plots(known)
    assert set(plots) == ALL
    for plot in plots.values():
        for key, text in _texts(plot.figure.to_plotly_json()):
            assert "<a" not in text
            assert "$" not in text
            if key == "hovertemplate":
                assert "%{x} $y" not in text
                assert "x.example" not in text


def _texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts(inner, name)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner, key)
