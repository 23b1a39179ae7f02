"""Reviews of models by organizers, their withdrawal, and their DOI."""

from __future__ import annotations

from pydantic import Field

from proctor.spec.base import Slug, Spec, UtcDatetime
from proctor.spec.card.sections import Doi
from proctor.spec.review import ReviewOutcome, ReviewPolicy


class ReviewCreate(Spec):
    """An organizer's look at a model: every item of the checklist is answered."""

    outcome: ReviewOutcome
    checklist: dict[Slug, bool] = Field(default_factory=dict, max_length=50)
    note: str = Field("", max_length=2_000, description="for the model's owner")


class CheckedItem(Spec):
    """An item of the checklist and its answer."""

    id: Slug
    text: str = Field(description="as the policy has it now; empty where it has it no longer")
    passed: bool


class ReviewView(Spec):
    """A review that was made; the newest of a model speaks."""

    id: str
    model: str
    policy_version: str
    checklist: tuple[CheckedItem, ...]
    outcome: ReviewOutcome
    note: str = Field(description="empty for whoever neither owns nor organizes")
    reviewer: str
    at: UtcDatetime


class WaitingModel(Spec):
    """A model that waits for a review."""

    id: str
    title: str
    participant: str
    phase: Slug
    license: str
    submitted_at: UtcDatetime
    page: str = Field("", description="address of its page, where the platform has a dashboard")


class ReviewQueue(Spec):
    """What organizers have to look at, and by which policy."""

    policy: ReviewPolicy | None = Field(description="none where models are public at once")
    waiting: tuple[WaitingModel, ...] = Field(description="the oldest first")


class WithdrawalCreate(Spec):
    """Withdraw a model: its page becomes a tombstone, for good; its scores stay."""

    reason: str = Field("", max_length=1_000, description="shown on the tombstone")


class DoiGiven(Spec):
    """The DOI that an organizer registered for a model."""

    doi: Doi
