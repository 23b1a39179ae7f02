"""The page of one model.

What is measured and what is stated stand beside each other, each under its own name: no statement
of a card can take the place of a measurement.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from proctor.spec.api import Source
from proctor.spec.base import Digest, Slug, Spec, UtcDatetime
from proctor.spec.card.completeness import Dimension, Element
from proctor.spec.card.completeness import Source as ElementSource
from proctor.spec.challenge import SubmissionKind
from proctor.spec.leaderboard import BoardValue, Claim
from proctor.spec.model import ModelCard
from proctor.spec.registry.publication import Publication


class Basis(StrEnum):
    """What stands behind a fact: the model's bytes and runs, its author, or the platform's rows."""

    MEASURED = "measured"
    STATED = "stated"
    RECORDED = "recorded"


class Fact(Spec):
    """One thing that is known of a model."""

    name: str
    text: str
    basis: Basis
    link: str = Field("", description="an http or https address that the text is about")
    differs: bool = Field(
        False,
        description="of a statement: it is another value than the measured one",
        exclude_if=lambda differs: not differs,
    )


class KnownElement(Spec):
    """One of the 26 elements that a model's page should tell of, with what is known of it."""

    element: Element
    dimension: Dimension
    source: ElementSource
    fields: tuple[str, ...] = Field(description="of the card, where it is stated or would be")
    facts: tuple[Fact, ...]

    @property
    def title(self) -> str:
        """Its name, for people."""
        return self.element.value.replace("_", " ").capitalize()


class ModelScore(Spec):
    """A measured score with its interval, and what the author claims."""

    key: str = Field(description="task/metric/label")
    title: str
    task: Slug
    unit: str = ""
    higher_is_better: bool
    definition_id: str
    decides: bool
    measured: BoardValue
    claim: Claim | None


class ModelBoard(Spec):
    """The board that the scores are from: the newest on which the model stands or stood."""

    id: str
    number: int
    newest: bool = Field(description="false where it stands no longer")
    created_at: UtcDatetime
    rank: int | None
    rank_low: int | None = None
    rank_high: int | None = None
    ranked: int = Field(description="rows that have a rank")


class ModelVersion(Spec):
    """One entry of the same model: the same name, by the same participant in a challenge."""

    id: str
    number: int
    version: str = Field(description="as the card states it")
    notes: str = Field(description="what the author says is new")
    phase: Slug
    content_digest: Digest
    submitted_at: UtcDatetime
    publication: Publication
    rank: int | None


class Kinship(StrEnum):
    """How another model is related."""

    FORKED_FROM = "forked from"
    FORK = "fork"


class Relative(Spec):
    """A model that this one was made from, or that was made from it, as its author states."""

    id: str
    title: str
    participant: str
    challenge: Slug
    kinship: Kinship
    shared_files: int = Field(description="files, or layers, that are the same bytes in both")
    files: int = Field(description="of the younger one")


class Tombstone(Spec):
    """What is left of a withdrawn model beside its scores."""

    withdrawn_at: UtcDatetime
    by: str = Field(description="its owner, or an organizer")
    reason: str


class ModelFile(Spec):
    """One file that was entered; of an image its config and its layers, from below."""

    path: str
    size: int
    digest: Digest


class ModelView(Spec):
    """Everything that the asker may know of a model."""

    id: str
    name: Slug
    title: str
    participant: str
    challenge: Slug
    challenge_title: str
    phase: Slug
    kind: SubmissionKind
    baseline: bool
    number: int
    content_digest: Digest
    submitted_at: UtcDatetime
    publication: Publication
    tombstone: Tombstone | None = None
    card: ModelCard | None = Field(description="none of a withdrawn model")
    source: Source | None = None
    elements: tuple[KnownElement, ...]
    completeness_percent: int
    layers: int = Field(0, description="of the measured model; `metadata` has them, to be drawn")
    board: ModelBoard | None
    scores: tuple[ModelScore, ...]
    versions: tuple[ModelVersion, ...] = Field(description="the newest first, this one among them")
    relatives: tuple[Relative, ...]
    commands: dict[str, str] = Field(description="what to type, by what it does")
    downloadable: bool = Field(description="whether the asker may have its archive")
    yours: bool
    organizer: bool
    page: str = Field("", description="its address, where the platform has a dashboard")


class CitationFormat(StrEnum):
    """In what a model can be cited."""

    CFF = "cff"
    DATACITE = "datacite"
    BIBTEX = "bibtex"
