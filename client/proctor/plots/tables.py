"""Tables beside the plots, as text: what shows them escapes every cell."""

from __future__ import annotations

from proctor.plots.numbers import number, percent, rank_range, rank_text
from proctor.plots.scores import MetricScores, ScoreTable, summary
from proctor.plots.table import Table
from proctor.spec.statistics import RankingStatistics

_MOST_INFLUENTIAL = 15


def ranking_table(known: RankingStatistics) -> Table:
    """Return every algorithm with its rank, its score, and what is known of the rank."""
    columns: list[tuple[str, list[str]]] = [
        ("Algorithm", list(known.algorithms)),
        ("Rank", [rank_text(rank) for rank in known.ranks]),
        (_score_title(known), [number(score) for score in known.scores]),
    ]
    if known.rank_low and known.rank_high:
        ranges = map(rank_range, known.rank_low, known.rank_high)
        columns.append(("Rank interval", list(ranges)))
    if known.first_probability:
        columns.append(("First in", [percent(share) for share in known.first_probability]))
    if known.tie_groups:
        columns.append(("Group", [str(group) for group in known.tie_groups]))
    return _by_columns(columns)


def reading(known: RankingStatistics) -> str:
    """Return how to read the ranking table."""
    score = known.score
    higher = known.higher_is_better if score is None else score.higher_is_better
    words = [f"{'Higher' if higher else 'Lower'} is better."]
    if score is not None:
        words[0] = f"The score is the {score.title}: {words[0].lower()}"
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


def scheme_table(known: RankingStatistics) -> Table:
    """Return every algorithm's rank under every scheme."""
    return _by_columns(
        [
            ("Algorithm", list(known.algorithms)),
            *(
                (scheme.name, [rank_text(rank) for rank in scheme.ranks])
                for scheme in known.schemes
            ),
        ]
    )


def scheme_sentences(known: RankingStatistics) -> tuple[tuple[str, str], ...]:
    """Return the name of every scheme and, in words, how it ranks and how alike its ranking is."""
    return tuple(
        (
            f"{scheme.name} (shown here)" if scheme.name == known.scheme else scheme.name,
            scheme.sentence
            if scheme.kendall_tau is None or scheme.name == known.scheme
            else f"{scheme.sentence} Kendall's tau to the ranking shown: {scheme.kendall_tau:.2f}.",
        )
        for scheme in known.schemes
    )


INFLUENCE_READING = (
    "What the ranking becomes when one case is left out, the strongest first. Tau is how alike it"
    " is to the full ranking: 1 is the same order. Be slow to trust an order that one case turns."
)


def influence_table(known: RankingStatistics) -> Table:
    """Return the cases whose absence changes the ranking most."""
    rows = tuple(
        (
            one.case,
            "–" if one.kendall_tau is None else f"{one.kendall_tau:.3f}",
            f"{one.moved_ranks}",
        )
        for one in known.influence[:_MOST_INFLUENTIAL]
    )
    return Table(("Case left out", "Kendall's tau", "Algorithms that move"), rows)


def summary_table(table: ScoreTable) -> Table:
    """Return every structure and metric with its summary over cases."""
    rows = tuple(
        (
            structure,
            metric_title(scores),
            number(found.mean),
            _interval(scores, structure),
            number(found.deviation, 3),
            number(found.median),
            f"{number(found.low_quartile)} to {number(found.high_quartile)}",
            number(found.worst),
            found.worst_case,
            f"{found.used} of {found.total}",
        )
        for structure in table.structures
        for scores in table.metrics
        if (found := summary(table, scores, structure)) is not None
    )
    head = (
        "Structure",
        "Metric",
        "Mean",
        "95 %",
        "Deviation",
        "Median",
        "Quartiles",
        "Worst",
        "in case",
        "Cases",
    )
    return Table(head, rows, text_columns=2)


def case_table(table: ScoreTable) -> Table:
    """Return every case and structure with the value of every metric."""
    rows = tuple(
        (
            case,
            structure,
            *(
                number(scores.values[structure][index]) if structure in scores.values else "–"
                for scores in table.metrics
            ),
        )
        for index, case in enumerate(table.cases)
        for structure in table.structures
    )
    head = ("Case", "Structure", *(metric_title(scores) for scores in table.metrics))
    return Table(head, rows, text_columns=2)


def metric_title(scores: MetricScores) -> str:
    """Return a metric's name with its unit and direction."""
    return _title(scores.metric, scores.unit, scores.higher_is_better)


def _interval(scores: MetricScores, structure: str) -> str:
    if structure not in scores.intervals:
        return "–"
    low, high = scores.intervals[structure]
    return f"{number(low)} to {number(high)}"


def _score_title(known: RankingStatistics) -> str:
    if known.score is None:
        return _title(known.title, known.unit, known.higher_is_better)
    return _title(known.score.title, known.score.unit, known.score.higher_is_better)


def _title(name: str, unit: str, higher_is_better: bool) -> str:
    # A no-break space keeps the arrow beside its name.
    return (
        f"{name}{f' ({unit})' if unit else ''}\N{NO-BREAK SPACE}{'↑' if higher_is_better else '↓'}"
    )


def _by_columns(columns: list[tuple[str, list[str]]]) -> Table:
    cells = zip(*(cells for _, cells in columns), strict=True)
    return Table(tuple(head for head, _ in columns), tuple(cells))
