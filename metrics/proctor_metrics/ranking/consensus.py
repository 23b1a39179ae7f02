"""One ranking out of the rankings of several tasks."""

from enum import StrEnum
from typing import assert_never

import numpy as np

from proctor_metrics.cases import FloatArray
from proctor_metrics.metric import Direction
from proctor_metrics.ranking.kemeny import kemeny_orders
from proctor_metrics.ranking.ranks import RankTies, rank


class Consensus(StrEnum):
    """How the rankings of several tasks become one.

    ``mean_rank``: the mean of the ranks that the tasks show.
    ``euclidean``: the mean of the ranks when ties share their average rank, which is the ranking
    nearest to those of all tasks by squared distance (Hornik and Meyer's relations).
    ``kemeny``: the order that the fewest pairwise preferences of the tasks speak against (Kemeny
    1959); exact up to 12 submissions, above that the best order that moving one at a time finds.
    """

    MEAN_RANK = "mean_rank"
    EUCLIDEAN = "euclidean"
    KEMENY = "kemeny"

    @property
    def score_title(self) -> str:
        """Return what the scores over the tasks are, for readers."""
        kemeny = self is Consensus.KEMENY
        return "place over the tasks" if kemeny else "mean rank over the tasks"

    @property
    def sentence(self) -> str:
        """Return how it ranks, for readers."""
        match self:
            case Consensus.MEAN_RANK:
                return "Over the tasks, the mean of the ranks decides."
            case Consensus.EUCLIDEAN:
                return "Over the tasks, the mean of the ranks decides, ties sharing their average."
            case Consensus.KEMENY:
                return "Over the tasks, the order with the fewest contradicted pairs decides."
            case _ as unreachable:
                assert_never(unreachable)


def consensus_scores(ranks: FloatArray, consensus: Consensus) -> FloatArray:
    """Score submissions by their ranks in the tasks; lower is better.

    Args:
        ranks: float64 of shape (n, n_tasks, ...).
        consensus: the method.

    Returns:
        float64 of shape (n, ...): a mean rank, or the place in the order.

    >>> ranks = np.array([[1.0, 1.0, 3.0], [2.0, 2.0, 1.0], [3.0, 3.0, 2.0]])
    >>> consensus_scores(ranks, Consensus.MEAN_RANK).round(2)
    array([1.67, 1.67, 2.67])
    >>> consensus_scores(ranks, Consensus.KEMENY)
    array([1., 2., 3.])
    """
    match consensus:
        case Consensus.MEAN_RANK:
            return np.asarray(ranks.mean(axis=1))
        case Consensus.EUCLIDEAN:
            averaged = rank(ranks, Direction.LOWER, RankTies.AVERAGE)
            return np.asarray(averaged.mean(axis=1))
        case Consensus.KEMENY:
            return kemeny_orders(ranks)
        case _ as unreachable:
            assert_never(unreachable)
