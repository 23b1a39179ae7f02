"""Every ranking scheme in one plain sentence, and what the number is that it makes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from proctor.spec.leaderboard import BoardColumn, BoardScore
from proctor.spec.ranking import MissingRule, RankingScheme, RankingSpec, TaskConsensus
from proctor_metrics import Direction
from proctor_metrics.ranking import Consensus
from proctor_platform.leaderboards.standing import scheme_of


def scheme_words(ranking: RankingSpec, names: str, *, several: bool) -> str:
    """Say how a scheme ranks by columns of these names, in one sentence."""
    match ranking.scheme:
        case RankingScheme.MEAN:
            if several:
                return f"Ranked in each of {names}, then by the mean of those ranks."
            return f"Ranked by {names} over all items."
        case RankingScheme.MEDIAN:
            return _by_cases("median", names, several=several)
        case RankingScheme.QUANTILE:
            return _by_cases(f"{ranking.quantile or 0:.4g} quantile", names, several=several)
        case RankingScheme.RANK_THEN_MEAN | RankingScheme.BRATS:
            return f"Ranked within every case by {names}, then by the mean of all those ranks."
        case RankingScheme.RANK_THEN_MEDIAN:
            return f"Ranked within every case by {names}, then by the median of the cases' ranks."
        case RankingScheme.RANK_SUM:
            return (
                f"Ranked in each of {names}, then by the sum of those ranks;"
                " of equal sums the one with smaller deviations comes first."
            )
        case RankingScheme.SIGNIFICANCE:
            return (
                f"Ranked by the share of rivals that are significantly worse in {names}: one-sided"
                " paired Wilcoxon signed-rank tests over the cases, adjusted by Holm, at level"
                f" {0.05 if ranking.alpha is None else ranking.alpha:g}."
            )
        case _ as unreachable:
            assert_never(unreachable)


def board_score(ranking: RankingSpec, columns: Sequence[BoardColumn]) -> BoardScore | None:
    """Say what number the order is made from; none where it is the one column that decides."""
    if ranking.tasks is not None:
        return BoardScore(title=Consensus(ranking.tasks.value).score_title)
    scheme = scheme_of(ranking)
    title = scheme.score_title(len(columns))
    if not title:
        return None
    directions = [
        Direction.HIGHER if column.higher_is_better else Direction.LOWER for column in columns
    ]
    return BoardScore(
        title=title,
        unit=columns[0].unit if scheme.keeps_unit(len(columns)) else "",
        higher_is_better=scheme.direction(directions) is Direction.HIGHER,
    )


def over_tasks(ranking: RankingSpec) -> str:
    """Say how tasks are put together and what a missing case is, after a space; mostly nothing."""
    match ranking.tasks:
        case None:
            told = ""
        case TaskConsensus.MEAN_RANK:
            told = " So in every task; over the tasks, the mean of the ranks decides."
        case TaskConsensus.EUCLIDEAN:
            told = (
                " So in every task; over the tasks, the mean of the ranks decides, ties sharing"
                " their average."
            )
        case TaskConsensus.KEMENY:
            told = (
                " So in every task; over the tasks, the order decides that the fewest pairs of"
                " their ranks contradict (Kemeny)."
            )
        case _ as unreachable:
            assert_never(unreachable)
    match ranking.missing:
        case MissingRule.WORST:
            return told
        case MissingRule.LAST:
            return f"{told} A case without an answer is behind every answer."
        case MissingRule.AFTER_WORST:
            return f"{told} A case without an answer comes one rank after the worst answer."
        case _ as unreachable_too:
            assert_never(unreachable_too)


def _by_cases(what: str, names: str, *, several: bool) -> str:
    if several:
        return f"Ranked by the {what} over the cases of each of {names}, then by the mean of ranks."
    return f"Ranked by the {what} over the cases of {names}."
