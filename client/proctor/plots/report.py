"""Reports for people: one self-contained HTML file of a ranking, or of a table of scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from proctor.plots import page, tables
from proctor.plots.page import Section
from proctor.plots.ranking import ranking_plots
from proctor.plots.scores import ScoreTable, score_plots
from proctor.spec.statistics import RankingStatistics

_MOST_ROWS = 5000


def write_report(
    known: RankingStatistics, path: Path, title: str = "", notes: Sequence[str] = ()
) -> None:
    """Write the report of a ranking to ``path``: the table, how sure it is, and every plot."""
    path.write_text(ranking_report(known, title, notes), encoding="utf-8", newline="\n")


def write_score_report(table: ScoreTable, path: Path) -> None:
    """Write the report of a table of scores to ``path``: summary, plots, and every value."""
    path.write_text(score_report(table), encoding="utf-8", newline="\n")


def ranking_report(known: RankingStatistics, title: str = "", notes: Sequence[str] = ()) -> str:
    """Return the report of a ranking as one HTML file; notes stand below what ranks."""
    ranking = page.table(tables.ranking_table(known)) + page.quiet(tables.reading(known))
    sections = [
        Section("Ranking", ranking),
        *(page.figure(plot) for plot in ranking_plots(known)),
    ]
    if len(known.schemes) > 1:
        sections.append(
            Section(
                "Every scheme",
                page.table(tables.scheme_table(known))
                + page.definitions(tables.scheme_sentences(known)),
            )
        )
    if known.influence:
        sections.append(
            Section(
                "Cases that decide the order",
                page.paragraph(tables.INFLUENCE_READING)
                + page.table(tables.influence_table(known)),
            )
        )
    return page.page(title or f"Ranking by {known.title}", [known.sentence, *notes], sections)


def score_report(table: ScoreTable) -> str:
    """Return the report of a table of scores as one HTML file."""
    every = tables.case_table(table)
    rest = len(every.rows) - _MOST_ROWS
    more = page.quiet(f"{rest:,} more rows are in the scores themselves.") if rest > 0 else ""
    meant = [(tables.metric_title(scores), scores.definition_id) for scores in table.metrics]
    sections = [
        Section("Summary", page.table(tables.summary_table(table))),
        *(page.figure(plot) for plot in score_plots(table)),
        Section("Every case", page.table(replace(every, rows=every.rows[:_MOST_ROWS])) + more),
        Section("Definitions", page.definitions(meant)),
    ]
    return page.page(table.title, table.notes, sections)
