"""Wire types between people's clients and the platform."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import Field

from proctor.spec.base import CaseId, Digest, FileRef, Name, Slug, Spec, UtcDatetime
from proctor.spec.challenge import ChallengeSpec, SubmissionKind
from proctor.spec.contract import Contract
from proctor.spec.dataset import TaskDatasets
from proctor.spec.leaderboard import Verdict
from proctor.spec.model import ModelCard, Protocol
from proctor.spec.outcomes import Code, Owner
from proctor.spec.states import EvaluationState, RunState, SubmissionState
from proctor.spec.work import (
    AnyContent,
    Environment,
    Purpose,
    Queue,
    Role,
    RuntimeImage,
    Split,
    WorkerFacts,
)

T = TypeVar("T")
UserName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{1,38}$")]
Content = Annotated[AnyContent, Field(discriminator="kind")]


class Problem(Spec):
    """An error as RFC 9457 problem+json."""

    type: str
    title: str
    status: int
    code: Code
    detail: str = ""
    hint: str = ""
    errors: tuple[dict[str, Any], ...] = ()


class Health(Spec):
    """What ``/healthz`` answers: the platform and each thing it stands on."""

    status: Literal["ok", "degraded"]
    version: str
    database: bool
    queue: bool
    storage: bool


class Me(Spec):
    """Who a token speaks for."""

    id: str
    name: UserName
    admin: bool
    organizes: tuple[Slug, ...] = ()
    joined: tuple[Slug, ...] = ()


class UserCreate(Spec):
    """An admin invites a user."""

    name: UserName
    admin: bool = False


class TokenCreate(Spec):
    """A new token: for oneself, or by an admin for a user or for a worker of one role."""

    user: UserName | None = None
    worker_role: Role | None = None
    note: str = Field("", max_length=120)


class TokenCreated(Spec):
    """A token; ``secret`` is shown this once."""

    id: str
    secret: str


class PublishRequest(Spec):
    """A whole challenge version; its blobs are uploaded before."""

    challenge: ChallengeSpec
    data: dict[Slug, TaskDatasets]
    runtimes: tuple[RuntimeImage, ...] = ()


class ChallengeSummary(Spec):
    """A challenge in a list."""

    slug: Slug
    title: str
    summary: str
    version: int
    phases: tuple[Slug, ...]
    open_phases: tuple[Slug, ...]
    submissions: int


class TaskFacts(Spec):
    """What readers may know of a task's hidden data."""

    hidden_cases: int
    hidden_items: int
    sample_cases: int
    inputs_digest: Digest
    reference_digest: Digest = Field(description="salted")


class ChallengeView(Spec):
    """A challenge as its readers see it; data paths and members are left out of ``challenge``."""

    challenge: ChallengeSpec
    version: int
    published_at: UtcDatetime
    organizers: tuple[str, ...]
    tasks: dict[Slug, TaskFacts]
    runtimes: dict[Slug, Digest]
    joined: bool
    organizer: bool
    terms_accepted: bool = Field(False, description="by the asker, as they are in this version")
    page: str = Field("", description="address of its page, where the platform has a dashboard")
    reevaluations: int = Field(0, description="in the answer to publishing: scorings it queued")
    outdated: int = Field(
        0,
        description="in the answer to publishing: submissions that must be entered again, since"
        " what a model is asked has changed",
    )


class ReevaluationRequest(Spec):
    """Score archived predictions anew by the newest version: of one phase, or of all."""

    phase: Slug | None = None


class Reevaluations(Spec):
    """Archived predictions that are scored anew by the newest version of a challenge."""

    version: int
    evaluations: int = Field(0, description="queued by this request")
    outdated: int = Field(description="submissions that must be entered again to be compared")
    waiting: int = Field(description="scorings that the board waits for")
    failed: int = Field(description="scorings that failed; the board before stays")
    failure: str = Field("", description="what the first of them says")
    held: str = Field("", description="why the board is not the newest, and what to do, if so")


class RefreshRequest(Spec):
    """Run what is archived on the newest version's test set: of one phase, or of all."""

    phase: Slug | None = None
    best: bool = Field(False, description="only what stands on the newest board")


class Refreshes(Spec):
    """Archived submissions that are run on a test set published after they were entered."""

    version: int
    runs: int = Field(0, description="queued by this request")
    outdated: int = Field(description="submissions that a task of now asks something else")
    predictions: int = Field(description="submissions of predictions, which nothing can run again")
    waiting: int = Field(description="runs and scorings that the board waits for")
    failed: int = Field(description="runs and scorings that failed for no fault of the model")
    failure: str = Field("", description="what the first of them says")


class JoinRequest(Spec):
    """Accept the terms of a version."""

    terms_version: str = ""


class MemberCreate(Spec):
    """An organizer lets a user in, or makes one an organizer."""

    user: UserName
    organizer: bool = False


class QuotaLeft(Spec):
    """What a participant has left of a phase's quota; none is no limit."""

    per_day: int | None
    used_today: int = Field(description="in the last 24 hours")
    total: int | None
    used: int
    left: int | None = Field(description="submissions that are possible now")
    next_at: UtcDatetime | None = Field(description="when the next is possible, if none is now")


class SourceKind(StrEnum):
    """Where a content was taken from before it was sent by digest."""

    REGISTRY = "registry"
    GIT = "git"


class Source(Spec):
    """Where a participant says the content comes from; anybody who can reach it may compare."""

    kind: SourceKind
    url: str = Field(max_length=500, description="without credentials")
    revision: str = Field(max_length=80, description="manifest digest, or commit")
    folder: str = Field("", max_length=400, description="inside a repository")


class SubmissionCreate(Spec):
    """Enter a phase; the content's blobs are uploaded before."""

    challenge: Slug
    phase: Slug
    content: Content
    card: ModelCard
    message: str = Field("", max_length=400)
    baseline: bool = Field(False, description="organizers only: shown as a baseline, no quota")
    check_only: bool = Field(False, description="stop after the try-out; costs no quota")
    source: Source | None = None


class RunView(Spec):
    """One execution, as its submission's readers may see it."""

    id: str
    task: Slug
    purpose: Purpose
    split: Split = Split.HIDDEN
    protocol: Protocol | None = None
    state: RunState
    stage: str
    outcome: Code | None
    owner: Owner | None = None
    detail: str = ""
    cases_done: int
    cases_failed: int
    cases_total: int
    attempt: int
    seconds: float | None
    environment: Environment | None
    predictions_digest: Digest | None = None
    verdict: Verdict | None = None
    verdict_detail: str = ""
    waiting: str = Field("", description="why it still waits, for its owner and organizers")
    queued_at: UtcDatetime
    started_at: UtcDatetime | None
    ended_at: UtcDatetime | None
    evaluation: EvaluationView | None = None

    @property
    def overhead_s(self) -> float | None:
        """Seconds that a run took beside its model: containers, files, decoding.

        None while it runs, and where an earlier attempt had a part in the model's seconds.
        """
        if self.started_at is None or self.ended_at is None or self.attempt != 1:
            return None
        whole_s = (self.ended_at - self.started_at).total_seconds()
        return None if self.seconds is None else max(0.0, whole_s - self.seconds)


class EvaluationView(Spec):
    """One scoring, as its submission's readers may see it."""

    id: str
    state: EvaluationState
    outcome: Code | None
    detail: str = ""
    scores: dict[str, float | None] = Field(description="key task/metric/label")
    definitions: dict[Name, str] = Field(default_factory=dict)
    per_item: FileRef | None = Field(
        None,
        description="scores item by item, .npz; shown to organizers only",
        exclude_if=lambda file: file is None,
    )


class SubmissionView(Spec):
    """A submission as its owner, an organizer or a reader sees it."""

    id: str
    challenge: Slug
    challenge_version: int
    phase: Slug
    participant: str
    kind: SubmissionKind
    contract: Contract = Contract.NATIVE
    card: ModelCard
    message: str
    baseline: bool
    check_only: bool = False
    source: Source | None = None
    content_digest: Digest
    state: SubmissionState
    progress: str = Field(
        description="one word for people: checking, queued, running, scoring, ranking, scored, …"
    )
    final: bool
    outcome: Code | None
    detail: str = ""
    hint: str = ""
    rank: int | None = None
    leaderboard: str | None = None
    standing: str = Field("", description="a sentence: its place, or why it has none")
    runs: tuple[RunView, ...]
    submitted_at: UtcDatetime
    yours: bool
    page: str = Field("", description="address of its page, where the platform has a dashboard")


class CaseView(Spec):
    """One case of a run in the per-case table."""

    run: str
    task: Slug
    case: CaseId
    outcome: Code
    detail: str = ""
    seconds: float | None
    peak_memory_bytes: int | None
    peak_gpu_memory_bytes: int | None = None
    scores: dict[str, float | None] = Field(default_factory=dict, description="key metric/label")
    predictions: dict[Name, FileRef] = Field(
        default_factory=dict, description="canonical predictions; shown to organizers only"
    )
    log: bool = False


class CaseFiles(Spec):
    """A case of a run to look at: its files by the names that the task gives them."""

    run: str
    case: str
    task: Slug
    version: int = Field(description="of the challenge, whose inputs and reference these are")
    inputs: dict[Name, FileRef]
    reference: dict[Name, FileRef]
    predictions: dict[Name, FileRef] = Field(description="canonical arrays; none for a lost case")


class Event(Spec):
    """One line of the append-only history of a submission."""

    at: UtcDatetime
    subject: str
    name: str
    actor: str
    facts: dict[str, Any] = Field(default_factory=dict)


class WorkerState(StrEnum):
    """What a worker process does, as far as the platform knows."""

    IDLE = "idle"
    BUSY = "busy"
    SILENT = "silent"


class WorkerView(Spec):
    """A worker process, as admins see it."""

    name: str
    queue: Queue
    state: WorkerState
    work: str | None = Field(None, description="the run or evaluation that it is busy with")
    facts: WorkerFacts
    token: str = Field(description="id of the token it came with, to revoke it by")
    first_seen_at: UtcDatetime
    seen_at: UtcDatetime


class RerunRequest(Spec):
    """Infer anew; with ``content`` the archived predictions are compared with another model's."""

    content: Content | None = None


class Page(Spec, Generic[T]):
    """One page of a list."""

    items: tuple[T, ...]
    offset: int
    total: int


RunView.model_rebuild()
