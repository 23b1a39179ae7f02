"""What a worker and the platform say to each other about one piece of work.

A worker claims a run or an evaluation by id and gets an order: everything it needs by digest, a
fence, a lease and a token that is good for this order alone. It answers with reports under the
same fence. A run order never names a reference.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from proctor.spec.base import CaseId, Digest, FileRef, Name, Slug, Spec
from proctor.spec.card.detected import DetectedMetadata
from proctor.spec.challenge import SubmissionKind
from proctor.spec.contract import DeclaredContract, said
from proctor.spec.digests import FolderEntry, digest_document, digest_entries
from proctor.spec.gpus import GpuFacts
from proctor.spec.limits import Limits
from proctor.spec.model import Protocol
from proctor.spec.outcomes import Code
from proctor.spec.ranking import BootstrapSpec
from proctor.spec.task import TaskSpec


class Role(StrEnum):
    """What a worker process may do; ``run`` and ``host`` never see a reference."""

    RUN = "run"
    SCORE = "score"
    HOST = "host"


class Queue(StrEnum):
    """The queues; every worker process listens to exactly one."""

    RUN_CPU = "run.cpu"
    RUN_GPU = "run.gpu"
    SCORE = "score"
    HOST = "host"


class Split(StrEnum):
    """Which cases of a task a run answers: the hidden test set, or the public sample."""

    HIDDEN = "hidden"
    SAMPLE = "sample"


class Purpose(StrEnum):
    """Why a run was made.

    ``first``: the submission's own, on the hidden cases. ``tryout``: before it, on the sample.
    ``rerun``: the same once more, to be compared. ``refresh``: on a test set published later.
    """

    FIRST = "first"
    TRYOUT = "tryout"
    RERUN = "rerun"
    REFRESH = "refresh"


RESULTS = (Purpose.FIRST, Purpose.REFRESH)
"""The purposes of runs whose scores may stand on a board."""


class ImageContent(Spec):
    """An image as the blobs it is made of: its config, whose digest is its identity, and layers."""

    kind: Literal[SubmissionKind.IMAGE] = SubmissionKind.IMAGE
    config: FileRef
    layers: tuple[FileRef, ...] = Field(description="uncompressed tars, lowest first")
    weights: tuple[FolderEntry, ...] = Field(
        (),
        max_length=20_000,
        description="a folder of its own, mounted read-only at /model, or where its contract says",
        exclude_if=lambda weights: not weights,
    )
    contract: DeclaredContract | None = Field(
        None,
        description="of another system, which the image keeps; the native one when not given",
        exclude_if=lambda contract: contract is None,
    )

    def digest(self) -> str:
        """Return the image's id; with weights or a contract, the digest of them all."""
        if not self.weights and self.contract is None:
            return self.config.digest
        parts: list[object] = [self.config.digest]
        if self.weights:
            parts.append(digest_entries(self.weights))
        if self.contract is not None:
            parts.append(said(self.contract))
        return digest_document(parts)


class FolderContent(Spec):
    """A model folder as its entries, and the runtime image it asks for."""

    kind: Literal[SubmissionKind.FOLDER] = SubmissionKind.FOLDER
    entries: tuple[FolderEntry, ...] = Field(min_length=1, max_length=20_000)
    runtime: Slug


class PredictionsContent(Spec):
    """Predictions made elsewhere: ``<case id>/<output file>``; with several tasks,

    ``<task>/<case id>/<output file>``. Nothing is executed, so nothing can be run again.
    """

    kind: Literal[SubmissionKind.PREDICTIONS] = SubmissionKind.PREDICTIONS
    entries: tuple[FolderEntry, ...] = Field(min_length=1, max_length=200_000)


AnyContent = FolderContent | ImageContent | PredictionsContent


class RuntimeImage(Spec):
    """An approved runtime image of a challenge version."""

    name: Slug
    image: ImageContent


class OrderCase(Spec):
    """A case of a run order; ``alias`` is what the container sees instead of the id."""

    id: CaseId
    alias: CaseId
    items: int
    files: dict[Name, FileRef]


class WorkerFacts(Spec):
    """What a worker process says of itself; operators see it, and work must fit its GPUs."""

    version: str = Field(max_length=40)
    role: Role
    slots: int = Field(ge=1, description="processes of this role that the worker keeps")
    sandbox: str = Field(max_length=20)
    host: str = Field(max_length=120)
    gpus: tuple[GpuFacts, ...] = Field((), max_length=16, description="held by this process")
    cache_bytes: int = Field(ge=0, description="size limit of its blob cache")
    problems: tuple[str, ...] = Field((), max_length=16, description="for operators of its host")


class Claim(Spec):
    """A worker asks for whatever waits in its queue, that it fits, and whose turn it is."""

    queue: Queue
    worker: str = Field(max_length=64, description="the worker's own name, shown to operators")
    facts: WorkerFacts | None = Field(None, description="kept for operators when given")
    wait_s: float = Field(
        0, ge=0, le=30, description="how long the answer may wait for work to come"
    )


class WorkerWelcome(Spec):
    """What a worker's token is good for, and the platform's version."""

    role: Role
    version: str


class Order(Spec):
    """What every order has: identity, fence, token, lease."""

    id: str
    fence: int
    token: str
    lease_s: float = Field(description="the lease lapses this long after the last heartbeat")


class RunOrder(Order):
    """Run a submission on the cases that still lack a result."""

    kind: Literal["run"] = "run"
    submission: str
    challenge: Slug
    phase: Slug
    content: AnyContent = Field(discriminator="kind")
    runtime: RuntimeImage | None = None
    intake: bool = Field(description="the image was never checked: check it first, and say so")
    task: TaskSpec
    split: Split = Split.HIDDEN
    limits: Limits
    cases: tuple[OrderCase, ...]
    cases_total: int
    seconds_used: float = Field(0.0, description="of total_s, by earlier attempts")
    measure: bool = Field(
        False,
        description="find out what the model is made of, too",
        exclude_if=lambda measure: not measure,
    )


class ScoreCase(Spec):
    """A case to score: canonical predictions, or the outcome that left none, and the reference."""

    id: CaseId
    group: str
    strata: dict[Name, str]
    items: int
    outcome: Code
    predictions: dict[Name, FileRef]
    reference: dict[Name, FileRef]
    private: bool = Field(
        False,
        description="decides only when the phase is over",
        exclude_if=lambda private: not private,
    )


class ScoreOrder(Order):
    """Score one run's canonical predictions."""

    kind: Literal["score"] = "score"
    run: str
    challenge: Slug
    task: TaskSpec
    cases: tuple[ScoreCase, ...]
    inputs_digest: Digest = Field(description="bootstrap draws depend on it")
    bootstrap: BootstrapSpec


class HostOrder(Order):
    """Keep a deployed model running and answer for it; the order names nothing of a test set."""

    kind: Literal["host"] = "host"
    deployment: str
    submission: str
    content: AnyContent = Field(discriminator="kind")
    runtime: RuntimeImage | None = None
    intake: bool = Field(False, description="never: what may be deployed was accepted before")
    limits: Limits
    most_question_bytes: int = Field(gt=0, description="of one request's body")
    most_answer_bytes: int = Field(gt=0, description="of one answer's body")
    most_waiting: int = Field(ge=1, description="questions that may wait for the model")


AnyOrder = RunOrder | ScoreOrder | HostOrder


class Heartbeat(Spec):
    """Sent under the order's token at least every quarter of the lease."""

    fence: int
    stage: str = Field(max_length=40)
    cases_done: int = 0
    cases_total: int = 0


class HeartbeatReply(Spec):
    """What the worker must know: whether to stop."""

    cancel: bool
    lease_s: float


class IntakePassed(Spec):
    """The image kept the rules of intake."""

    fence: int


class CaseReport(Spec):
    """The result of one case, written once per (run, case)."""

    fence: int
    case: CaseId
    outcome: Code
    detail: str = Field("", max_length=2000, description="a sentence for the participant")
    exit_code: int | None = None
    seconds: float | None = None
    peak_memory_bytes: int | None = None
    peak_gpu_memory_bytes: int | None = None
    predictions: dict[Name, FileRef] = Field(default_factory=dict)
    log: FileRef | None = None


class Environment(Spec):
    """Where a run was made: whatever may change a score."""

    worker: str
    sandbox: str
    cpu: str
    cpu_count: int
    cpu_flags: str = Field("", description="digest-free list of the flags that matter to numerics")
    gpu: str = ""
    driver: str = ""
    compute_capability: str = Field(
        "", description="of the GPU", exclude_if=lambda capability: not capability
    )
    kernel: str
    container_engine: str = ""
    container_runtime: str = ""
    libraries: dict[str, str] = Field(
        default_factory=dict,
        description="of the Python that runs models, where that is the worker's own",
        exclude_if=lambda libraries: not libraries,
    )


class RunReport(Spec):
    """The end of a run: all cases have a report, or the outcome says why not."""

    fence: int
    outcome: Code
    detail: str = Field("", max_length=2000)
    seconds: float
    environment: Environment
    protocol: Protocol = Protocol.CASE
    metadata: DetectedMetadata | None = Field(
        None,
        description="what was found out about the model by looking at it, where anything was",
        exclude_if=lambda metadata: metadata is None,
    )


class ScoreRow(Spec):
    """One number: the mean over a case's items, or the pooled value when ``case`` is none."""

    case: CaseId | None
    metric: Name
    label: str
    value: float | None
    n_items: int
    flag: str = ""


class Aggregate(Spec):
    """One column over the whole set; label ``mean`` is the macro mean over labels."""

    metric: Name
    label: str
    value: float | None
    deviation: float | None
    n_used: int
    n_total: int
    replicates: str = Field(description="base64 of little-endian float64 [samples], paired")
    low: float | None = Field(None, description="of a BCa interval; percentiles are drawn later")
    high: float | None = None


class StratumAggregate(Spec):
    """One column within one level of a stratum."""

    metric: Name
    label: str
    stratum: Name
    level: str
    value: float | None
    n_used: int


class MetricFacts(Spec):
    """What the registry says of a metric, kept with every score."""

    definition_id: str
    unit: str
    higher_is_better: bool
    edge_rules: tuple[str, ...]
    aggregate: str = Field(
        "",
        description="how columns come from items, where it is no mean over items",
        exclude_if=lambda words: not words,
    )


class PartScores(Spec):
    """What one evaluation found on one part of the cases."""

    rows: tuple[ScoreRow, ...]
    aggregates: tuple[Aggregate, ...]
    strata: tuple[StratumAggregate, ...]


class ScoreReport(Spec):
    """Everything one evaluation found; private cases apart from those that count at once."""

    fence: int
    rows: tuple[ScoreRow, ...]
    aggregates: tuple[Aggregate, ...]
    strata: tuple[StratumAggregate, ...]
    private: PartScores | None = Field(None, exclude_if=lambda private: private is None)
    metrics: dict[Name, MetricFacts]
    per_item: FileRef | None = Field(None, description=".npz, one array a column")
    code_digest: Digest = Field(description="of the metric package's source")
    code: FileRef | None = Field(None, description="the metric package as a wheel, for archives")
    libraries: dict[str, str]


class Failure(Spec):
    """A failure that is not the participant's: ours (tried again) or the organizer's (final)."""

    fence: int
    code: Code
    detail: str = Field("", max_length=2000)
