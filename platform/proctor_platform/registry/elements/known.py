"""What the elements of a model's page are written from."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from proctor.spec.api import Source
from proctor.spec.card.detected import DetectedMetadata
from proctor.spec.challenge import ChallengeSpec, PhaseSpec
from proctor.spec.hosting import DeploymentView
from proctor.spec.model import ModelCard
from proctor.spec.registry.pages import Basis, Fact
from proctor.spec.task import TaskSpec
from proctor.spec.work import AnyContent, Environment, RuntimeImage
from proctor_platform.registry.places import Place
from proctor_platform.registry.words import cut

_ADDRESS = re.compile(r"https?://[^\s<>\"']+")
_SHORT = 600
_UNITS = ("kB", "MB", "GB", "TB")


@dataclass(frozen=True)
class Reviewed:
    """The newest look of an organizer at the model."""

    outcome: str
    policy_version: str
    reviewer: str
    at: datetime


@dataclass(frozen=True)
class Usage:
    """How often the model was used here."""

    runs: int
    reruns: int
    downloads: int


@dataclass(frozen=True, eq=False)
class Known:
    """A model as the rows have it. ``place`` is none where its scores are not the asker's to see.

    Attributes:
        tasks: those that it was entered for, as they were then.
        content: none of a withdrawn model, and then its card is bare too.
        measured: what a worker found out by looking at it.
        environment: where its first run was made.
        commands: what to type, by what it does.
        hosted: where this platform keeps it running, as far as the asker sees.
    """

    participant: str
    card: ModelCard
    challenge: ChallengeSpec
    phase: PhaseSpec
    tasks: tuple[TaskSpec, ...]
    content: AnyContent | None
    measured: DetectedMetadata | None
    content_digest: str
    runtime: RuntimeImage | None
    source: Source | None
    submitted_at: datetime
    number: int
    environment: Environment | None
    protocols: tuple[str, ...]
    place: Place | None
    usage: Usage
    review: Reviewed | None
    commands: dict[str, str]
    hosted: tuple[DeploymentView, ...]


Says = Callable[[Known], Iterable[Fact]]


def measured(name: str, text: object) -> Fact:
    """Return what was found out by looking at the model's bytes or by running it."""
    return Fact(name=name, text=str(text), basis=Basis.MEASURED)


def recorded(name: str, text: object) -> Fact:
    """Return what the platform knows because it happened here."""
    return Fact(name=name, text=str(text), basis=Basis.RECORDED)


def stated(name: str, *texts: object, link: str = "") -> Iterator[Fact]:
    """Yield what the card says, unless it says nothing; what is an address becomes a link too."""
    text = ", ".join(str(one) for one in texts if one not in (None, "", ()))
    if not text:
        return
    if not link and _ADDRESS.fullmatch(text):
        link = text
    text = cut(text, _SHORT)
    link = link if _ADDRESS.fullmatch(link) else ""
    yield Fact(name=name, text=text, basis=Basis.STATED, link=link)


def size_text(size_bytes: int) -> str:
    """Write a number of bytes for people.

    >>> size_text(999), size_text(1_234_567)
    ('999 bytes', '1.23 MB')
    """
    if size_bytes < 1000:
        return f"{size_bytes} bytes"
    power = min(len(_UNITS), int(math.log10(size_bytes)) // 3)
    return f"{size_bytes / 1000**power:.3g} {_UNITS[power - 1]}"
