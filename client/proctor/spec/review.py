"""What organizers look at before a model is public: the policy that a challenge declares."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from proctor.spec.base import Slug, Spec, refuse_twice


class ReviewOutcome(StrEnum):
    """What a reviewer came to."""

    APPROVED = "approved"
    DECLINED = "declined"


class ChecklistItem(Spec):
    """One question that a reviewer answers by yes or no."""

    id: Slug
    text: str = Field(min_length=1, max_length=400)


class ReviewPolicy(Spec):
    """Models are public after an organizer approved them; their scores are on boards before.

    A model that was approved under an earlier version of the policy stays public.
    """

    version: str = Field(min_length=1, max_length=32)
    text: str = Field("", max_length=20_000, description="Markdown; HTML is shown as text")
    checklist: tuple[ChecklistItem, ...] = Field((), max_length=50)

    @model_validator(mode="after")
    def _items_differ(self) -> Self:
        refuse_twice("review.checklist item", (item.id for item in self.checklist))
        return self
