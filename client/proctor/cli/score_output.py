"""How `proctor score` prints and writes: a summary, every value, and all of it for programs."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from proctor.cli.output import Format, Row, cell, emit, fitting, say
from proctor.plots.numbers import number

if TYPE_CHECKING:
    from proctor_runner.folders.results import FolderScores, MetricResult, StructureResult

_SHOWN_PROBLEMS = 10
_WORST_SHOWN = 3
_LEVEL = "95 %"


def show_scores(found: FolderScores, style: Format) -> None:
    """Print the summary; what is wrong with single files goes to standard error first."""
    _say_problems(found)
    if style is not Format.TABLE:
        emit(list(_plain_rows(found)), style, document=document(found))
        return
    rows = [_row(metric, structure) for metric in found.metrics for structure in metric.structures]
    emit(fitting(rows, ["worst cases"]), style)
    _say_definitions(found)
    say(
        f"Intervals are {_LEVEL}, by bootstrap over items. Cases: answered with a value, of all;"
        " one without a prediction, or with one that is refused, counts at the worst value."
    )


def document(found: FolderScores) -> dict[str, object]:
    """Return everything as JSON has it."""
    return {
        "cases": list(found.cases),
        "missing": list(found.missing),
        "refused": dict(found.refused),
        "without_reference": list(found.without_reference),
        "notes": list(found.notes),
        "metrics": [
            {
                "metric": metric.name,
                "definition_id": metric.facts.definition_id,
                "unit": metric.facts.unit,
                "higher_is_better": metric.facts.higher_is_better,
                "edge_rules": list(metric.facts.edge_rules),
                "structures": [
                    {
                        "structure": structure.name,
                        **_summary(structure),
                        "cases": [
                            {"case": one.case, "value": one.value, "flag": one.flag}
                            for one in structure.cases
                        ],
                    }
                    for structure in metric.structures
                ],
            }
            for metric in found.metrics
        ],
    }


def write_json(content: object, path: Path) -> None:
    """Write a document."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(f"{text}\n", encoding="utf-8", newline="\n")


def write_cases(found: FolderScores, path: Path, algorithm: str) -> None:
    """Write every value of every case in the long form that `proctor rank` reads."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["algorithm", "case", "metric", "structure", "value", "unit", "flag"])
        for metric in found.metrics:
            for structure in metric.structures:
                for one in structure.cases:
                    value = "" if one.value is None else repr(one.value)
                    writer.writerow(
                        [
                            cell(algorithm),
                            cell(one.case),
                            metric.name,
                            cell(structure.name),
                            value,
                            metric.facts.unit,
                            one.flag,
                        ]
                    )


def _say_problems(found: FolderScores) -> None:
    if found.missing:
        say(f"{len(found.missing)} of {len(found.cases)} cases have no prediction:")
        _say_some(found.missing)
    if found.refused:
        are = "prediction is" if len(found.refused) == 1 else "predictions are"
        say(f"{len(found.refused)} {are} refused, in {len(found.cases)} cases:")
        _say_some(tuple(found.refused.values()))
    if found.without_reference:
        count = len(found.without_reference)
        have = "prediction has" if count == 1 else "predictions have"
        say(f"{count} {have} no reference, left out:")
        _say_some(found.without_reference)
    for note in found.notes:
        say(note)


def _say_some(lines: tuple[str, ...]) -> None:
    for line in lines[:_SHOWN_PROBLEMS]:
        say(f"  {line}")
    if len(lines) > _SHOWN_PROBLEMS:
        say(f"  and {len(lines) - _SHOWN_PROBLEMS} more, which --json lists")


def _say_definitions(found: FolderScores) -> None:
    by_rules: dict[tuple[str, ...], list[MetricResult]] = {}
    for metric in found.metrics:
        by_rules.setdefault(metric.facts.edge_rules, []).append(metric)
    for rules, metrics in by_rules.items():
        for metric in metrics:
            better = "higher" if metric.facts.higher_is_better else "lower"
            say(f"{metric.name} = {metric.facts.definition_id}; {better} is better.")
        for rule in rules:
            say(f"  {rule}")


def _row(metric: MetricResult, structure: StructureResult) -> Row:
    arrow = "↑" if metric.facts.higher_is_better else "↓"
    unit = f" ({metric.facts.unit})" if metric.facts.unit else ""
    interval = (
        "–" if structure.low is None else f"{number(structure.low)} to {number(structure.high)}"
    )
    return {
        "metric": f"{metric.name}{unit} {arrow}",
        "structure": structure.name,
        "mean": number(structure.value),
        _LEVEL: interval,
        "median": "pooled" if metric.pooled else number(structure.median),
        "worst cases": ", ".join(
            f"{one.case} {number(one.value, 3)}" for one in structure.worst[:_WORST_SHOWN]
        )
        or "–",
        "cases": f"{structure.n_used} of {structure.n_total}",
    }


def _plain_rows(found: FolderScores) -> Iterator[Row]:
    for metric in found.metrics:
        for structure in metric.structures:
            yield {
                "metric": metric.name,
                "structure": structure.name,
                **_summary(structure),
                "unit": metric.facts.unit,
                "definition_id": metric.facts.definition_id,
            }


def _summary(structure: StructureResult) -> Mapping[str, object]:
    worst = structure.worst[0] if structure.worst else None
    return {
        "value": structure.value,
        "low": structure.low,
        "high": structure.high,
        "median": structure.median,
        "worst": None if worst is None else worst.value,
        "worst_case": None if worst is None else worst.case,
        "n_used": structure.n_used,
        "n_total": structure.n_total,
    }
