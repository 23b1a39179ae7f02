"""The tables of hosted models. A question is passing: it goes with its answer, or with its time."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, BigInteger, Index, LargeBinary
from sqlmodel import Field, SQLModel

from proctor_platform.clock import UtcDateTime
from proctor_platform.tables import moment, optional_moment


class Deployment(SQLModel, table=True):
    """A model with an address that stays, whatever version answers there.

    ``ended`` is empty while it is meant to run, else ``idle``, ``stopped`` or ``failed``.
    """

    id: str = Field(primary_key=True)
    user_id: str = Field(foreign_key="user.id", index=True)
    submission_id: str = Field(
        foreign_key="submission.id", index=True, description="the version that answers"
    )
    hosting_id: str = Field(description="of the version that answers, or is to")
    next_id: str | None = Field(default=None, description="hosting of a version to be swapped in")
    ended: str = ""
    detail: str = ""
    asked: int = Field(default=0, sa_type=BigInteger)
    asked_at: datetime | None = optional_moment()
    created_at: datetime = moment()


class Hosting(SQLModel, table=True):
    """One version of a deployment, kept running by one worker at a time."""

    __table_args__ = (Index("hosting_waiting", "state", "lease_until"),)

    id: str = Field(primary_key=True)
    deployment_id: str = Field(foreign_key="deployment.id", index=True)
    submission_id: str = Field(foreign_key="submission.id")
    requested_by: str = Field(foreign_key="user.id")
    state: str
    fence: int = 0
    attempt: int = 0
    worker: str | None = None
    lease_until: datetime | None = optional_moment()
    cancel_requested: bool = False
    outcome: str | None = None
    detail: str = ""
    queued_at: datetime = moment()
    serving_at: datetime | None = optional_moment()
    ended_at: datetime | None = optional_moment()


class Question(SQLModel, table=True):
    """A request to a hosted model, until whoever asked has the answer.

    ``hosting_id`` and ``fence`` say who took it; both are none while it waits.
    """

    id: str = Field(primary_key=True)
    deployment_id: str = Field(foreign_key="deployment.id", index=True)
    hosting_id: str | None = None
    fence: int | None = None
    head: dict[str, str] = Field(sa_type=JSON)
    query: dict[str, str] = Field(sa_type=JSON)
    body: bytes = Field(sa_type=LargeBinary)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    answer_head: dict[str, object] | None = Field(
        default=None, sa_type=JSON(none_as_null=True), nullable=True
    )
    answer: bytes | None = Field(default=None, sa_type=LargeBinary, nullable=True)


class Visit(SQLModel, table=True):
    """A browser's way to one deployment for a while; it opens nothing else.

    Only a hash of its secret is kept. Rights are looked at anew with every question.
    """

    id: str = Field(primary_key=True)
    secret_hash: str
    deployment_id: str = Field(foreign_key="deployment.id")
    user_id: str | None = Field(default=None, foreign_key="user.id")
    expires_at: datetime = Field(sa_type=UtcDateTime)
