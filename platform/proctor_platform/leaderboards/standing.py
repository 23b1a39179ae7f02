"""Ranks, intervals and groups of a board, from arrays alone.

It knows no table and no file. The hard part is size: a board of 10,000 submissions with 1,000
replicates of nine columns would not fit in memory, so large boards use the first draws only;
draws are independent, so a prefix of them is as fair, and paired, as all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, assert_never

import numpy as np
import numpy.typing as npt

from proctor.spec.ranking import RankingScheme, RankingSpec, Selection
from proctor_metrics.bootstrap import replicate_means, tail_size
from proctor_metrics.metric import Direction
from proctor_metrics.ranking import (
    Ranking,
    RankStability,
    RankTies,
    case_ranks,
    rank,
    rank_by_mean,
    rank_sum,
    replicate_mean_scores,
    replicate_rank_sums,
    stability,
)

FloatArray = npt.NDArray[np.float64]
Replicates = npt.NDArray[np.float64]

_LARGEST_REPLICATES = 20_000_000
_FEWEST_DRAWS = 100


@dataclass(frozen=True, eq=False)
class CaseScores:
    """The deciding columns of one task, case by case; for ``rank_then_mean`` only.

    Attributes:
        values: float64 of shape (n, n_cases, n_columns); NaN where a case has no value.
        directions: which end is better, for each column.
        weights: integers of shape (draws, n_cases): how often each case was drawn.
    """

    values: FloatArray
    directions: Sequence[Direction]
    weights: npt.NDArray[np.uint16]

    def only(self, rows: npt.NDArray[np.intp]) -> CaseScores:
        """Return the same for some of the submissions."""
        return CaseScores(self.values[rows], self.directions, self.weights)


@dataclass(frozen=True, eq=False)
class Decision:
    """What decides ranks, for n submissions.

    Attributes:
        values: float64 of shape (n, n_columns), NaN where a submission has none.
        deviations: float64 of the same shape; decides equal sums of ranks.
        directions: which end is better, for each column.
        cases: one for each task, when the scheme ranks within cases.
    """

    values: FloatArray
    deviations: FloatArray
    directions: Sequence[Direction]
    cases: Sequence[CaseScores] = ()

    def only(self, rows: npt.NDArray[np.intp]) -> Decision:
        """Return the same for some of the submissions."""
        return Decision(
            self.values[rows],
            self.deviations[rows],
            self.directions,
            tuple(task.only(rows) for task in self.cases),
        )


class Entrant(NamedTuple):
    """Who a submission stands for, and when it came."""

    participant: str
    baseline: bool
    submitted_at: datetime
    submission: str


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


def rank_board(decision: Decision, ranking: RankingSpec) -> Ranking:
    """Rank submissions by the scheme of the phase; 1 is best and NaN comes last."""
    match ranking.scheme:
        case RankingScheme.MEAN:
            if len(decision.directions) == 1:
                return rank_by_mean(decision.values, decision.directions)
            return rank_sum(decision.values, decision.directions)
        case RankingScheme.RANK_SUM:
            return rank_sum(decision.values, decision.directions, decision.deviations)
        case RankingScheme.RANK_THEN_MEAN:
            per_task = [_case_ranks(task, ranking).mean(axis=1) for task in decision.cases]
            scores = np.mean(per_task, axis=0)
            return Ranking(scores, Direction.LOWER, rank(scores, Direction.LOWER).astype(np.int64))
        case _ as unreachable:
            assert_never(unreachable)


def board_stability(
    decision: Decision, ranking: RankingSpec, board: Ranking, replicates: Replicates
) -> RankStability:
    """Say how sure the ranks are.

    Args:
        decision: what decided ``board``.
        ranking: the ranking of the phase.
        board: the ranks of the full data.
        replicates: float64 of shape (n, n_columns, draws), paired over submissions; not read
            when ranks are made within cases.
    """
    match ranking.scheme:
        case RankingScheme.RANK_THEN_MEAN:
            per_task = [
                replicate_means(_case_ranks(task, ranking), task.weights) for task in decision.cases
            ]
            scores = np.mean(per_task, axis=0)
        case RankingScheme.MEAN if len(decision.directions) == 1:
            scores = replicate_mean_scores(replicates, decision.directions)
        case RankingScheme.MEAN | RankingScheme.RANK_SUM:
            scores = replicate_rank_sums(replicates, decision.directions)
        case _ as unreachable:
            assert_never(unreachable)
    return stability(board, scores, ranking.bootstrap.level)


def shown_ranks(board: Ranking, ties: str) -> npt.NDArray[np.int64]:
    """Return the ranks as they are shown: without gaps after ties when they are ``dense``."""
    if ties != "dense":
        return board.ranks
    return np.unique(board.ranks, return_inverse=True)[1].astype(np.int64) + 1


def choose(entrants: Sequence[Entrant], board: Ranking, select: Selection) -> npt.NDArray[np.intp]:
    """Return the submissions that stand on the board: one a participant, and every baseline.

    Of equally good submissions the earlier one stands.
    """
    chosen: dict[str, int] = {}
    for index, entrant in enumerate(entrants):
        key = entrant.submission if entrant.baseline else f"@{entrant.participant}"
        standing = chosen.get(key)
        if standing is None or _replaces(entrants, board, select, index, standing):
            chosen[key] = index
    return np.array(sorted(chosen.values()), dtype=np.intp)


def interval_ends(replicates: Replicates, level: float) -> Ends:
    """Return the percentile interval of each row, as ``percentile_interval`` has it for one.

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
    return Ends(low, high)


def _case_ranks(task: CaseScores, ranking: RankingSpec) -> FloatArray:
    ties = RankTies.AVERAGE if ranking.ties == "average" else RankTies.MIN
    return case_ranks(task.values, task.directions, ties)


def _replaces(
    entrants: Sequence[Entrant], board: Ranking, select: Selection, index: int, standing: int
) -> bool:
    new, old = entrants[index], entrants[standing]
    newer = (new.submitted_at, new.submission) > (old.submitted_at, old.submission)
    match select:
        case Selection.LATEST:
            return newer
        case Selection.BEST:
            if board.ranks[index] == board.ranks[standing]:
                return not newer
            return bool(board.ranks[index] < board.ranks[standing])
        case _ as unreachable:
            assert_never(unreachable)
