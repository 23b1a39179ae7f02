"""How the rows of a phase become ranks: what an organizer declares under ``ranking``."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from proctor.spec.base import Name, Slug, Spec


class RankingScheme(StrEnum):
    """How rows become ranks.

    ``mean``: mean over items, then rank (several columns: mean of the ranks).
    ``rank_then_mean``: rank in every case and column, then the mean of those ranks.
    ``rank_sum``: rank every column on its mean, then the sum of the ranks (MRBrainS13).
    """

    MEAN = "mean"
    RANK_THEN_MEAN = "rank_then_mean"
    RANK_SUM = "rank_sum"


class RankingColumn(Spec):
    """One column that decides ranks; label ``mean`` is the macro mean over labels."""

    task: Slug
    metric: Name
    label: str = "mean"


class Selection(StrEnum):
    """Which of a participant's submissions stands on the board."""

    BEST = "best"
    LATEST = "latest"


class BootstrapSpec(Spec):
    """How intervals are drawn; draws depend on the dataset, so submissions are paired."""

    samples: int = Field(1000, ge=100, le=10_000)
    level: float = Field(0.95, gt=0.5, lt=1)
    seed: int = Field(0, ge=0, lt=2**32)


class RankingSpec(Spec):
    """The ranking of a phase."""

    scheme: RankingScheme = RankingScheme.MEAN
    columns: tuple[RankingColumn, ...] = Field((), description="each task's primary when empty")
    ties: Literal["min", "average", "dense"] = "min"
    select: Selection = Selection.BEST
    bootstrap: BootstrapSpec = BootstrapSpec()
