"""Ranking schemes as values: how the cases and columns of submissions become one score each.

A scheme is frozen and complete: same scheme, same values, same order. Every scheme scores the
full data and any number of resamples in one call, so a bootstrap asks exactly what the ranking
asked. Sources: Maier-Hein et al. 2018 (doi:10.1038/s41467-018-07619-7), Wiesenfarth et al. 2021
(doi:10.1038/s41598-021-82017-6); https://mrbrains13.isi.uu.nl/evaluation/; Bakas et al. 2018
(arXiv:1811.02629).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from proctor_metrics.cases import FloatArray
from proctor_metrics.metric import Direction
from proctor_metrics.ranking.aggregation import MEAN, Aggregate, Weights
from proctor_metrics.ranking.combination import case_ranks, rank_sums
from proctor_metrics.ranking.emulation import rank_first_as_challenger
from proctor_metrics.ranking.ranks import Missing, RankTies, rank
from proctor_metrics.ranking.significance import Adjustment, share_beaten


class Bootstrap(StrEnum):
    """How resamples are ranked.

    ``correct``: a case drawn k times counts k times.
    ``challengeR-1.0.5``: with the two defects of that version, to reproduce what was published
    with it. In rank-then-aggregate a case drawn k times weighs k * k; in test-based ranking it
    counts once. Aggregate-then-rank is the same in both.
    """

    CORRECT = "correct"
    CHALLENGER_1_0_5 = "challengeR-1.0.5"


class Combination(StrEnum):
    """How several columns become one, after each was aggregated over its cases.

    A single column is left as it is by ``mean_of_ranks``.
    """

    MEAN_OF_RANKS = "mean_of_ranks"
    RANK_SUM = "rank_sum"


@dataclass(frozen=True, kw_only=True)
class Scheme(ABC):
    """One way to rank, with all its parameters fixed.

    Attributes:
        ties: the rank that equal scores share, and equal values where cases are ranked.
        missing: what a missing value is.
    """

    ties: RankTies = RankTies.MIN
    missing: Missing = Missing.LAST

    @property
    @abstractmethod
    def name(self) -> str:
        """Return the name it is resolved by."""

    @property
    def label(self) -> str:
        """Return the name with what tells it from others of the name."""
        return self.name

    @property
    @abstractmethod
    def sentence(self) -> str:
        """Return how it ranks, for readers."""

    @property
    def needs_cases(self) -> bool:
        """Return whether it needs more than each column's mean over the cases."""
        return True

    @abstractmethod
    def direction(self, directions: Sequence[Direction]) -> Direction:
        """Return which end of its scores is better, given that of the columns."""

    def keeps_unit(self, n_columns: int) -> bool:
        """Return whether its scores are values of the one column, not ranks or shares."""
        return False

    @abstractmethod
    def score_title(self, n_columns: int) -> str:
        """Return what its scores are, for readers; nothing where they are a column's means."""

    @abstractmethod
    def scores(
        self,
        values: FloatArray,
        directions: Sequence[Direction],
        weights: Weights | None = None,
        bootstrap: Bootstrap = Bootstrap.CORRECT,
    ) -> FloatArray:
        """Score every submission, once for each vector of weights.

        Args:
            values: float64 of shape (n, n_cases, n_columns); NaN is missing.
            directions: which end is better, for each column.
            weights: integers of shape (B, n_cases): how often each case counts; the full data
                where not given.
            bootstrap: what a case that counts more than once means.

        Returns:
            float64 of shape (n, B), or (n, 1) without weights; NaN where there is no score.

        Raises:
            ValueError: directions or weights do not fit the values.
        """

    def ranks(self, scores: FloatArray, directions: Sequence[Direction]) -> FloatArray:
        """Rank scores of this scheme along the first axis; a submission without one is last.

        Args:
            scores: float64 of shape (n, ...).
            directions: which end is better, for each column.
        """
        return rank(scores, self.direction(directions), self.ties, self.missing.of_scores)


@dataclass(frozen=True, kw_only=True)
class AggregateThenRank(Scheme):
    """Aggregate each column over the cases, put the columns together, rank.

    Attributes:
        aggregate: what a column is aggregated by.
        combination: what several columns are put together by.
    """

    aggregate: Aggregate = MEAN
    combination: Combination = Combination.MEAN_OF_RANKS

    @property
    def name(self) -> str:
        """Return the name it is resolved by."""
        if self.combination is Combination.RANK_SUM:
            return "rank_sum"
        return _statistic_name(self.aggregate)

    @property
    def label(self) -> str:
        """Return the name with what tells it from others of the name."""
        return _with_quantile(self.name, self.aggregate)

    @property
    def sentence(self) -> str:
        """Return how it ranks, for readers."""
        what = f"Ranked by the {self.aggregate.words} over the cases"
        if self.combination is Combination.RANK_SUM:
            return f"{what} of each column; the ranks of the columns are added up (MRBrainS13)."
        return f"{what}; of several columns, by the mean of their ranks."

    @property
    def needs_cases(self) -> bool:
        """Return whether it needs more than each column's mean over the cases."""
        return self.aggregate != MEAN

    def direction(self, directions: Sequence[Direction]) -> Direction:
        """Return which end of its scores is better, given that of the columns."""
        return directions[0] if self.keeps_unit(len(directions)) else Direction.LOWER

    def keeps_unit(self, n_columns: int) -> bool:
        """Return whether its scores are values of the one column, not ranks."""
        return n_columns == 1 and self.combination is Combination.MEAN_OF_RANKS

    def score_title(self, n_columns: int) -> str:
        """Return what its scores are, for readers; nothing where they are a column's means."""
        if self.combination is Combination.RANK_SUM:
            return "sum of ranks"
        if not self.keeps_unit(n_columns):
            return "mean of ranks"
        return "" if self.aggregate == MEAN else f"{self.aggregate.words} over cases"

    def scores(
        self,
        values: FloatArray,
        directions: Sequence[Direction],
        weights: Weights | None = None,
        bootstrap: Bootstrap = Bootstrap.CORRECT,
    ) -> FloatArray:
        """Score every submission, once for each vector of weights."""
        drawn = _checked_weights(values, directions, weights)
        columns = [
            self.aggregate.over(values[:, :, column], drawn, direction, self.missing)
            for column, direction in enumerate(directions)
        ]
        return self.combine(np.stack(columns, axis=1), directions)

    def combine(self, columns: FloatArray, directions: Sequence[Direction]) -> FloatArray:
        """Put aggregated columns together; also for pooled metrics, which have no cases.

        Args:
            columns: float64 of shape (n, n_columns, ...).
            directions: which end is better, for each column.

        Returns:
            float64 of shape (n, ...).
        """
        if self.combination is Combination.RANK_SUM:
            return rank_sums(columns, directions, self.ties, self.missing)
        if len(directions) == 1:
            return np.asarray(columns[:, 0])
        return rank_sums(columns, directions, self.ties, self.missing) / len(directions)


@dataclass(frozen=True, kw_only=True)
class RankThenAggregate(Scheme):
    """Rank within every case and column, aggregate the ranks over the cases, rank again.

    With several columns (metrics, regions) the ranks of a case are averaged first, which is
    BraTS's ranking per case, region and metric.

    Attributes:
        aggregate: what the ranks are aggregated by.
    """

    aggregate: Aggregate = MEAN

    @property
    def name(self) -> str:
        """Return the name it is resolved by."""
        return f"rank_then_{_statistic_name(self.aggregate)}"

    @property
    def label(self) -> str:
        """Return the name with what tells it from others of the name."""
        return _with_quantile(self.name, self.aggregate)

    @property
    def sentence(self) -> str:
        """Return how it ranks, for readers."""
        return (
            f"Ranked within every case and column, then by the {self.aggregate.words} of those"
            " ranks."
        )

    def direction(self, directions: Sequence[Direction]) -> Direction:
        """Return which end of its scores is better: low ranks are."""
        return Direction.LOWER

    def score_title(self, n_columns: int) -> str:
        """Return what its scores are, for readers."""
        return f"{self.aggregate.words} rank within cases"

    def scores(
        self,
        values: FloatArray,
        directions: Sequence[Direction],
        weights: Weights | None = None,
        bootstrap: Bootstrap = Bootstrap.CORRECT,
    ) -> FloatArray:
        """Score every submission, once for each vector of weights."""
        drawn = _checked_weights(values, directions, weights)
        if bootstrap is Bootstrap.CHALLENGER_1_0_5:
            return rank_first_as_challenger(
                values, directions, drawn, self.aggregate, self.ties, self.missing
            )
        ranks = case_ranks(values, directions, self.ties, self.missing)
        return self.aggregate.over(ranks, drawn, Direction.LOWER, Missing.DROP)


@dataclass(frozen=True, kw_only=True)
class SignificanceThenRank(Scheme):
    """Test every ordered pair for which is better, rank by the share of rivals beaten.

    Attributes:
        alpha: an adjusted p-value of at most this is significant.
        adjustment: how p-values are adjusted for their number.
    """

    alpha: float = 0.05
    adjustment: Adjustment = Adjustment.HOLM

    def __post_init__(self) -> None:
        """Refuse a level that is none.

        Raises:
            ValueError: `alpha` is outside (0, 1).
        """
        if not 0 < self.alpha < 1:
            raise ValueError(f"alpha is {self.alpha}; it must lie between 0 and 1")

    @property
    def name(self) -> str:
        """Return the name it is resolved by."""
        return "significance"

    @property
    def label(self) -> str:
        """Return the name with what tells it from others of the name."""
        return f"{self.name} {self.adjustment} {self.alpha:g}"

    @property
    def sentence(self) -> str:
        """Return how it ranks, for readers."""
        adjusted = {
            Adjustment.HOLM: "adjusted by Holm",
            Adjustment.BONFERRONI: "adjusted by Bonferroni",
            Adjustment.NONE: "not adjusted",
        }
        return (
            "Ranked by the share of rivals that are significantly worse: one-sided paired Wilcoxon"
            f" signed-rank tests over all ordered pairs, {adjusted[self.adjustment]}, at level"
            f" {self.alpha:g}."
        )

    def direction(self, directions: Sequence[Direction]) -> Direction:
        """Return which end of its scores is better: many rivals beaten."""
        return Direction.HIGHER

    def score_title(self, n_columns: int) -> str:
        """Return what its scores are, for readers."""
        return "share of rivals beaten"

    def scores(
        self,
        values: FloatArray,
        directions: Sequence[Direction],
        weights: Weights | None = None,
        bootstrap: Bootstrap = Bootstrap.CORRECT,
    ) -> FloatArray:
        """Score every submission, once for each vector of weights."""
        drawn = _checked_weights(values, directions, weights)
        if bootstrap is Bootstrap.CHALLENGER_1_0_5:
            drawn = np.minimum(drawn, 1)
        shares = [
            share_beaten(
                values[:, :, column], direction, drawn, self.alpha, self.adjustment, self.missing
            )
            for column, direction in enumerate(directions)
        ]
        return np.asarray(np.mean(shares, axis=0))


def _statistic_name(aggregate: Aggregate) -> str:
    named = {"mean": "mean", "median": "median", "minimum": "min", "maximum": "max"}
    return named.get(aggregate.words, "quantile")


def _with_quantile(name: str, aggregate: Aggregate) -> str:
    return f"{name} {aggregate.q:g}" if name.endswith("quantile") else name


def _checked_weights(
    values: FloatArray, directions: Sequence[Direction], weights: Weights | None
) -> Weights:
    if values.ndim != 3 or values.shape[2] != len(directions) or not directions:
        raise ValueError(
            f"values of shape {values.shape} need one direction a column; {len(directions)} given"
        )
    if weights is None:
        return np.ones((1, values.shape[1]), dtype=np.uint16)
    if weights.ndim != 2 or weights.shape[1] != values.shape[1]:
        raise ValueError(
            f"weights of shape {weights.shape} do not fit {values.shape[1]} cases; they must have"
            " a row a resample and a column a case"
        )
    return weights
