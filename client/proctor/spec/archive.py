"""An archive: one submission with all that its scores stand on, as a zip.

``proctor-archive.json`` names every other member by path, size and digest; what belongs together
is named there by digest alone. A newer format has a higher number, and says which Proctor reads it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from proctor.spec.api import Source
from proctor.spec.base import CaseId, Digest, FileRef, Name, Slug, Spec, UtcDatetime
from proctor.spec.challenge import ChallengeSpec, SubmissionKind
from proctor.spec.dataset import SplitData
from proctor.spec.leaderboard import BoardColumn, BoardRow
from proctor.spec.model import ModelCard, Protocol
from proctor.spec.outcomes import Code
from proctor.spec.work import AnyContent, Environment, RuntimeImage

FORMAT = 1
MANIFEST = "proctor-archive.json"


class ArchiveKind(StrEnum):
    """What an archive holds of the hidden data: digests alone, or everything."""

    PUBLIC = "public"
    SEALED = "sealed"


class ArchivedFile(Spec):
    """A member of the zip."""

    path: str = Field(min_length=1, max_length=200)
    file: FileRef


class ArchivedCase(Spec):
    """How a case ended; ``predictions`` only where the inputs are in the archive too."""

    id: CaseId
    outcome: Code
    detail: str = ""
    seconds: float | None = None
    scores: dict[str, float | None] = Field(default_factory=dict, description="key metric/label")
    predictions: dict[Name, FileRef] = Field(default_factory=dict)


class ArchivedScore(Spec):
    """One column over the whole set, with its interval."""

    metric: Name
    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    deviation: float | None = None
    n_used: int
    n_total: int


class ArchivedEvaluation(Spec):
    """The scoring that speaks for a run: its numbers, and the code that made them."""

    id: str
    challenge_version: int
    definitions: dict[Name, str]
    code_digest: Digest = Field(description="of the metric package's source")
    wheel: FileRef | None = Field(description="that package; none where it was not kept yet")
    libraries: dict[str, str]
    scores: tuple[ArchivedScore, ...] = Field((), description="empty while they are hidden")
    private_scores: tuple[ArchivedScore, ...] = Field(
        (),
        description="of the private cases, which are no part of the others",
        exclude_if=lambda scores: not scores,
    )
    private_cases: tuple[CaseId, ...] = Field((), exclude_if=lambda cases: not cases)
    per_item: FileRef | None = None


class ArchivedRun(Spec):
    """One execution on one split."""

    id: str
    challenge_version: int
    alias_seed: str = Field(description="case ids inside containers derive from it")
    protocol: Protocol | None
    environment: Environment | None
    seconds: float | None
    predictions_digest: Digest | None = Field(description="of all canonical predictions")
    cases: tuple[ArchivedCase, ...]
    evaluation: ArchivedEvaluation | None = None


class ArchivedTask(Spec):
    """A task: the data that is here, the digests of what is not, and the runs."""

    slug: Slug
    inputs_digest: Digest = Field(description="of the hidden inputs")
    reference_digest: Digest = Field(description="of the hidden reference, salted")
    sample: SplitData
    hidden: SplitData | None = Field(None, description="in a sealed archive")
    run: ArchivedRun
    tryout: ArchivedRun | None = Field(None, description="on the sample")


class ArchivedBoard(Spec):
    """Where the submission stood on the newest board, as everybody saw it."""

    id: str
    number: int
    created_at: UtcDatetime
    ranking_sentence: str
    columns: tuple[BoardColumn, ...]
    row: BoardRow


class ArchivedSubmission(Spec):
    """What was entered, by whom and where."""

    id: str
    participant: str
    phase: Slug
    kind: SubmissionKind
    baseline: bool
    card: ModelCard
    content: Annotated[AnyContent, Field(discriminator="kind")]
    content_digest: Digest
    source: Source | None = None
    submitted_at: UtcDatetime


class ArchiveManifest(Spec):
    """``proctor-archive.json``."""

    format: int = Field(FORMAT, ge=1)
    kind: ArchiveKind
    made_by: str = Field(description="Proctor's version")
    requires: str = Field(description="the oldest Proctor that reads this format")
    rerunnable: bool = Field(description="false where predictions were entered, not a model")
    challenge: ChallengeSpec = Field(description="without data paths and members")
    challenge_version: int
    submission: ArchivedSubmission
    runtime: RuntimeImage | None = Field(None, description="the image a model folder ran on")
    tasks: tuple[ArchivedTask, ...]
    board: ArchivedBoard | None = None
    files: tuple[ArchivedFile, ...] = Field(description="every other member")
