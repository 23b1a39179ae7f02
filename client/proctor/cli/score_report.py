"""Puts what `proctor score` found into the table that reports are drawn from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proctor.plots.numbers import number
from proctor.plots.scores import MetricScores, ScoreTable

if TYPE_CHECKING:
    from proctor_runner.folders.results import FolderScores, MetricResult


def score_table(found: FolderScores, title: str) -> ScoreTable:
    """Return the scores of all cases; pooled metrics, which no case has, are notes."""
    of_cases = [metric for metric in found.metrics if not metric.pooled]
    lost = len(found.missing) + len(found.refused)
    notes = [
        f"{len(found.cases)} cases. Intervals are 95 %, by bootstrap over items.",
        *(
            [
                f"Counted at the worst value: {len(found.missing)} without a prediction,"
                f" {len(found.refused)} whose prediction is refused."
            ]
            if lost
            else []
        ),
        *found.refused.values(),
        *found.notes,
        *(line for metric in found.metrics if metric.pooled for line in _pooled(metric)),
    ]
    return ScoreTable(
        title=title,
        cases=found.cases,
        metrics=tuple(
            MetricScores(
                metric=metric.name,
                higher_is_better=metric.facts.higher_is_better,
                definition_id=f"{metric.facts.definition_id}. {' '.join(metric.facts.edge_rules)}",
                values={
                    structure.name: tuple(one.value for one in structure.cases)
                    for structure in metric.structures
                },
                intervals={
                    structure.name: (structure.low, structure.high)
                    for structure in metric.structures
                    if structure.low is not None and structure.high is not None
                },
                unit=metric.facts.unit,
            )
            for metric in of_cases
        ),
        notes=tuple(notes),
    )


def _pooled(metric: MetricResult) -> list[str]:
    return [
        f"{metric.name} of {structure.name}: {number(structure.value)}"
        + (
            ""
            if structure.low is None
            else f" ({number(structure.low)} to {number(structure.high)})"
        )
        + "."
        for structure in metric.structures
    ]
