"""What is known about a ranking beyond its order: how sure each rank is, and what it hangs on.

One value holds all that the plots draw. It comes from ``proctor rank`` or over HTTP from a
platform. Every table is by algorithm in rank order, best first. A part that is not known, or may
not be shown yet, is empty; a value that is missing is ``None``, never a number.
"""

from __future__ import annotations

from collections.abc import Sequence, Sized
from typing import Annotated, Self

from pydantic import Field, model_validator

from proctor.spec.base import Spec
from proctor.spec.leaderboard import BoardScore

Rank = Annotated[float, Field(ge=1)]
"""A place, 1 is best; algorithms that share places may have a rank between two whole ones."""

Share = Annotated[float, Field(ge=0, le=1)]
"""A part of a whole, or a probability."""

Tau = Annotated[float, Field(ge=-1, le=1)]
"""Kendall's tau-b between two rankings: 1 the same order, 0 no relation, -1 the reverse."""

Count = Annotated[int, Field(ge=0)]


class SchemeRanks(Spec):
    """The ranking that another scheme makes from the same scores."""

    name: str
    sentence: str = Field(description="how the scheme ranks, for readers")
    ranks: tuple[Rank, ...] = Field(description="[algorithm]")
    kendall_tau: Tau | None = Field(
        None, description="to the ranking shown; none where either ties all algorithms"
    )


class TaskRanks(Spec):
    """The ranking of one task among several."""

    name: str
    ranks: tuple[Rank, ...] = Field(description="[algorithm]")


class CaseInfluence(Spec):
    """What the ranking becomes when one case is left out."""

    case: str
    kendall_tau: Tau | None = Field(description="of the ranking without the case to the full one")
    moved_ranks: Count = Field(description="algorithms whose rank is another one without it")


class RankingStatistics(Spec):
    """A ranking with its uncertainty; ``[algorithm]`` means one entry each, in rank order."""

    title: str = Field(description="what is measured, for example Dice")
    unit: str = ""
    higher_is_better: bool = Field(description="of what is measured")
    score: BoardScore | None = Field(
        None, description="what `scores` are, where they are no means of what is measured"
    )
    scheme: str = Field(description="the name of the scheme that ranks")
    sentence: str = Field(description="how the scheme ranks, for readers")
    algorithms: tuple[str, ...] = Field(description="a name each, no two alike")
    scores: tuple[float | None, ...] = Field(description="[algorithm], what the ranks stand on")
    ranks: tuple[Rank, ...] = Field(description="[algorithm]")
    rank_low: tuple[Rank, ...] = Field((), description="[algorithm], the interval's best rank")
    rank_high: tuple[Rank, ...] = Field((), description="[algorithm], the interval's worst rank")
    first_probability: tuple[Share, ...] = Field(
        (), description="[algorithm], share of draws in which it is first"
    )
    tie_groups: tuple[int, ...] = Field(
        (), description="[algorithm]; those that the data cannot separate share a number"
    )
    level: float = Field(0.95, gt=0, lt=1, description="of the intervals")
    draws: Count = Field(0, description="bootstrap draws; none when nothing was drawn")
    cases: tuple[str, ...] = Field((), description="names of the cases whose values are given")
    case_values: tuple[tuple[float | None, ...], ...] = Field((), description="[algorithm][case]")
    case_rank_counts: tuple[tuple[Count, ...], ...] = Field(
        (), description="[algorithm][rank - 1], cases in which it has that rank, rounded down"
    )
    rank_counts: tuple[tuple[Count, ...], ...] = Field(
        (), description="[algorithm][rank - 1], draws in which it has that rank, rounded down"
    )
    kendall_tau: tuple[Tau, ...] = Field(
        (), description="of each draw's ranking to the full one; draws that tie all have none"
    )
    better: tuple[tuple[Share | None, ...], ...] = Field(
        (),
        description="[row][column], Holm-adjusted one-sided p that the row beats the column;"
        " none on the diagonal",
    )
    better_by: str = Field(
        "paired Wilcoxon signed-rank test over cases", description="the one-sided test of `better`"
    )
    schemes: tuple[SchemeRanks, ...] = Field((), description="every scheme, the one shown among it")
    tasks: tuple[TaskRanks, ...] = ()
    influence: tuple[CaseInfluence, ...] = Field(
        (), description="cases whose absence changes the ranking most, the strongest first"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        count = len(self.algorithms)
        if len(set(self.algorithms)) != count:
            raise ValueError("two algorithms have the same name; add what tells them apart")
        _has(self.scores, count, "scores")
        _has(self.ranks, count, "ranks")
        for name in ("rank_low", "rank_high", "first_probability", "tie_groups"):
            _is_empty_or_has(getattr(self, name), count, name)
        if self.case_values and not self.cases:
            raise ValueError("case_values needs the names of its cases")
        _is_empty_or_table(self.case_values, count, len(self.cases), "case_values")
        for name in ("case_rank_counts", "rank_counts", "better"):
            _is_empty_or_table(getattr(self, name), count, count, name)
        others: tuple[SchemeRanks | TaskRanks, ...] = (*self.schemes, *self.tasks)
        for other in others:
            _has(other.ranks, count, f"ranks of {other.name}")
        return self


def _has(values: Sized, count: int, name: str) -> None:
    if len(values) != count:
        raise ValueError(f"{name} has {len(values)} entries where {count} are needed")


def _is_empty_or_has(values: Sized, count: int, name: str) -> None:
    if len(values):
        _has(values, count, name)


def _is_empty_or_table(table: Sequence[Sized], rows: int, columns: int, name: str) -> None:
    if not len(table):
        return
    _has(table, rows, name)
    for number, row in enumerate(table):
        _has(row, columns, f"{name}[{number}]")
