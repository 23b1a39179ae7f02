"""How the rows of a phase become ranks: what an organizer declares under ``ranking``."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, Self

from pydantic import Field, model_validator

from proctor.spec.base import Name, Slug, Spec


class RankingScheme(StrEnum):
    """How rows become ranks; several columns are put together by the mean of their ranks.

    ``mean``: rank the mean over all items; the only one but ``rank_sum`` for pooled metrics.
    ``median``: rank the median over the cases.
    ``quantile``: rank the quantile ``quantile`` over the cases; 0.05 is how the bad ones are.
    ``rank_then_mean``: rank in every case and column, then the mean of those ranks.
    ``rank_then_median``: the same with their median.
    ``brats``: rank in every case, region and metric, then the mean of those ranks (BraTS).
    ``rank_sum``: rank every column on its mean, then the sum of the ranks (MRBrainS13).
    ``significance``: the share of rivals that are significantly worse by one-sided paired Wilcoxon
    signed-rank tests, adjusted by Holm, at level ``alpha``.
    """

    MEAN = "mean"
    MEDIAN = "median"
    QUANTILE = "quantile"
    RANK_THEN_MEAN = "rank_then_mean"
    RANK_THEN_MEDIAN = "rank_then_median"
    BRATS = "brats"
    RANK_SUM = "rank_sum"
    SIGNIFICANCE = "significance"


class TaskConsensus(StrEnum):
    """How the rankings of several tasks become one, each task counting once.

    ``mean_rank``: the mean of the ranks that the tasks show.
    ``euclidean``: the same, with ties at their average rank; the nearest ranking to all tasks.
    ``kemeny``: the order that the fewest pairwise preferences of the tasks speak against.
    """

    MEAN_RANK = "mean_rank"
    EUCLIDEAN = "euclidean"
    KEMENY = "kemeny"


class MissingRule(StrEnum):
    """What a case without an answer is to a scheme that ranks or tests within cases.

    ``worst``: it has the declared worst value, as everywhere.
    ``last``: it is behind every answer, also behind one that scored the worst.
    ``after_worst``: the same, with the rank that challengeR gives it.
    """

    WORST = "worst"
    LAST = "last"
    AFTER_WORST = "after_worst"


class RankingColumn(Spec):
    """One column that decides ranks; label ``mean`` is the macro mean over labels."""

    task: Slug
    metric: Name
    label: str = "mean"


class Selection(StrEnum):
    """Which of a participant's submissions stands on the board."""

    BEST = "best"
    LATEST = "latest"


class IntervalMethod(StrEnum):
    """How the ends of a score's interval are found from the draws.

    ``bca``: bias-corrected and accelerated, widened for few groups; nearest to its level.
    ``percentile``: the middle of the draws; too narrow for few groups.
    """

    BCA = "bca"
    PERCENTILE = "percentile"


class BootstrapSpec(Spec):
    """How intervals are drawn; draws depend on the dataset, so submissions are paired."""

    interval: IntervalMethod = Field(
        IntervalMethod.BCA, exclude_if=lambda method: method is IntervalMethod.BCA
    )
    samples: int = Field(1000, ge=100, le=10_000)
    level: float = Field(0.95, gt=0.5, lt=1)
    seed: int = Field(0, ge=0, lt=2**32)


class Gate(Spec):
    """What a submission must keep to be ranked: a score, a time for a case, or missing cases.

    With ``stratum`` it must be kept in every level of it. Who fails one is listed below the ranks,
    with the reason.
    """

    score: RankingColumn | None = Field(None, description="with at_least or at_most")
    at_least: float | None = None
    at_most: float | None = None
    seconds_per_case: float | None = Field(None, gt=0, description="the most for any case")
    missing_cases: int | None = Field(None, ge=0, description="the most cases without an answer")
    stratum: Name | None = Field(None, description="must be kept in each of its levels")

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        asked = [self.score, self.seconds_per_case, self.missing_cases]
        if sum(one is not None for one in asked) != 1:
            raise ValueError("a gate has one of score, seconds_per_case and missing_cases")
        ends = sum(end is not None for end in (self.at_least, self.at_most))
        if ends != (self.score is not None):
            raise ValueError("a gate on a score has one of at_least and at_most, no other gate has")
        return self


class RankingSpec(Spec):
    """The ranking of a phase."""

    scheme: RankingScheme = RankingScheme.MEAN
    quantile: float | None = Field(
        None,
        ge=0,
        le=1,
        description="of the scheme quantile, counted from the smallest value",
        exclude_if=lambda quantile: quantile is None,
    )
    alpha: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="of the scheme significance; 0.05 when not given",
        exclude_if=lambda alpha: alpha is None,
    )
    columns: tuple[RankingColumn, ...] = Field((), description="each task's primary when empty")
    tasks: TaskConsensus | None = Field(
        None,
        description="ranks every task by itself first; else all columns are put together",
        exclude_if=lambda tasks: tasks is None,
    )
    ties: Literal["min", "average", "dense"] = Field(
        "min", description="average is for ranks within cases; a board shows the better place"
    )
    missing: MissingRule = Field(
        MissingRule.WORST, exclude_if=lambda missing: missing is MissingRule.WORST
    )
    select: Selection = Selection.BEST
    bootstrap: BootstrapSpec = BootstrapSpec()
    gates: tuple[Gate, ...] = Field((), exclude_if=lambda gates: not gates)

    @model_validator(mode="after")
    def _has_what_its_scheme_needs(self) -> Self:
        if (self.quantile is None) == (self.scheme is RankingScheme.QUANTILE):
            raise ValueError("the scheme quantile needs a quantile, and no other scheme has one")
        if self.alpha is not None and self.scheme is not RankingScheme.SIGNIFICANCE:
            raise ValueError("alpha belongs to the scheme significance alone")
        if self.missing is not MissingRule.WORST and self.scheme not in WITHIN_CASES:
            raise ValueError(
                f"missing: {self.missing.value} is for schemes that rank or test within cases; by"
                f" {self.scheme.value} a case without an answer takes the declared worst value"
            )
        return self


WITHIN_CASES = frozenset(
    {
        RankingScheme.RANK_THEN_MEAN,
        RankingScheme.RANK_THEN_MEDIAN,
        RankingScheme.BRATS,
        RankingScheme.SIGNIFICANCE,
    }
)
"""The schemes that rank or test within single cases."""

OF_CASES = WITHIN_CASES | {RankingScheme.MEDIAN, RankingScheme.QUANTILE}
"""The schemes that need a value in every case."""
