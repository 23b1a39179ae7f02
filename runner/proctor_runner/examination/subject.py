"""What is examined."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from proctor.spec.card.examination import Check
from proctor.spec.contract import ForeignContract
from proctor.spec.model import ModelCard


@dataclass(frozen=True)
class Subject:
    """What is tested.

    Attributes:
        name: As a person named it.
        model: A folder, an archive, or the name of an image.
        card: Of the folder, or given for an image; None where an image has none.
        files: Paths in a folder; None of an image.
        left: Fields of the card that still hold the words of `proctor model init`.
        before: Checks that were made before, such as of its build.
    """

    name: str
    model: Path | str
    card: ModelCard | None
    files: Collection[str] | None
    left: Collection[str] = ()
    before: Sequence[Check] = field(default=())
    weights: Path | None = None
    contract: ForeignContract | None = None
