"""Say how sure a ranking is, from paired bootstrap replicates of its scores.

First the scores of a scheme are replicated (one function for each scheme), then the ranks of
each replicate give intervals, and the paired differences give the groups that the data cannot
separate. A replicate weighs a case as often as it was drawn: ranks within a case do not depend
on how often it was drawn, so they are made once and weighted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proctor_metrics.bootstrap import replicate_means, tail_size
from proctor_metrics.cases import FloatArray
from proctor_metrics.metric import Direction
from proctor_metrics.ranking.combination import Ranking, case_ranks, mean_scores, rank_sums
from proctor_metrics.ranking.ranks import RankTies, quantized, rank

_LARGEST_STRIDE = 1024


@dataclass(frozen=True, eq=False)
class RankStability:
    """What the bootstrap says about each submission's rank; all arrays of shape (n,).

    Attributes:
        lowest: float64, best rank of the interval.
        highest: float64, worst rank of the interval.
        first_probability: float64, share of replicates at rank 1; a shared first place is
            split evenly, so the shares sum to 1.
        groups: int64 from 1. Members of a group cannot be told from its best at the level.
        level: share of the replicates inside the intervals.
    """

    lowest: FloatArray
    highest: FloatArray
    first_probability: FloatArray
    groups: npt.NDArray[np.int64]
    level: float


def replicate_mean_scores(replicates: FloatArray, directions: Sequence[Direction]) -> FloatArray:
    """Replicate the scores of `rank_by_mean`.

    Args:
        replicates: float64 of shape (n, n_columns, B), paired over submissions.
        directions: which end is better, for each column.

    Returns:
        float64 of shape (n, B), in the direction of the columns.
    """
    scores, _ = mean_scores(replicates, directions)
    return scores


def replicate_rank_sums(replicates: FloatArray, directions: Sequence[Direction]) -> FloatArray:
    """Replicate the scores of `rank_sum`; equal sums stay equal, without deviations.

    Args:
        replicates: float64 of shape (n, n_columns, B), paired over submissions.
        directions: which end is better, for each column.

    Returns:
        float64 of shape (n, B), lower is better.
    """
    return rank_sums(replicates, directions)


def replicate_rank_then_means(
    values: FloatArray,
    directions: Sequence[Direction],
    weights: npt.NDArray[np.integer],
    case_ties: RankTies = RankTies.AVERAGE,
) -> FloatArray:
    """Replicate the scores of `rank_then_mean`.

    Args:
        values: float64 of shape (n, n_cases, n_columns).
        directions: which end is better, for each column.
        weights: integers of shape (B, n_cases): how often each case was drawn.
        case_ties: the rank that equal values share within a case.

    Returns:
        float64 of shape (n, B), lower is better.
    """
    return replicate_means(case_ranks(values, directions, case_ties), weights)


def stability(
    ranking: Ranking,
    score_replicates: FloatArray,
    level: float,
    ties: RankTies = RankTies.MIN,
) -> RankStability:
    """Turn replicated scores into rank intervals, chances of winning, and groups.

    A replicate that is NaN for every submission (an undefined pooled metric) is left out; a
    single NaN ranks last. Where no replicate is left, nothing can be told apart: every
    interval is 1 to n and there is one group.

    Groups are made from the top: the best of a group is compared with each that follows, by
    the interval of their paired difference; the first whose interval lies wholly on the worse
    side starts the next group.

    Args:
        ranking: the ranking of the full data.
        score_replicates: float64 of shape (n, B), paired over submissions.
        level: share of the replicates inside the intervals, in (0, 1).
        ties: the rank that equal scores of a replicate share.

    Raises:
        ValueError: the replicates do not fit the ranking or the level is out of range.
    """
    n = ranking.ranks.size
    if score_replicates.ndim != 2 or score_replicates.shape[0] != n:
        raise ValueError(f"replicates of shape {score_replicates.shape} do not fit {n} submissions")
    defined = ~np.isnan(score_replicates).all(axis=0)
    replicates = score_replicates if defined.all() else score_replicates[:, defined]
    dropped = tail_size(replicates.shape[1], level)
    if replicates.shape[1] == 0 or n == 0:
        return RankStability(
            lowest=np.ones(n),
            highest=np.full(n, float(n)),
            first_probability=np.full(n, 1 / max(n, 1)),
            groups=np.ones(n, dtype=np.int64),
            level=level,
        )
    ranks, first_probability = _replicated_ranks(replicates, ranking.direction, ties)
    ranks.sort(axis=1)
    return RankStability(
        lowest=ranks[:, dropped].astype(np.float64),
        highest=ranks[:, -1 - dropped].astype(np.float64),
        first_probability=first_probability,
        groups=_groups(ranking, replicates, dropped),
        level=level,
    )


def _replicated_ranks(
    replicates: FloatArray, direction: Direction, ties: RankTies
) -> tuple[npt.NDArray[np.float32], FloatArray]:
    # Half the memory; halves and whole numbers of this size are exact in it.
    ranks = rank(replicates, direction, ties).astype(np.float32)
    winners = ranks == ranks.min(axis=0)
    first_probability = (winners @ (1.0 / winners.sum(axis=0))) / replicates.shape[1]
    return ranks, first_probability


def _groups(ranking: Ranking, replicates: FloatArray, dropped: int) -> npt.NDArray[np.int64]:
    order = np.argsort(ranking.ranks, kind="stable")
    groups = np.empty(order.size, dtype=np.int64)
    best, group = 0, 1
    position, stride = 0, 1
    while position < order.size:
        rows = order[position : position + stride]
        behind = _replicates_behind(replicates, order[best], rows, ranking.direction)
        separated = np.flatnonzero(behind >= replicates.shape[1] - dropped)
        if separated.size == 0:
            groups[rows] = group
            position += rows.size
            stride = min(stride * 2, _LARGEST_STRIDE)
            continue
        groups[rows[: separated[0]]] = group
        position += int(separated[0])
        best, group, stride = position, group + 1, 1
    return groups


def _replicates_behind(
    replicates: FloatArray, best: int, rows: npt.NDArray[np.intp], direction: Direction
) -> npt.NDArray[np.int64]:
    """Count the replicates in which each row is worse than the best; NaN is worst."""
    sign = -1.0 if direction is Direction.HIGHER else 1.0
    losses = quantized(sign * replicates[np.concatenate(([best], rows))])
    losses = np.where(np.isnan(losses), np.inf, losses)
    return np.asarray(np.count_nonzero(losses[1:] > losses[0], axis=1), dtype=np.int64)
