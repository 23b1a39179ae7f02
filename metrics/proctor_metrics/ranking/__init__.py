"""Rankings: the schemes that challenges use, and how sure each of them is."""

from proctor_metrics.ranking.aggregation import Aggregate, Statistic
from proctor_metrics.ranking.bayes import Beliefs, bayesian_signed_rank
from proctor_metrics.ranking.catalog import SCHEME_NAMES, resolve_scheme
from proctor_metrics.ranking.combination import (
    Ranking,
    case_ranks,
    mean_scores,
    rank_by_mean,
    rank_sum,
    rank_sums,
    rank_then_mean,
)
from proctor_metrics.ranking.consensus import Consensus, consensus_scores
from proctor_metrics.ranking.contest import Contest, Task
from proctor_metrics.ranking.correlation import kendall_tau
from proctor_metrics.ranking.influence import Influence, influence
from proctor_metrics.ranking.permutation import permutation_p_values
from proctor_metrics.ranking.ranks import Missing, RankTies, quantized, rank
from proctor_metrics.ranking.schemes import (
    AggregateThenRank,
    Bootstrap,
    Combination,
    RankThenAggregate,
    Scheme,
    SignificanceThenRank,
)
from proctor_metrics.ranking.significance import Adjustment, adjusted, p_values, share_beaten
from proctor_metrics.ranking.stability import (
    RankStability,
    replicate_mean_scores,
    replicate_rank_sums,
    replicate_rank_then_means,
    stability,
)

__all__ = [
    "SCHEME_NAMES",
    "Adjustment",
    "Aggregate",
    "AggregateThenRank",
    "Beliefs",
    "Bootstrap",
    "Combination",
    "Consensus",
    "Contest",
    "Influence",
    "Missing",
    "RankStability",
    "RankThenAggregate",
    "RankTies",
    "Ranking",
    "Scheme",
    "SignificanceThenRank",
    "Statistic",
    "Task",
    "adjusted",
    "bayesian_signed_rank",
    "case_ranks",
    "consensus_scores",
    "influence",
    "kendall_tau",
    "mean_scores",
    "p_values",
    "permutation_p_values",
    "quantized",
    "rank",
    "rank_by_mean",
    "rank_sum",
    "rank_sums",
    "rank_then_mean",
    "replicate_mean_scores",
    "replicate_rank_sums",
    "replicate_rank_then_means",
    "resolve_scheme",
    "share_beaten",
    "stability",
]
