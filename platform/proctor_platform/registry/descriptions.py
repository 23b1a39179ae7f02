"""What a model is found and filtered by: words of its card, what was measured, what it was asked.

A submission's card and task never change, so they are read once for every process and kept.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, select

from proctor.spec.challenge import ChallengeSpec
from proctor.spec.registry.lists import Filter
from proctor.spec.registry.publication import is_licensed
from proctor.spec.registry.similar import Trait
from proctor.spec.task import InputType, ReferenceType, TaskSpec
from proctor_platform.registry.measurements import Measured, once, summaries_of
from proctor_platform.registry.versions import Owned
from proctor_platform.tables import Challenge, ChallengeVersion, Submission, User
from proctor_platform.versions import spec_of

_KEPT = 50_000
_PORTION = 500
_WORDS_OF_DESCRIPTION = 4_000
_WORD = re.compile(r"\w+")

_ASKS_FOR = {
    ReferenceType.LABELS: "classification",
    ReferenceType.MULTILABEL: "classification",
    ReferenceType.VALUES: "regression",
    ReferenceType.SURVIVAL: "survival",
    ReferenceType.MASK_IMAGE: "segmentation",
    ReferenceType.INSTANCES: "instance segmentation",
    ReferenceType.BOXES: "detection",
    ReferenceType.TEXT: "text",
    ReferenceType.IMAGE: "image to image",
}


@dataclass(frozen=True, slots=True)
class Described:
    """A submission as lists know it."""

    id: str
    challenge_id: str
    user_id: str
    name: str
    title: str
    words: str
    values: dict[Filter, tuple[str, ...]]
    tasks: frozenset[str]
    forked_from: str
    traits: dict[Trait, dict[str, str]]
    """By a trait's words in small letters, as the card writes them."""
    licensed: bool
    """Whether it may be public by what its card says of its license."""

    @property
    def model(self) -> Owned:
        """What all versions of a model share."""
        return Owned(self.challenge_id, self.user_id, self.name)

    def has(self, which: Filter, value: str) -> bool:
        """Tell whether it has a value, in any case; a task may be named by its slug too."""
        wanted = value.casefold()
        if which is Filter.TASK and wanted in self.tasks:
            return True
        return any(wanted == one.casefold() for one in self.values[which])


class Descriptions:
    """The submissions that were described last. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Described] = OrderedDict()

    def of(self, session: Session, submissions: Sequence[str]) -> list[Described]:
        """Return what is known of each, in the same order."""
        with self._lock:
            known = {one: self._known[one] for one in submissions if one in self._known}
        unknown = [one for one in submissions if one not in known]
        for start in range(0, len(unknown), _PORTION):
            found = {one.id: one for one in _read(session, unknown[start : start + _PORTION])}
            known |= found
            with self._lock:
                self._known |= found
                while len(self._known) > _KEPT:
                    self._known.popitem(last=False)
        return [known[one] for one in submissions]


def tasks_of(spec: ChallengeSpec, phase: str) -> list[TaskSpec]:
    """Return the tasks of a phase of a version."""
    return [spec.task(slug) for slug in spec.phase(phase).tasks]


def asked_for(tasks: Iterable[TaskSpec]) -> tuple[str, ...]:
    """Say what tasks ask for: classification, segmentation, ..."""
    return once(_ASKS_FOR[one.type] for task in tasks for one in task.reference.values())


def modalities(tasks: Iterable[TaskSpec]) -> tuple[str, ...]:
    """Say what goes into a model: volume, table, ...; of a plain file nobody knows."""
    inputs = [one.type for task in tasks for one in task.inputs.values()]
    return once(one.value for one in inputs if one is not InputType.FILE)


def _read(session: Session, submissions: Sequence[str]) -> Iterator[Described]:
    rows = session.execute(
        select(  # type: ignore[call-overload]  # its overloads end at four columns
            Submission.id,
            Submission.challenge_id,
            Submission.version,
            Submission.phase,
            Submission.user_id,
            Submission.kind,
            Submission.card,
            User.name,
            Challenge.slug,
        )
        .join(User, col(User.id) == col(Submission.user_id))
        .join(Challenge, col(Challenge.id) == col(Submission.challenge_id))
        .where(col(Submission.id).in_(submissions))
    )
    measured = summaries_of(session, submissions)
    for id_, challenge_id, version, phase, user_id, kind, card, participant, slug in rows:
        spec = spec_of(session.get_one(ChallengeVersion, (challenge_id, version)))
        tasks = tasks_of(spec, phase)
        found = measured.get(id_, Measured())
        yield Described(
            id=id_,
            challenge_id=challenge_id,
            user_id=user_id,
            name=card["name"],
            title=card.get("title") or card["name"],
            words=_words(id_, participant, slug, card),
            values={
                Filter.TASK: asked_for(tasks),
                Filter.MODALITY: once([_section(card, "meta").get("modality"), *modalities(tasks)]),
                Filter.FRAMEWORK: found.frameworks
                or once([_section(card, "model").get("framework")]),
                Filter.LICENSE: once([card.get("license", "")]),
                Filter.CHALLENGE: (slug,),
            },
            tasks=frozenset(task.slug for task in tasks),
            forked_from=card.get("forked_from") or "",
            traits=_traits(card, tasks, found),
            licensed=is_licensed(kind, card.get("license") or ""),
        )


def _words(id_: str, participant: str, slug: str, card: dict[str, Any]) -> str:
    """Return what a search looks through; a line a field, so that no word spans two."""
    description = (card.get("description") or "")[:_WORDS_OF_DESCRIPTION]
    fields = [id_, participant, slug, card["name"], card.get("title") or "", description]
    return "\n".join([*fields, *(card.get("authors") or ())]).casefold()


def _traits(
    card: dict[str, Any], tasks: Sequence[TaskSpec], found: Measured
) -> dict[Trait, dict[str, str]]:
    """Return what makes models similar; where no objective is known, what the tasks ask for."""
    model, training = _section(card, "model"), _section(card, "training")
    stated = model.get("algorithm") or model.get("architecture")
    objectives = once([*found.objectives, model.get("objective")])
    return {
        Trait.ALGORITHM: _by_words(once([*found.algorithms, stated])),
        Trait.TRAINING_SET: _by_words(data["name"] for data in training.get("data", ())),
        Trait.OBJECTIVE: _by_words(objectives or asked_for(tasks)),
    }


def _by_words(texts: Iterable[str]) -> dict[str, str]:
    found = {" ".join(_WORD.findall(text.casefold())): text for text in texts}
    return {words: text for words, text in found.items() if words}


def _section(card: dict[str, Any], name: str) -> dict[str, Any]:
    return card.get(name) or {}
