"""What differs between two models, such as two versions of one."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from proctor.spec.base import FileRef, Slug, Spec
from proctor.spec.leaderboard import BoardValue


class ModelRef(Spec):
    """A model, named."""

    id: str
    title: str
    participant: str
    challenge: Slug
    number: int
    version: str


class Change(Spec):
    """A value that is another one; none where there is none."""

    path: str = Field(description="such as training.data[0].n")
    before: str | None
    after: str | None


class FileChangeKind(StrEnum):
    """What became of a file."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class FileChange(Spec):
    """A file, or a layer of an image, that is not the same in both."""

    path: str
    kind: FileChangeKind
    before: FileRef | None
    after: FileRef | None


class ScoreChange(Spec):
    """A score that both have by one definition, in one challenge and phase."""

    key: str
    title: str
    higher_is_better: bool
    before: BoardValue
    after: BoardValue
    gain: float | None = Field(description="after minus before; positive is better")


class ModelDifferences(Spec):
    """From one model to another: the card, the parameters, the files, the scores."""

    before: ModelRef
    after: ModelRef
    same_content: bool
    card: tuple[Change, ...] = Field(description="what authors state")
    parameters: tuple[Change, ...] = Field(description="of the method, stated or measured")
    files: tuple[FileChange, ...] | None = Field(
        description="none where the asker may not have the files of both"
    )
    same_files: int = Field(description="files that are the same bytes at the same path")
    scores: tuple[ScoreChange, ...]
