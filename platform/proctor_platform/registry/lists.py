"""Lists of models: found by words, filtered by facts and scores, one line a model."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlmodel import Session, col, select

from proctor.spec.challenge import SubmissionKind
from proctor.spec.outcomes import Code, ProctorError
from proctor.spec.registry.lists import Facet, Filter, ModelList, ModelOrder, ModelSummary
from proctor_platform.registry.addresses import page_of
from proctor_platform.registry.descriptions import Described, Descriptions
from proctor_platform.registry.places import Place, newest_boards, places_of
from proctor_platform.registry.sight import OpenChallenge, open_challenges, public_models
from proctor_platform.registry.versions import Owned, numbers_of
from proctor_platform.registry.words import cut
from proctor_platform.rights import Asker
from proctor_platform.tables import LeaderboardRow, LeaderboardSnapshot, Submission, User

_FACETS = 50
_SHORT = 240


@dataclass(frozen=True)
class Wanted:
    """What is asked of a list.

    Attributes:
        search: words that all must be there.
        filters: values that all must be had.
        column: the score that is meant, ``task/metric/label``; the first that decides if none.
        at_least: the lowest score.
        at_most: the highest score.
        versions: whether every version has a line, or only the newest of each model.
    """

    search: str = ""
    filters: Mapping[Filter, str] = field(default_factory=dict)
    column: str | None = None
    at_least: float | None = None
    at_most: float | None = None
    order: ModelOrder = ModelOrder.NEWEST
    versions: bool = False
    offset: int = 0
    limit: int = 50

    @property
    def by_score(self) -> bool:
        """Whether scores decide what is in the list or where."""
        limits = (self.column, self.at_least, self.at_most)
        return self.order is ModelOrder.SCORE or any(one is not None for one in limits)


def list_models(
    session: Session, descriptions: Descriptions, asker: Asker, wanted: Wanted, dashboard: str
) -> ModelList:
    """List public models of the challenges that the asker finds.

    Raises:
        ProctorError: scores are asked for without a challenge, or by a column that it has not.
    """
    if wanted.by_score and Filter.CHALLENGE not in wanted.filters:
        raise ProctorError(
            Code.INVALID_REQUEST,
            "Scores can be compared within one challenge: name it by challenge=SLUG.",
        )
    challenges = open_challenges(session, asker)
    every = every_public_model(session, descriptions, challenges)
    counts = Counter(one.model for one in every)
    # Of a model the version that stands is meant where scores count, though a newer one does not.
    lines = _by_score(session, challenges, every, wanted) if wanted.by_score else every
    lines = lines if wanted.versions else first_of_each(lines)
    words = wanted.search.casefold().split()
    lines = [one for one in lines if all(word in one.words for word in words)]
    found = [one for one in lines if _matches(one, wanted.filters)]
    if wanted.order is ModelOrder.TITLE:
        found.sort(key=lambda one: (one.title.casefold(), one.id))
    page = found[wanted.offset : wanted.offset + wanted.limit]
    return ModelList(
        items=tuple(summaries(session, challenges, page, counts, dashboard)),
        offset=wanted.offset,
        total=len(found),
        facets={which: _facet(lines, wanted.filters, which) for which in Filter},
    )


def every_public_model(
    session: Session, descriptions: Descriptions, challenges: dict[str, OpenChallenge]
) -> list[Described]:
    """Return every public version of these challenges, the newest first."""
    visible = session.exec(
        select(Submission.id).where(public_models(challenges)).order_by(col(Submission.id).desc())
    ).all()
    return [one for one in descriptions.of(session, visible) if one.licensed]


def first_of_each(every: Sequence[Described]) -> list[Described]:
    """Return the first version of each model; they come newest first, or the best."""
    found: dict[Owned, Described] = {}
    for one in every:
        found.setdefault(one.model, one)
    return list(found.values())


def _matches(one: Described, filters: Mapping[Filter, str]) -> bool:
    return all(one.has(which, value) for which, value in filters.items())


def _facet(
    lines: Sequence[Described], filters: Mapping[Filter, str], which: Filter
) -> tuple[Facet, ...]:
    """Count the values among what all other filters leave."""
    others = {key: value for key, value in filters.items() if key is not which}
    counts = Counter(value for one in lines if _matches(one, others) for value in one.values[which])
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0].casefold()))
    return tuple(Facet(value=value, count=count) for value, count in ordered[:_FACETS])


def _by_score(
    session: Session,
    challenges: Mapping[str, OpenChallenge],
    lines: Sequence[Described],
    wanted: Wanted,
) -> list[Described]:
    """Keep what stands on a newest board with a score in the limits; ordered by it if asked."""
    slug = wanted.filters[Filter.CHALLENGE]
    ids = [id_ for id_, found in challenges.items() if found.challenge.slug == slug]
    boards = [
        board
        for (challenge, phase), board in newest_boards(session, ids).items()
        if phase in challenges[challenge].phases
    ]
    scores: dict[str, float] = {}
    higher = True
    known: list[str] = []
    for board in boards:
        head = session.get_one(LeaderboardSnapshot, board).head
        columns = sorted(head["columns"], key=lambda column: not column["decides"])
        known += [column["key"] for column in columns]
        chosen = next((one for one in columns if wanted.column in (None, one["key"])), None)
        if chosen is None:
            continue
        higher = chosen["higher_is_better"]
        scores |= _scores(session, board, chosen["key"])
    if wanted.column is not None and wanted.column not in known:
        has = ", ".join(dict.fromkeys(known)) or "none yet"
        detail = f"{slug} has no score {wanted.column}; it has {has}."
        raise ProctorError(Code.INVALID_REQUEST, detail)
    least = -float("inf") if wanted.at_least is None else wanted.at_least
    most = float("inf") if wanted.at_most is None else wanted.at_most
    kept = [one for one in lines if one.id in scores and least <= scores[one.id] <= most]
    if wanted.order is ModelOrder.SCORE:
        kept.sort(key=lambda one: (-scores[one.id] if higher else scores[one.id], one.id))
    return kept


def _scores(session: Session, board: str, key: str) -> dict[str, float]:
    rows = session.execute(
        select(col(LeaderboardRow.submission_id), col(LeaderboardRow.body)).where(
            col(LeaderboardRow.leaderboard_id) == board
        )
    )
    values = {submission: json.loads(body)["values"].get(key) for submission, body in rows}
    return {
        submission: value["value"]
        for submission, value in values.items()
        if value is not None and value["value"] is not None
    }


def summaries(
    session: Session,
    challenges: Mapping[str, OpenChallenge],
    page: Sequence[Described],
    counts: Mapping[Owned, int],
    dashboard: str,
) -> list[ModelSummary]:
    """Return models as lists show them.

    Args:
        session: a session.
        challenges: those that the asker finds, by id.
        page: public models.
        counts: of the public versions of each model.
        dashboard: the dashboard's address, if any.
    """
    ids = [one.id for one in page]
    places = places_of(session, ids)
    numbers = numbers_of(session, [one.model for one in page])
    rows = session.execute(
        select(  # type: ignore[call-overload]  # its overloads end at four columns
            Submission.id,
            Submission.phase,
            Submission.kind,
            Submission.baseline,
            Submission.card,
            Submission.submitted_at,
            User.name,
        )
        .join(User, col(User.id) == col(Submission.user_id))
        .where(col(Submission.id).in_(ids))
    )
    found = {row.id: row for row in rows}
    return [
        _summary(
            one,
            found[one.id],
            challenges[one.challenge_id],
            places[one.id],
            numbers[one.id],
            counts[one.model],
            dashboard,
        )
        for one in page
    ]


def _summary(
    one: Described,
    row: Any,
    found: OpenChallenge,
    place: Place,
    number: int,
    versions: int,
    dashboard: str,
) -> ModelSummary:
    card = row.card
    title, score = place.first_score
    description = " ".join((card.get("description") or "").split())
    return ModelSummary(
        id=one.id,
        name=one.name,
        title=one.title,
        description=cut(description, _SHORT),
        participant=row.name,
        challenge=found.spec.slug,
        challenge_title=found.spec.title,
        phase=row.phase,
        kind=SubmissionKind(row.kind),
        baseline=row.baseline,
        version=card.get("version") or "",
        number=number,
        versions=versions,
        license=card.get("license") or "",
        tasks=one.values[Filter.TASK],
        modalities=one.values[Filter.MODALITY],
        frameworks=one.values[Filter.FRAMEWORK],
        rank=place.rank,
        score=score,
        score_title=title,
        submitted_at=row.submitted_at,
        page=page_of(dashboard, one.id),
    )
