"""Rankings: the schemes that challenges use, and how sure each of them is."""

from proctor_metrics.ranking.schemes import (
    Ranking,
    RankTies,
    Scheme,
    case_ranks,
    mean_scores,
    quantized,
    rank,
    rank_by_mean,
    rank_sum,
    rank_sums,
    rank_then_mean,
)
from proctor_metrics.ranking.stability import (
    RankStability,
    replicate_mean_scores,
    replicate_rank_sums,
    replicate_rank_then_means,
    stability,
)

__all__ = [
    "RankStability",
    "RankTies",
    "Ranking",
    "Scheme",
    "case_ranks",
    "mean_scores",
    "quantized",
    "rank",
    "rank_by_mean",
    "rank_sum",
    "rank_sums",
    "rank_then_mean",
    "replicate_mean_scores",
    "replicate_rank_sums",
    "replicate_rank_then_means",
    "stability",
]
