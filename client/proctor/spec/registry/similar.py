"""Models that are like another: by what they are, not by how good they are."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from proctor.spec.base import Spec
from proctor.spec.registry.lists import ModelSummary


class Trait(StrEnum):
    """What makes two models similar: two of the three must be the same."""

    ALGORITHM = "algorithm"
    TRAINING_SET = "training set"
    OBJECTIVE = "objective"


class SharedTrait(Spec):
    """A trait that both models have."""

    trait: Trait
    value: str


class Similar(Spec):
    """A similar model, and why it is one."""

    model: ModelSummary
    same: tuple[SharedTrait, ...]
    shared_files: int = Field(description="files, or layers, that are the same bytes in both")
