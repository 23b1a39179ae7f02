"""All plots of a ranking, in the order in which they are read."""

from __future__ import annotations

from collections.abc import Callable

from proctor.plots.blobs import blobs
from proctor.plots.heat_map import heat_map
from proctor.plots.plot import Plot
from proctor.plots.podium import podium
from proctor.plots.rank_intervals import rank_intervals
from proctor.plots.rank_lines import scheme_lines, task_lines
from proctor.plots.significance import significance_map
from proctor.plots.spread import case_spread
from proctor.plots.violin import tau_violin
from proctor.spec.statistics import RankingStatistics

_PLOTS: tuple[Callable[[RankingStatistics], Plot | None], ...] = (
    rank_intervals,
    blobs,
    significance_map,
    scheme_lines,
    task_lines,
    tau_violin,
    case_spread,
    heat_map,
    podium,
)


def ranking_plots(known: RankingStatistics) -> tuple[Plot, ...]:
    """Return every plot for which ``known`` has the numbers."""
    drawn = (draw(known) for draw in _PLOTS)
    return tuple(plot for plot in drawn if plot is not None)
