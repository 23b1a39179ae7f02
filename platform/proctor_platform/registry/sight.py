"""Who sees which model. What is not public is not found, in lists as by its id.

A list holds what is public and nothing else, whoever asks. The page of one model is also open to
its owner and the organizers, before it is public and after it was withdrawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, false, func, or_
from sqlmodel import Session, col, select

from proctor.spec.challenge import ChallengeSpec, PhaseSpec
from proctor.spec.outcomes import Code, ProctorError
from proctor.spec.registry.publication import Publication
from proctor_platform.registry.publication import (
    approved,
    publications_of,
    stood_on_a_board,
    withdrawn,
)
from proctor_platform.rights import Asker, database_now, keeps_scores_back, sees
from proctor_platform.submissions.sights import Access, SubmissionSight, submission_in_sight
from proctor_platform.tables import (
    Challenge,
    ChallengeVersion,
    LeaderboardSnapshot,
    Submission,
)
from proctor_platform.versions import spec_of, with_newest


@dataclass(frozen=True, eq=False)
class ModelSight:
    """A model that the asker sees, and whether everybody does."""

    sight: SubmissionSight
    publication: Publication
    open_phases: frozenset[str]

    @property
    def submission(self) -> Submission:
        """The entry that is the model."""
        return self.sight.submission

    @property
    def challenge(self) -> Challenge:
        """The challenge it was entered in."""
        return self.sight.challenge

    @property
    def reader(self) -> bool:
        """Whether the asker is neither its owner nor an organizer."""
        return self.sight.access is Access.READER

    @property
    def shown(self) -> bool:
        """Whether the asker may see what it is made of; of a withdrawn one nobody else does."""
        return not (self.reader and self.publication is Publication.WITHDRAWN)


@dataclass(frozen=True, eq=False)
class OpenChallenge:
    """A challenge in sight with the phases whose boards are open to every reader now."""

    challenge: Challenge
    spec: ChallengeSpec
    phases: frozenset[str]


def model_in_sight(session: Session, submission_id: str, asker: Asker) -> ModelSight:
    """Find a model that the asker may see.

    Raises:
        ProctorError: there is none in sight.
    """
    sight = submission_in_sight(session, submission_id, asker)
    phases = _open_phases(session, [(sight.challenge.id, sight.spec)], database_now(session)).get(
        sight.challenge.id, frozenset()
    )
    found = publications_of(session, sight.challenge, [submission_id], phases)
    model = ModelSight(sight, found[submission_id], phases)
    if model.reader and model.publication not in (Publication.PUBLIC, Publication.WITHDRAWN):
        raise ProctorError(Code.NOT_FOUND)
    return model


def open_challenges(session: Session, asker: Asker) -> dict[str, OpenChallenge]:
    """Return the challenges that the asker finds in lists, with their open phases, by id."""
    rows = session.exec(with_newest().where(sees(asker, listed=True))).all()
    specs = [(challenge.id, spec_of(version)) for challenge, version in rows]
    phases = _open_phases(session, specs, database_now(session))
    return {
        challenge.id: OpenChallenge(challenge, spec, phases.get(challenge.id, frozenset()))
        for (challenge, _), (_, spec) in zip(rows, specs, strict=True)
    }


def public_models(challenges: dict[str, OpenChallenge]) -> ColumnElement[bool]:
    """Return the condition on ``Submission`` that its model is public, if its card is licensed.

    Documents are not queried into, so `every_public_model` looks at the license of each.
    """
    where = []
    for found in challenges.values():
        if not found.phases:
            continue
        condition = and_(
            col(Submission.challenge_id) == found.challenge.id,
            col(Submission.phase).in_(found.phases),
        )
        where.append(condition & approved() if found.spec.review is not None else condition)
    if not where:
        return false()
    return or_(*where) & stood_on_a_board() & ~withdrawn() & col(Submission.check_only).is_(False)


def _open_phases(
    session: Session, specs: list[tuple[str, ChallengeSpec]], present: datetime
) -> dict[str, frozenset[str]]:
    """Return by challenge the phases with a board that everybody who sees it may read now."""
    known = dict(specs)
    rows = session.execute(
        select(
            col(LeaderboardSnapshot.challenge_id),
            col(LeaderboardSnapshot.phase),
            func.max(col(LeaderboardSnapshot.version)),
        )
        .where(col(LeaderboardSnapshot.challenge_id).in_(known))
        .group_by(col(LeaderboardSnapshot.challenge_id), col(LeaderboardSnapshot.phase))
    )
    found: dict[str, set[str]] = {}
    for challenge_id, slug, version in rows:
        phase = _phase(session, known[challenge_id], challenge_id, slug, version)
        if not keeps_scores_back(phase, present):
            found.setdefault(challenge_id, set()).add(slug)
    return {challenge_id: frozenset(phases) for challenge_id, phases in found.items()}


def _phase(
    session: Session, spec: ChallengeSpec, challenge_id: str, slug: str, version: int
) -> PhaseSpec:
    """Return a phase as it is now; as it was at its last board if it has been taken out since."""
    for phase in spec.phases:
        if phase.slug == slug:
            return phase
    then = session.get_one(ChallengeVersion, (challenge_id, version))
    return spec_of(then).phase(slug)
