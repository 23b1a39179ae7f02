"""The versions of a model: what the same participant entered in a challenge by the same name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from proctor.spec.registry.pages import ModelVersion
from proctor.spec.registry.publication import Publication
from proctor_platform.registry.places import Place, places_of
from proctor_platform.registry.publication import publications_of
from proctor_platform.registry.sight import ModelSight
from proctor_platform.submissions.sights import Access
from proctor_platform.tables import Submission

_NOTES = 2_000
_ALONE = defer(Submission.content)  # type: ignore[arg-type]  # SQLModel types it as a dict
_SEEN_BY_READERS = (Publication.PUBLIC, Publication.WITHDRAWN)


class Owned(NamedTuple):
    """Whose model it is, in which challenge, by which name: what its versions share."""

    challenge_id: str
    user_id: str
    name: str


def owned(submission: Submission) -> Owned:
    """Return the model that a submission is a version of."""
    return Owned(submission.challenge_id, submission.user_id, submission.card["name"])


def versions_of(session: Session, model: ModelSight) -> tuple[ModelVersion, ...]:
    """Return the versions that the asker may know of, the newest first; the model is among them.

    Its owner and organizers see all, everybody else what is public or was withdrawn.
    """
    key = owned(model.submission)
    entries = _entries(session, key)
    numbers = {row.id: number for number, row in enumerate(entries, start=1)}
    if model.submission.id not in numbers:  # a try-out, which its owner alone looks at
        entries = [*entries, model.submission]
        numbers[model.submission.id] = 0
    publications = publications_of(
        session, model.challenge, [row.id for row in entries], model.open_phases
    )
    shown = [row for row in entries if not model.reader or publications[row.id] in _SEEN_BY_READERS]
    # A hidden phase tells its participants no ranks either.
    organizer = model.sight.access is Access.ORGANIZER
    open_ones = [row.id for row in shown if organizer or row.phase in model.open_phases]
    places = places_of(session, open_ones)
    return tuple(
        _version(row, numbers[row.id], publications[row.id], places.get(row.id), model)
        for row in reversed(shown)
    )


def _version(
    row: Submission,
    number: int,
    publication: Publication,
    place: Place | None,
    model: ModelSight,
) -> ModelVersion:
    gone = model.reader and publication is Publication.WITHDRAWN
    return ModelVersion(
        id=row.id,
        number=number,
        version="" if gone else row.card.get("version") or "",
        notes="" if gone else (row.card.get("release_notes") or "")[:_NOTES],
        phase=row.phase,
        content_digest=row.content_digest,
        submitted_at=row.submitted_at,
        publication=publication,
        rank=place.rank if place else None,
    )


def numbers_of(session: Session, models: Iterable[Owned]) -> dict[str, int]:
    """Return the number of every version of some models; the first is 1.

    What was entered to be tried out alone is no version. All others count, so that a number never
    changes, whatever of them is public.
    """
    wanted = set(models)
    rows = session.execute(
        select(
            col(Submission.id),
            col(Submission.challenge_id),
            col(Submission.user_id),
            col(Submission.card),
        )
        .where(
            col(Submission.user_id).in_({one.user_id for one in wanted}),
            col(Submission.challenge_id).in_({one.challenge_id for one in wanted}),
            col(Submission.check_only).is_(False),
        )
        .order_by(col(Submission.id))
    )
    seen: Counter[Owned] = Counter()
    numbers = {}
    for id_, challenge_id, user_id, card in rows:
        key = Owned(challenge_id, user_id, card["name"])
        seen[key] += 1
        if key in wanted:
            numbers[id_] = seen[key]
    return numbers


def _entries(session: Session, key: Owned) -> list[Submission]:
    rows = session.exec(
        select(Submission)
        .where(
            col(Submission.challenge_id) == key.challenge_id,
            col(Submission.user_id) == key.user_id,
            col(Submission.check_only).is_(False),
        )
        .order_by(col(Submission.id))
        .options(_ALONE)
    ).all()
    return [row for row in rows if row.card["name"] == key.name]
