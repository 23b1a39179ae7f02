"""What the registry lists, and by what it is filtered."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from proctor.spec.base import Slug, Spec, UtcDatetime
from proctor.spec.challenge import SubmissionKind


class Filter(StrEnum):
    """What models are counted and filtered by.

    ``task``: a challenge's task, what it asks for (``segmentation``, ...), or the card's word.
    ``modality``: what goes in: image, volume, table, text, audio, array, file.
    """

    TASK = "task"
    MODALITY = "modality"
    FRAMEWORK = "framework"
    LICENSE = "license"
    CHALLENGE = "challenge"


class ModelOrder(StrEnum):
    """How a list is ordered; ``score`` needs a challenge."""

    NEWEST = "newest"
    TITLE = "title"
    SCORE = "score"


class ModelSummary(Spec):
    """A model in a list: its newest public version."""

    id: str = Field(description="of the submission, which is the model's id")
    name: Slug
    title: str
    description: str = Field(description="its beginning")
    participant: str
    challenge: Slug
    challenge_title: str
    phase: Slug
    kind: SubmissionKind
    baseline: bool
    version: str
    number: int = Field(description="of the participant's versions of this model, the first is 1")
    versions: int = Field(description="that are public")
    license: str
    tasks: tuple[str, ...]
    modalities: tuple[str, ...]
    frameworks: tuple[str, ...]
    rank: int | None
    score: float | None = Field(description="in the first column that decides ranks")
    score_title: str
    submitted_at: UtcDatetime
    page: str = Field("", description="address of its page, where the platform has a dashboard")


class Facet(Spec):
    """How many of the models found have a value."""

    value: str
    count: int


class ModelList(Spec):
    """A page of models, and how those that were found spread over what they are filtered by."""

    items: tuple[ModelSummary, ...]
    offset: int
    total: int
    facets: dict[Filter, tuple[Facet, ...]]
