"""The tables of scores: append-only, and those of private cases apart from the others."""

from __future__ import annotations

from sqlalchemy import LargeBinary
from sqlmodel import Field, SQLModel


class ScoreFields(SQLModel):
    """(evaluation, case, metric, label) → number; ``case_id`` is empty for pooled metrics."""

    evaluation_id: str = Field(foreign_key="evaluation.id", primary_key=True)
    case_id: str = Field(primary_key=True)
    metric: str = Field(primary_key=True)
    label: str = Field(primary_key=True)
    value: float | None = None
    n_items: int = 1
    flag: str = ""


class AggregateFields(SQLModel):
    """One column of one evaluation over a set of cases, with its paired bootstrap replicates."""

    evaluation_id: str = Field(foreign_key="evaluation.id", primary_key=True)
    metric: str = Field(primary_key=True)
    label: str = Field(primary_key=True)
    value: float | None = None
    deviation: float | None = None
    n_used: int
    n_total: int
    replicates: bytes = Field(sa_type=LargeBinary, description="little-endian float64")
    low: float | None = Field(default=None, description="of its BCa interval, if it has one")
    high: float | None = None


class StratumFields(SQLModel):
    """One column of one evaluation within one level of a stratum."""

    evaluation_id: str = Field(foreign_key="evaluation.id", primary_key=True)
    metric: str = Field(primary_key=True)
    label: str = Field(primary_key=True)
    stratum: str = Field(primary_key=True)
    level: str = Field(primary_key=True)
    value: float | None = None
    n_used: int


class Score(ScoreFields, table=True):
    """Scores of the cases that count while a phase is open: all of them without a private split."""


class AggregateScore(AggregateFields, table=True):
    """Columns over the cases that count while a phase is open."""

    __tablename__ = "aggregate_score"


class StratumScore(StratumFields, table=True):
    """Columns within levels of the cases that count while a phase is open."""

    __tablename__ = "stratum_score"


class PrivateScore(ScoreFields, table=True):
    """Scores of private cases. They have tables of their own, so that a query that does not name

    them cannot show them.
    """

    __tablename__ = "private_score"


class PrivateAggregateScore(AggregateFields, table=True):
    """Columns over private cases."""

    __tablename__ = "private_aggregate_score"


class PrivateStratumScore(StratumFields, table=True):
    """Columns within levels of the private cases."""

    __tablename__ = "private_stratum_score"
