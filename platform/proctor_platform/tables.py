"""Every table but those of scores. Results are append-only; states change by conditional updates.

JSON columns hold documents of ``proctor.spec`` as they were accepted; they are never queried into.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from proctor_platform.clock import UtcDateTime, now

_SERIAL = BigInteger().with_variant(Integer(), "sqlite")


def moment(**options: Any) -> Any:
    """Make a column that the database's clock fills when a row is made."""
    return Field(default=None, sa_type=UtcDateTime, sa_column_kwargs={"default": now()}, **options)


def optional_moment(**options: Any) -> Any:
    """Make a column for a moment that has not come."""
    return Field(default=None, sa_type=UtcDateTime, nullable=True, **options)


class User(SQLModel, table=True):
    """A person."""

    id: str = Field(primary_key=True)
    name: str = Field(unique=True, index=True)
    admin: bool = False
    created_at: datetime = moment()


class Token(SQLModel, table=True):
    """A token's hash, and what it may do: speak for a user, be a worker, or serve one order."""

    id: str = Field(primary_key=True)
    secret_hash: str
    user_id: str | None = Field(default=None, foreign_key="user.id", index=True)
    worker_role: str | None = None
    work_id: str | None = Field(default=None, index=True)
    fence: int | None = None
    note: str = ""
    created_at: datetime = moment()
    revoked_at: datetime | None = optional_moment()


class Challenge(SQLModel, table=True):
    """A challenge's identity; what it says is in its versions."""

    id: str = Field(primary_key=True)
    slug: str = Field(unique=True, index=True)
    visibility: str
    newest_version: int
    created_at: datetime = moment()


class Membership(SQLModel, table=True):
    """A user's part in a challenge: invited, joined under a version of the terms, organizer."""

    challenge_id: str = Field(foreign_key="challenge.id", primary_key=True)
    user_id: str = Field(foreign_key="user.id", primary_key=True, index=True)
    organizer: bool = False
    terms_version: str | None = Field(default=None, description="none until joined")
    joined_at: datetime | None = optional_moment()


class ChallengeVersion(SQLModel, table=True):
    """What was published; never changed."""

    __tablename__ = "challenge_version"

    challenge_id: str = Field(foreign_key="challenge.id", primary_key=True)
    number: int = Field(primary_key=True)
    spec: dict[str, Any] = Field(sa_type=JSON)
    data: dict[str, Any] = Field(
        sa_type=JSON, description="task → split → {inputs, reference}: dataset digests"
    )
    runtimes: list[dict[str, Any]] = Field(sa_type=JSON)
    digest: str = Field(description="of the whole request, to see whether anything changed")
    published_by: str = Field(foreign_key="user.id")
    published_at: datetime = moment()


class DatasetRow(SQLModel, table=True):
    """A dataset document by its digest."""

    __tablename__ = "dataset"

    digest: str = Field(primary_key=True)
    kind: str
    document: dict[str, Any] = Field(sa_type=JSON)
    cases: int
    items: int


class Blob(SQLModel, table=True):
    """Bytes in the store. Knowing the digest grants nothing; see the grants."""

    digest: str = Field(primary_key=True)
    size: int = Field(sa_type=BigInteger)
    created_at: datetime = moment()


class BlobGrant(SQLModel, table=True):
    """Who may name and read a blob.

    ``audience`` is ``user:<id>`` (uploaded it), ``challenge:<id>`` (whoever sees the challenge:
    its sample and runtime images), ``organizers:<id>`` (hidden data) or ``submission:<id>``
    (its organizers: what was entered and what its runs wrote; its owner reads logs by their
    route, which knows the phase's rules).
    """

    __tablename__ = "blob_grant"

    digest: str = Field(foreign_key="blob.digest", primary_key=True)
    audience: str = Field(primary_key=True, index=True)


class Submission(SQLModel, table=True):
    """What a participant entered in a phase."""

    __table_args__ = (
        UniqueConstraint("user_id", "idempotency_key"),
        Index("submission_quota", "challenge_id", "phase", "user_id", "submitted_at"),
    )

    id: str = Field(primary_key=True)
    challenge_id: str = Field(foreign_key="challenge.id")
    version: int
    phase: str
    user_id: str = Field(foreign_key="user.id", index=True)
    kind: str
    content: dict[str, Any] = Field(sa_type=JSON)
    content_digest: str = Field(index=True)
    card: dict[str, Any] = Field(sa_type=JSON)
    message: str = ""
    baseline: bool = False
    check_only: bool = Field(default=False, description="stops after the try-out")
    contract: str = Field(default="native", description="that the image keeps")
    source: dict[str, Any] | None = Field(default=None, sa_type=JSON, nullable=True)
    state: str
    outcome: str | None = None
    detail: str = ""
    charged: bool = Field(default=True, description="counts against the quota")
    idempotency_key: str | None = None
    submitted_at: datetime = moment()


class Run(SQLModel, table=True):
    """One execution of a submission on a task, or a re-run of one."""

    __table_args__ = (
        Index("run_waiting", "state", "queue", "lease_until"),
        Index("run_turn", "state", "queue", "requested_by", "queued_at", "id"),
    )

    id: str = Field(primary_key=True)
    submission_id: str = Field(foreign_key="submission.id", index=True)
    task: str
    purpose: str = "first"
    split: str = "hidden"
    version: int = Field(description="challenge version whose cases it answers")
    protocol: str | None = None
    compared_with: str | None = Field(default=None, foreign_key="run.id")
    content: dict[str, Any] | None = Field(
        default=None, sa_type=JSON, nullable=True, description="instead of the submission's"
    )
    requested_by: str = Field(foreign_key="user.id")
    alias_seed: str = Field(description="case ids inside containers derive from it")
    shard: int = 0
    queue: str
    state: str
    fence: int = 0
    attempt: int = 0
    worker: str | None = None
    lease_until: datetime | None = optional_moment()
    cancel_requested: bool = False
    stage: str = ""
    cases_done: int = 0
    cases_total: int
    outcome: str | None = None
    detail: str = ""
    seconds: float | None = None
    environment: dict[str, Any] | None = Field(default=None, sa_type=JSON, nullable=True)
    predictions_digest: str | None = None
    verdict: str | None = None
    verdict_detail: str = ""
    queued_at: datetime = moment()
    started_at: datetime | None = optional_moment()
    ended_at: datetime | None = optional_moment()


class CaseResult(SQLModel, table=True):
    """The result of one case of a run; written once."""

    __tablename__ = "case_result"

    run_id: str = Field(foreign_key="run.id", primary_key=True)
    case_id: str = Field(primary_key=True)
    outcome: str
    detail: str = ""
    exit_code: int | None = None
    seconds: float | None = None
    peak_memory_bytes: int | None = Field(default=None, sa_type=BigInteger)
    peak_gpu_memory_bytes: int | None = Field(default=None, sa_type=BigInteger)
    predictions: dict[str, Any] = Field(sa_type=JSON)
    log: dict[str, Any] | None = Field(default=None, sa_type=JSON, nullable=True)


class Evaluation(SQLModel, table=True):
    """One scoring of a run's predictions by one version of metrics and reference."""

    __table_args__ = (Index("evaluation_waiting", "state", "lease_until"),)

    id: str = Field(primary_key=True)
    run_id: str = Field(foreign_key="run.id", index=True)
    version: int = Field(description="challenge version whose metrics and reference it uses")
    state: str
    fence: int = 0
    attempt: int = 0
    worker: str | None = None
    lease_until: datetime | None = optional_moment()
    cancel_requested: bool = False
    outcome: str | None = None
    detail: str = ""
    inputs_digest: str
    reference_digest: str
    metrics: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    code_digest: str = ""
    code: dict[str, Any] | None = Field(
        default=None, sa_type=JSON, nullable=True, description="the metric package as a wheel"
    )
    libraries: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    per_item: dict[str, Any] | None = Field(default=None, sa_type=JSON, nullable=True)
    queued_at: datetime = moment()
    ended_at: datetime | None = optional_moment()


class PrivateCase(SQLModel, table=True):
    """A case that decides in a phase of a version only when it is over; written at publishing."""

    __tablename__ = "private_case"

    challenge_id: str = Field(foreign_key="challenge.id", primary_key=True)
    version: int = Field(primary_key=True)
    phase: str = Field(primary_key=True)
    task: str = Field(primary_key=True)
    case_id: str = Field(primary_key=True)


class Worker(SQLModel, table=True):
    """A worker process as it last said of itself; it is told to people, and decides nothing."""

    name: str = Field(primary_key=True)
    token_id: str = Field(foreign_key="token.id", index=True)
    queue: str
    facts: dict[str, Any] = Field(sa_type=JSON)
    work_id: str | None = None
    first_seen_at: datetime = moment()
    seen_at: datetime = moment()


class Turn(SQLModel, table=True):
    """When a queue last served a participant; whoever waits longest for a turn is next."""

    user_id: str = Field(foreign_key="user.id", primary_key=True)
    queue: str = Field(primary_key=True)
    served_at: datetime = moment()


class LeaderboardSnapshot(SQLModel, table=True):
    """The head of an immutable, numbered leaderboard."""

    __tablename__ = "leaderboard"
    __table_args__ = (UniqueConstraint("challenge_id", "phase", "number"),)

    id: str = Field(primary_key=True)
    challenge_id: str = Field(foreign_key="challenge.id", index=True)
    version: int
    phase: str
    number: int
    head: dict[str, Any] = Field(sa_type=JSON, description="a Leaderboard without rows")
    total_rows: int
    created_at: datetime = moment()


class LeaderboardRow(SQLModel, table=True):
    """One row of a snapshot, as the JSON that is sent."""

    __tablename__ = "leaderboard_row"

    leaderboard_id: str = Field(foreign_key="leaderboard.id", primary_key=True)
    position: int = Field(primary_key=True)
    submission_id: str = Field(foreign_key="submission.id", index=True)
    rank: int | None = None
    body: str = Field(sa_type=Text)


class PrivateBoard(SQLModel, table=True):
    """The head of what a snapshot becomes on the private cases."""

    __tablename__ = "private_leaderboard"

    leaderboard_id: str = Field(foreign_key="leaderboard.id", primary_key=True)
    head: dict[str, Any] = Field(sa_type=JSON)


class PrivateBoardRow(SQLModel, table=True):
    """One row of a snapshot on the private cases, as the JSON that is sent."""

    __tablename__ = "private_leaderboard_row"

    leaderboard_id: str = Field(foreign_key="leaderboard.id", primary_key=True)
    position: int = Field(primary_key=True)
    submission_id: str = Field(foreign_key="submission.id", index=True)
    rank: int | None = None
    body: str = Field(sa_type=Text)


class ModelReview(SQLModel, table=True):
    """One look of an organizer at a model; the newest speaks."""

    __tablename__ = "model_review"

    id: str = Field(primary_key=True)
    submission_id: str = Field(foreign_key="submission.id", index=True)
    policy_version: str
    checklist: dict[str, Any] = Field(sa_type=JSON, description="item → yes or no")
    outcome: str
    note: str = ""
    reviewer_id: str = Field(foreign_key="user.id")
    at: datetime = moment()


class ModelWithdrawal(SQLModel, table=True):
    """A model that is not shown any more; its scores stay."""

    __tablename__ = "model_withdrawal"

    submission_id: str = Field(foreign_key="submission.id", primary_key=True)
    user_id: str = Field(foreign_key="user.id")
    reason: str = ""
    at: datetime = moment()


class ModelMeasurement(SQLModel, table=True):
    """What a worker found out about a model by looking at it, in its first run; written once."""

    __tablename__ = "model_measurement"

    submission_id: str = Field(foreign_key="submission.id", primary_key=True)
    run_id: str = Field(foreign_key="run.id")
    document: dict[str, Any] = Field(sa_type=JSON)
    summary: dict[str, Any] = Field(sa_type=JSON, description="what lists need of the document")
    at: datetime = moment()


class ModelRecord(SQLModel, table=True):
    """What the registry keeps of a model that may change: its DOI, and how often it was taken."""

    __tablename__ = "model_record"

    submission_id: str = Field(foreign_key="submission.id", primary_key=True)
    doi: str = ""
    downloads: int = 0


class Outbox(SQLModel, table=True):
    """What must still be told: a bell for a worker, or a leaderboard to be made anew."""

    id: int | None = Field(default=None, sa_column=Column(_SERIAL, primary_key=True))
    topic: str
    subject: str = Field(index=True)
    queue: str = ""
    created_at: datetime = moment()
    sent_at: datetime | None = optional_moment(index=True)


class EventRow(SQLModel, table=True):
    """The append-only history; written in the transaction of what it tells, sealed after it."""

    __tablename__ = "event"
    __table_args__ = (Index("event_position", "position", unique=True),)

    id: int | None = Field(default=None, sa_column=Column(_SERIAL, primary_key=True))
    at: datetime = moment()
    subject: str = Field(index=True)
    name: str
    actor: str
    facts: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    position: int | None = Field(
        default=None, sa_type=BigInteger, description="in the chain; none until it is sealed"
    )
    digest: str | None = Field(default=None, description="of the event and the digest before it")
