"""Rank-then-aggregate as challengeR 1.0.5 bootstraps it, to reproduce what it published.

challengeR ranks a resample anew. The k copies of a case drawn k times share its name, so they are
ranked as one case of k times as many rows: a rank r becomes 1 + k (r - 1) (ties `min`), and is
there k times. The case so weighs k * k in place of k. Read in its source and checked against it
on fixed draws; the right way is in `schemes.py`.
"""

from collections.abc import Sequence

import numpy as np

from proctor_metrics.cases import FloatArray
from proctor_metrics.metric import Direction
from proctor_metrics.ranking.aggregation import Aggregate, Weights
from proctor_metrics.ranking.combination import case_ranks
from proctor_metrics.ranking.ranks import Missing, RankTies


def rank_first_as_challenger(
    values: FloatArray,
    directions: Sequence[Direction],
    weights: Weights,
    aggregate: Aggregate,
    ties: RankTies,
    missing: Missing,
) -> FloatArray:
    """Score by rank-then-aggregate with the defect of challengeR 1.0.5.

    Args:
        values: float64 of shape (n, n_cases, n_columns).
        directions: which end is better, for each column.
        weights: integers of shape (B, n_cases): how often each case was drawn.
        aggregate: what the ranks are aggregated by.
        ties: the rank that equal values share.
        missing: what a missing value is; challengeR has `after_worst` and `drop`.

    Returns:
        float64 of shape (n, B), lower is better.
    """
    n = values.shape[0]
    counts = [int(count) for count in np.unique(weights) if count > 0]
    ranks = [
        case_ranks(np.tile(values, (count, 1, 1)), directions, ties, missing)[:n]
        for count in counts
    ]
    shares = [weights * (weights == count) for count in counts]
    return aggregate.over(
        np.concatenate(ranks, axis=1),
        np.concatenate(shares, axis=1),
        Direction.LOWER,
        Missing.DROP,
    )
