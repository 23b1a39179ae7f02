"""A table of scores, one prediction folder against one reference folder, and its summary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from proctor.plots.plot import MOST_ROWS, Plot, left_out
from proctor.plots.spread import dots_and_boxes, spread_caption, value_title


@dataclass(frozen=True)
class MetricScores:
    """The values of one metric: ``values[structure][case]``, ``None`` where there is none; and by
    structure the ends of the 95 % interval of their mean, where it is known.
    """

    metric: str
    higher_is_better: bool
    definition_id: str
    values: Mapping[str, tuple[float | None, ...]]
    unit: str = ""
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class ScoreTable:
    """The scores of all cases; every metric has a value, or none, for each of ``cases``."""

    title: str
    cases: tuple[str, ...]
    metrics: tuple[MetricScores, ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for scores in self.metrics:
            for structure, values in scores.values.items():
                if len(values) != len(self.cases):
                    raise ValueError(
                        f"{scores.metric} of {structure} has {len(values)} values for"
                        f" {len(self.cases)} cases"
                    )

    @property
    def structures(self) -> tuple[str, ...]:
        """Every structure of any metric, in the order of their first mention."""
        return tuple(dict.fromkeys(name for scores in self.metrics for name in scores.values))


@dataclass(frozen=True)
class Summary:
    """What a metric is over the cases of a structure; all numbers but counts in its unit."""

    used: int
    total: int
    mean: float
    deviation: float | None
    median: float
    low_quartile: float
    high_quartile: float
    worst: float
    worst_case: str


def summary(table: ScoreTable, scores: MetricScores, structure: str) -> Summary | None:
    """Return the summary over the cases that have a value, or nothing where none has."""
    values = scores.values.get(structure, ())
    known = [
        (value, case) for value, case in zip(values, table.cases, strict=False) if value is not None
    ]
    if not known:
        return None
    numbers = np.asarray([value for value, _ in known], dtype=np.float64)
    worst, worst_case = (min if scores.higher_is_better else max)(known, key=lambda pair: pair[0])
    low, median, high = np.quantile(numbers, (0.25, 0.5, 0.75))
    return Summary(
        used=len(known),
        total=len(table.cases),
        mean=float(numbers.mean()),
        deviation=float(numbers.std(ddof=1)) if len(known) > 1 else None,
        median=float(median),
        low_quartile=float(low),
        high_quartile=float(high),
        worst=worst,
        worst_case=worst_case,
    )


def score_plots(table: ScoreTable) -> tuple[Plot, ...]:
    """Return a plot a metric: its values over cases, a row a structure."""
    plots = []
    for number, scores in enumerate(table.metrics):
        structures = list(scores.values)[:MOST_ROWS]
        if not structures or not table.cases:
            continue
        values = [scores.values[structure] for structure in structures]
        figure, dots = dots_and_boxes(
            structures,
            values,
            table.cases,
            value_title(scores.metric, scores.unit, scores.higher_is_better),
        )
        caption = spread_caption("structure", values, dots) + left_out(
            len(structures), len(scores.values), "structures"
        )
        plots.append(Plot(f"spread-{number}", f"{scores.metric} over cases", caption, figure))
    return tuple(plots)
