"""Who may see what. Rights are conditions of the query, so what is not yours is not found.

A platform admin has an organizer's rights in every challenge.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, false, literal, or_, true
from sqlmodel import Session, col, select

from proctor.spec.challenge import BoardVisibility, ChallengeSpec, PhaseSpec, Visibility
from proctor.spec.outcomes import Code, ProctorError
from proctor_platform.clock import now
from proctor_platform.identity import UserIdentity
from proctor_platform.tables import BlobGrant, Challenge, ChallengeVersion, Membership, Submission
from proctor_platform.versions import newest, spec_of

Asker = UserIdentity | None
"""A user, or nobody in particular."""


class ChallengeSight(NamedTuple):
    """A challenge that the asker sees, and the asker's part in it."""

    challenge: Challenge
    membership: Membership | None
    organizer: bool


class PhaseSight(NamedTuple):
    """A phase that the asker sees, as the newest version has it.

    Attributes:
        hidden: whether its scores, ranks and boards are hidden from the asker at this moment.
    """

    sight: ChallengeSight
    version: ChallengeVersion
    spec: ChallengeSpec
    phase: PhaseSpec
    hidden: bool


def database_now(session: Session) -> datetime:
    """Return the present moment by the database's clock."""
    return session.exec(select(now())).one()


def _member(asker: Asker) -> ColumnElement[bool]:
    if asker is None:
        return false()
    return and_(
        col(Membership.challenge_id) == col(Challenge.id),
        col(Membership.user_id) == asker.id,
    )


def sees(asker: Asker, *, listed: bool = False) -> ColumnElement[bool]:
    """Return the condition on ``Challenge`` that the asker sees it, or finds it in a list."""
    if asker is not None and asker.admin:
        return true()
    everybody = [Visibility.PUBLIC] if listed else [Visibility.PUBLIC, Visibility.UNLISTED]
    member = select(col(Membership.user_id)).where(_member(asker)).exists()
    return or_(col(Challenge.visibility).in_(everybody), member)


def organizes(asker: Asker) -> ColumnElement[bool]:
    """Return the condition on ``Challenge`` that the asker is one of its organizers."""
    if asker is not None and asker.admin:
        return true()
    return (
        select(col(Membership.user_id))
        .where(_member(asker), col(Membership.organizer).is_(True))
        .exists()
    )


def challenge_in_sight(
    session: Session, slug: str, asker: Asker, *, lock: bool = False
) -> ChallengeSight:
    """Find a challenge that the asker may see.

    Args:
        session: a session; with ``lock`` a writing one.
        slug: the challenge's name.
        asker: who asks.
        lock: hold the asker's membership until the transaction ends.

    Raises:
        ProctorError: there is none, or the asker may not know of it.
    """
    challenge = session.exec(
        select(Challenge).where(col(Challenge.slug) == slug, sees(asker))
    ).first()
    if challenge is None:
        raise ProctorError(Code.NOT_FOUND)
    membership = None
    if asker is not None:
        wanted = select(Membership).where(
            col(Membership.challenge_id) == challenge.id, col(Membership.user_id) == asker.id
        )
        membership = session.exec(wanted.with_for_update() if lock else wanted).first()
    organizer = (membership is not None and membership.organizer) or (
        asker is not None and asker.admin
    )
    return ChallengeSight(challenge, membership, organizer)


def organized_challenge(session: Session, slug: str, asker: UserIdentity) -> ChallengeSight:
    """Find a challenge that the asker organizes.

    Raises:
        ProctorError: there is none in sight (not found), or it is another's (forbidden).
    """
    sight = challenge_in_sight(session, slug, asker)
    if not sight.organizer:
        raise ProctorError(Code.FORBIDDEN, f"Only organizers of {slug} may do this.")
    return sight


def phase_of(spec: ChallengeSpec, slug: str) -> PhaseSpec:
    """Return a phase by its name.

    Raises:
        ProctorError: the challenge has no such phase.
    """
    try:
        return spec.phase(slug)
    except KeyError:
        known = ", ".join(phase.slug for phase in spec.phases)
        detail = f"{spec.slug} has no phase {slug}; it has {known}."
        raise ProctorError(Code.NOT_FOUND, detail) from None


class Feedback(NamedTuple):
    """How much of a phase's scores somebody gets at this moment.

    Attributes:
        hidden: nothing.
        board_only: what stands on the board and nothing else: the Ladder keeps the rest back.
        private: private cases and all that is made from them too.
        digits: after the decimal point; all where none.
    """

    hidden: bool
    board_only: bool
    private: bool
    digits: int | None

    @property
    def whole(self) -> bool:
        """Whether nothing at all is kept back."""
        kept_back = self.hidden or self.board_only or not self.private
        return not kept_back and self.digits is None

    def of(self, value: float | None) -> float | None:
        """Return a score as exact as it may be."""
        if value is None or self.digits is None:
            return value
        return round(value, self.digits)


def keeps_scores_back(phase: PhaseSpec, present: datetime) -> bool:
    """Tell whether a phase's scores are hidden from everybody but organizers at a moment."""
    return phase.visibility is BoardVisibility.HIDDEN_UNTIL_CLOSE and present < phase.closes_at


def feedback_of(
    session: Session, spec: ChallengeSpec, phase: PhaseSpec, *, organizer: bool
) -> Feedback:
    """Say how much of a phase's scores is open at this moment; to organizers everything is.

    Args:
        session: a session.
        spec: the challenge as it is now; for a phase that has been taken out, as it was.
        phase: one of its phases.
        organizer: whether the asker is one.
    """
    if organizer:
        return Feedback(hidden=False, board_only=False, private=True, digits=None)
    present = database_now(session)
    opened = present < phase.closes_at
    return Feedback(
        hidden=keeps_scores_back(phase, present),
        board_only=opened and phase.feedback.ladder,
        private=phase.private is None or present >= spec.private_opens_at(phase),
        digits=phase.feedback.digits if opened else None,
    )


def phase_in_sight(session: Session, slug: str, phase_slug: str, asker: Asker) -> PhaseSight:
    """Find a phase that the asker may see, and whether its scores are open to the asker.

    Raises:
        ProctorError: there is no such challenge or phase in sight.
    """
    sight = challenge_in_sight(session, slug, asker)
    version = newest(session, sight.challenge)
    spec = spec_of(version)
    phase = phase_of(spec, phase_slug)
    hidden = feedback_of(session, spec, phase, organizer=sight.organizer).hidden
    return PhaseSight(sight, version, spec, phase, hidden)


def hidden_until(what: str, phase: PhaseSpec) -> str:
    """Return the sentence that says until when something of a phase is hidden."""
    return f"{what} are hidden until {phase.closes_at:%Y-%m-%d %H:%M} UTC, when the phase closes."


def refuse_hidden(phase: PhaseSpec, *, hidden: bool) -> None:
    """Refuse to show scores that are hidden from the asker.

    Raises:
        ProctorError: they are; the detail says until when.
    """
    if hidden:
        until = phase.closes_at.strftime("%Y-%m-%dT%H:%M:%SZ")
        raise ProctorError(Code.NOT_YET, f"Phase {phase.slug} closes at {until}.")


def may_read_blob(asker: Asker) -> ColumnElement[bool]:
    """Return the condition on ``BlobGrant`` that it lets the asker name and read the blob.

    What a submission's runs wrote is an organizer's to read by digest: a model can write what it
    saw into its outputs, so its owner gets them by the routes that know the phase's rules.
    """
    audience = col(BlobGrant.audience)
    seen = select(literal("challenge:") + col(Challenge.id)).where(sees(asker))
    if asker is None:
        return audience.in_(seen)
    organized = select(col(Challenge.id)).where(organizes(asker))
    hidden = select(literal("organizers:") + col(Challenge.id)).where(organizes(asker))
    written = select(literal("submission:") + col(Submission.id)).where(
        col(Submission.challenge_id).in_(organized)
    )
    return or_(
        audience == f"user:{asker.id}",
        audience.in_(seen),
        audience.in_(hidden),
        audience.in_(written),
    )
