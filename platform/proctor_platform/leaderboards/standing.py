"""Ranks, intervals and groups of a board, from arrays alone.

It knows no table and no file. The hard part is size: a board of 10,000 submissions with 1,000
replicates of nine columns would not fit in memory, so large boards use the first draws only;
draws are independent, so a prefix of them is as fair, and paired, as all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from proctor.spec.ranking import MissingRule, RankingScheme, RankingSpec, TaskConsensus
from proctor_metrics.bootstrap import tail_size
from proctor_metrics.metric import Direction
from proctor_metrics.ranking import (
    AggregateThenRank,
    Consensus,
    Ranking,
    RankStability,
    Scheme,
    consensus_scores,
    rank,
    rank_sum,
    resolve_scheme,
    stability,
)

FloatArray = npt.NDArray[np.float64]
Replicates = npt.NDArray[np.float64]

_LARGEST_REPLICATES = 20_000_000
_FEWEST_DRAWS = 100

# Pairs times cases times draws that tests take some ten seconds for.
_MOST_TESTED = 3_000_000_000
_MOST_KEMENY_DRAWS = 300


@dataclass(frozen=True, eq=False)
class CaseScores:
    """The deciding columns of one task, case by case; for the schemes that look at cases.

    Attributes:
        values: float64 of shape (n, n_cases, n_columns); NaN where a case has no value.
        directions: which end is better, for each column.
        weights: integers of shape (draws, n_cases): how often each case was drawn.
        columns: where each column is among those that decide.
        names: a name each case, where they are told apart.
        groups: a group each case.
    """

    values: FloatArray
    directions: Sequence[Direction]
    weights: npt.NDArray[np.uint16]
    columns: Sequence[int] = (0,)
    names: Sequence[str] = ()
    groups: Sequence[str] = ()

    def only(self, rows: npt.NDArray[np.intp]) -> CaseScores:
        """Return the same for some of the submissions."""
        return replace(self, values=self.values[rows])


@dataclass(frozen=True, eq=False)
class Decision:
    """What decides ranks, for n submissions.

    Attributes:
        values: float64 of shape (n, n_columns), NaN where a submission has none.
        deviations: float64 of the same shape; decides equal sums of ranks.
        directions: which end is better, for each column.
        cases: one for each task, when the scheme looks at cases.
        tasks: the task of each column; of one task when empty.
    """

    values: FloatArray
    deviations: FloatArray
    directions: Sequence[Direction]
    cases: Sequence[CaseScores] = ()
    tasks: Sequence[str] = ()

    def only(self, rows: npt.NDArray[np.intp]) -> Decision:
        """Return the same for some of the submissions."""
        return replace(
            self,
            values=self.values[rows],
            deviations=self.deviations[rows],
            cases=tuple(task.only(rows) for task in self.cases),
        )

    def columns_by_task(self) -> list[list[int]]:
        """Return where the columns of each task are."""
        tasks = self.tasks or [""] * len(self.directions)
        return [
            [index for index, task in enumerate(tasks) if task == one]
            for one in dict.fromkeys(tasks)
        ]


class Ends(NamedTuple):
    """The two ends of percentile intervals, float64 of shape (n,)."""

    low: FloatArray
    high: FloatArray


def draws_used(n_rows: int, n_columns: int, samples: int) -> int:
    """Return how many of the draws a board of this size is ranked with.

    >>> draws_used(100, 3, 1000), draws_used(10_000, 9, 1000)
    (1000, 222)
    """
    affordable = _LARGEST_REPLICATES // max(1, n_rows * n_columns)
    return min(samples, max(_FEWEST_DRAWS, affordable))


def ranked_draws(decision: Decision, ranking: RankingSpec, draws: int) -> int:
    """Return how many of ``draws`` a costly scheme ranks anew; none where even a few take long."""
    n = len(decision.values)
    if ranking.tasks is TaskConsensus.KEMENY:
        draws = min(draws, _MOST_KEMENY_DRAWS)
    if ranking.scheme is RankingScheme.SIGNIFICANCE:
        tested = n * n * sum(task.values.shape[1] * len(task.columns) for task in decision.cases)
        affordable = _MOST_TESTED // max(1, tested)
        return min(draws, affordable) if affordable >= _FEWEST_DRAWS else 0
    return draws


def scheme_of(ranking: RankingSpec) -> Scheme:
    """Return the scheme of a phase as the metrics have it."""
    parameters: dict[str, str | float] = {"ties": ranking.ties}
    if ranking.missing is MissingRule.AFTER_WORST:
        parameters["missing"] = "after_worst"
    if ranking.quantile is not None:
        parameters["q"] = ranking.quantile
    if ranking.alpha is not None:
        parameters["alpha"] = ranking.alpha
    return resolve_scheme(ranking.scheme.value, parameters)


def rank_board(decision: Decision, ranking: RankingSpec) -> Ranking:
    """Rank submissions by the scheme of the phase; 1 is best and NaN comes last."""
    if ranking.scheme is RankingScheme.RANK_SUM and ranking.tasks is None:
        return rank_sum(decision.values, decision.directions, decision.deviations)
    scores = _scores(decision, ranking, decision.values[:, :, np.newaxis], None)[:, 0]
    direction = _direction(decision, ranking)
    return Ranking(scores, direction, rank(scores, direction).astype(np.int64))


def rank_to_choose(decision: Decision, ranking: RankingSpec) -> Ranking:
    """Rank all submissions, so that each participant's best can be chosen.

    Tests of all pairs say nothing of a single submission, so by significance the means choose.
    """
    if ranking.scheme is RankingScheme.SIGNIFICANCE:
        ranking = RankingSpec(columns=ranking.columns)
    return rank_board(decision, ranking)


def board_stability(
    decision: Decision, ranking: RankingSpec, board: Ranking, replicates: Replicates
) -> RankStability:
    """Say how sure the ranks are.

    Args:
        decision: what decided ``board``.
        ranking: the ranking of the phase.
        board: the ranks of the full data.
        replicates: float64 of shape (n, n_columns, draws), paired over submissions; of schemes
            that look at cases only their number is read.
    """
    scores = _scores(decision, ranking, replicates, replicates.shape[2])
    return stability(board, scores, ranking.bootstrap.level)


def _scores(
    decision: Decision, ranking: RankingSpec, means: FloatArray, draws: int | None
) -> FloatArray:
    """Score every submission in the full data, or in so many draws; of shape (n, draws or 1).

    Args:
        decision: what decides.
        ranking: the ranking of the phase.
        means: float64 of shape (n, n_columns, draws or 1), the columns over all items.
        draws: how many of the draws; none for the full data.
    """
    scheme = scheme_of(ranking)
    if isinstance(scheme, AggregateThenRank):
        columns = means if not scheme.needs_cases else _aggregates(decision, scheme, draws)
        if ranking.tasks is None:
            return scheme.combine(columns, decision.directions)
        parts = []
        for of_task in decision.columns_by_task():
            directions = [decision.directions[index] for index in of_task]
            parts.append(scheme.ranks(scheme.combine(columns[:, of_task], directions), directions))
    else:
        of_tasks = [
            scheme.scores(task.values, task.directions, _weights(task, draws))
            for task in decision.cases
        ]
        if ranking.tasks is None:
            return np.asarray(np.mean(of_tasks, axis=0))
        parts = [
            scheme.ranks(scores, task.directions)
            for scores, task in zip(of_tasks, decision.cases, strict=True)
        ]
    return consensus_scores(np.stack(parts, axis=1), Consensus(ranking.tasks.value))


def _aggregates(decision: Decision, scheme: AggregateThenRank, draws: int | None) -> FloatArray:
    """Aggregate every column over the cases; float64 of shape (n, n_columns, draws or 1)."""
    columns = np.empty((*decision.values.shape, 1 if draws is None else draws))
    for task in decision.cases:
        weights = _weights(task, draws)
        if weights is None:
            weights = np.ones((1, task.values.shape[1]), dtype=np.uint16)
        for place, column in enumerate(task.columns):
            columns[:, column] = scheme.aggregate.over(
                task.values[:, :, place], weights, task.directions[place], scheme.missing
            )
    return columns


def _weights(task: CaseScores, draws: int | None) -> npt.NDArray[np.uint16] | None:
    return None if draws is None else task.weights[:draws]


def _direction(decision: Decision, ranking: RankingSpec) -> Direction:
    if ranking.tasks is not None:
        return Direction.LOWER
    return scheme_of(ranking).direction(decision.directions)


def shown_ranks(board: Ranking, ties: str) -> npt.NDArray[np.int64]:
    """Return the ranks as they are shown: without gaps after ties when they are ``dense``."""
    if ties != "dense":
        return board.ranks
    return np.unique(board.ranks, return_inverse=True)[1].astype(np.int64) + 1


def interval_ends(replicates: Replicates, level: float) -> Ends:
    """Return the percentile interval of each row, as ``percentile_interval`` has it for one.

    One that reaches to infinity is none: an answer can be so wrong that no number says how wrong.

    Args:
        replicates: float64 of shape (n, draws); NaN is left out.
        level: share of the replicates inside.
    """
    ordered = np.sort(replicates, axis=1)
    defined = replicates.shape[1] - np.isnan(ordered).sum(axis=1)
    dropped = np.array([tail_size(int(count), level) for count in defined], dtype=np.intp)
    rows = np.arange(ordered.shape[0])
    some = defined > 0
    low = np.where(some, ordered[rows, np.where(some, dropped, 0)], np.nan)
    high = np.where(some, ordered[rows, np.where(some, defined - 1 - dropped, 0)], np.nan)
    known = np.isfinite(low) & np.isfinite(high)
    return Ends(np.where(known, low, np.nan), np.where(known, high, np.nan))
