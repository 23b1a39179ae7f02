"""Datasets: an immutable, content-addressed set of cases."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, Self

from pydantic import Field

from proctor.spec.base import CaseId, Digest, FileRef, Name, Spec
from proctor.spec.digests import digest_document


class DatasetCase(Spec):
    """One case: its files by name, how many items it holds, its group and strata."""

    id: CaseId
    group: str = Field(max_length=64)
    strata: dict[Name, str] = Field(default_factory=dict)
    items: int = Field(1, ge=1)
    files: dict[Name, FileRef]


class Dataset(Spec):
    """The inputs or the reference of one split. A reference carries a secret 32-byte salt."""

    kind: Literal["inputs", "reference"]
    cases: tuple[DatasetCase, ...] = Field(min_length=1)
    salt: str = Field("", pattern=r"^([0-9a-f]{64})?$")

    def digest(self) -> str:
        """Return the digest of the whole set; a reference's tells nothing without its salt."""
        return digest_document(self.model_dump(mode="json"))


class SplitData(Spec):
    """The two halves of one split."""

    inputs: Dataset
    reference: Dataset

    def only(self, kept: Collection[str]) -> Self:
        """Return the split with these cases alone, by their ids."""

        def half(whole: Dataset) -> Dataset:
            cases = tuple(case for case in whole.cases if case.id in kept)
            return whole.model_copy(update={"cases": cases})

        return self.model_copy(
            update={"inputs": half(self.inputs), "reference": half(self.reference)}
        )


class PublicCase(Spec):
    """A case whose inputs everybody may have."""

    id: CaseId
    items: int
    files: dict[Name, FileRef]


class PublicInputs(Spec):
    """The test set of a task without its reference, where the organizer made that public."""

    version: int
    digest: Digest
    cases: tuple[PublicCase, ...]


class TaskDatasets(Spec):
    """Both splits of a task."""

    hidden: SplitData
    sample: SplitData
