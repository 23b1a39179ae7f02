"""Reports for people: one self-contained HTML file of a ranking, or of a table of scores."""

from __future__ import annotations

import html
from pathlib import Path

from proctor.plots import page
from proctor.plots.numbers import number, percent, rank_range, rank_text
from proctor.plots.page import Section, name
from proctor.plots.ranking import ranking_plots
from proctor.plots.scores import MetricScores, ScoreTable, score_plots, summary
from proctor.spec.statistics import RankingStatistics

_MOST_SCORE_ROWS = 5000
_MOST_INFLUENTIAL = 15


def write_report(known: RankingStatistics, path: Path, title: str = "") -> None:
    """Write the report of a ranking to ``path``: the table, how sure it is, and every plot."""
    path.write_text(ranking_report(known, title), encoding="utf-8", newline="\n")


def write_score_report(table: ScoreTable, path: Path) -> None:
    """Write the report of a table of scores to ``path``: summary, plots, and every value."""
    path.write_text(score_report(table), encoding="utf-8", newline="\n")


def ranking_report(known: RankingStatistics, title: str = "") -> str:
    """Return the report of a ranking as one HTML file."""
    sections = [
        Section("Ranking", _ranking(known)),
        *(page.figure(plot) for plot in ranking_plots(known)),
    ]
    if len(known.schemes) > 1:
        sections.append(Section("All schemes", _schemes(known)))
    if known.influence:
        sections.append(Section("Cases that decide the order", _influence(known)))
    lead = f"<p>{html.escape(known.sentence)}</p>"
    return page.page(title or f"Ranking by {known.title}", sections, lead)


def score_report(table: ScoreTable) -> str:
    """Return the report of a table of scores as one HTML file."""
    sections = [
        Section("Summary", _summary(table)),
        *(page.figure(plot) for plot in score_plots(table)),
        Section("Every case", _every_case(table)),
        Section("Definitions", _definitions(table)),
    ]
    lead = "".join(f"<p>{html.escape(note)}</p>" for note in table.notes)
    return page.page(table.title, sections, lead)


def _ranking(known: RankingStatistics) -> str:
    arrow = "↑" if known.higher_is_better else "↓"
    unit = f" ({html.escape(known.unit)})" if known.unit else ""
    head = ["Algorithm", "Rank", f"{name(known.title)}{unit} {arrow}"]
    with_interval = bool(known.rank_low and known.rank_high)
    if with_interval:
        head.append("Rank interval")
    if known.first_probability:
        head.append("First in")
    if known.tie_groups:
        head.append("Group")
    rows = []
    for row, algorithm in enumerate(known.algorithms):
        cells = [name(algorithm), rank_text(known.ranks[row]), number(known.scores[row])]
        if with_interval:
            cells.append(rank_range(known.rank_low[row], known.rank_high[row]))
        if known.first_probability:
            cells.append(html.escape(percent(known.first_probability[row])))
        if known.tie_groups:
            cells.append(str(known.tie_groups[row]))
        rows.append(cells)
    return page.table(head, rows) + f'<p class="quiet">{html.escape(_reading(known))}</p>'


def _reading(known: RankingStatistics) -> str:
    better = "Higher" if known.higher_is_better else "Lower"
    words = [f"{better} is better."]
    if known.cases:
        words.append(f"{len(known.cases):,} cases.")
    if known.draws:
        words.append(
            f"Intervals are {known.level:.0%}, over {known.draws:,} bootstrap draws of the cases;"
            " “first in” is the share of draws in which an algorithm is first."
        )
    if known.tie_groups:
        words.append("Algorithms of one group cannot be told apart by this data.")
    return " ".join(words)


def _schemes(known: RankingStatistics) -> str:
    head = ["Algorithm", *(name(scheme.name) for scheme in known.schemes)]
    rows = [
        [name(algorithm), *(rank_text(scheme.ranks[row]) for scheme in known.schemes)]
        for row, algorithm in enumerate(known.algorithms)
    ]
    words = "".join(
        f"<dt>{name(scheme.name)}{' (this report)' if scheme.name == known.scheme else ''}</dt>"
        f"<dd>{html.escape(scheme.sentence)}{_agreement(scheme.kendall_tau)}</dd>"
        for scheme in known.schemes
    )
    return (
        "<p>The ranks that every scheme gives from the same scores.</p>"
        f"{page.table(head, rows)}<dl>{words}</dl>"
    )


def _agreement(tau: float | None) -> str:
    return "" if tau is None else f" Kendall's tau to this ranking: {tau:.2f}."


def _influence(known: RankingStatistics) -> str:
    rows = [
        [
            name(one.case),
            "–" if one.kendall_tau is None else f"{one.kendall_tau:.3f}",
            str(one.moved_ranks),
        ]
        for one in known.influence[:_MOST_INFLUENTIAL]
    ]
    return (
        "<p>What the ranking becomes when one case is left out, the strongest first. Tau is how"
        " alike it is to the full ranking (1 is the same order). A ranking that one case turns is"
        " not one to rely on.</p>"
        + page.table(["Case left out", "Kendall's tau", "Algorithms that move"], rows)
    )


def _summary(table: ScoreTable) -> str:
    head = [
        "Structure",
        "Metric",
        "Mean",
        "Deviation",
        "Median",
        "Quartiles",
        "Worst",
        "in case",
        "Cases",
    ]
    rows = []
    for structure in table.structures:
        for scores in table.metrics:
            if (found := summary(table, scores, structure)) is None:
                continue
            rows.append(
                [
                    name(structure),
                    _metric(scores),
                    number(found.mean),
                    number(found.deviation, 3),
                    number(found.median),
                    f"{number(found.low_quartile)} to {number(found.high_quartile)}",
                    number(found.worst),
                    name(found.worst_case),
                    f"{found.used} of {found.total}",
                ]
            )
    return page.table(head, rows, text_columns=2)


def _every_case(table: ScoreTable) -> str:
    structures = table.structures
    head = ["Case", "Structure", *(_metric(scores) for scores in table.metrics)]
    rows = [
        [
            name(case),
            name(structure),
            *(
                number(scores.values[structure][index]) if structure in scores.values else "–"
                for scores in table.metrics
            ),
        ]
        for index, case in enumerate(table.cases)
        for structure in structures
    ]
    rest = len(rows) - _MOST_SCORE_ROWS
    more = f"<p>{rest:,} more rows are in the table of scores itself.</p>" if rest > 0 else ""
    return page.table(head, rows[:_MOST_SCORE_ROWS], text_columns=2) + more


def _definitions(table: ScoreTable) -> str:
    words = "".join(
        f"<dt>{_metric(scores)}</dt><dd>{html.escape(scores.definition_id)}</dd>"
        for scores in table.metrics
    )
    return f"<dl>{words}</dl>"


def _metric(scores: MetricScores) -> str:
    unit = f" ({html.escape(scores.unit)})" if scores.unit else ""
    return f"{name(scores.metric)}{unit}&nbsp;{'↑' if scores.higher_is_better else '↓'}"
