"""Is a model public? What its page shows to readers begins here, and so does what it does not."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, ScalarSelect
from sqlmodel import Session, col, select

from proctor.spec.challenge import ChallengeSpec
from proctor.spec.registry.publication import Publication, is_licensed
from proctor.spec.review import ReviewOutcome
from proctor.spec.states import SubmissionState
from proctor_platform.tables import (
    Challenge,
    LeaderboardRow,
    ModelReview,
    ModelWithdrawal,
    Submission,
)
from proctor_platform.versions import newest, spec_of


def stood_on_a_board() -> ColumnElement[bool]:
    """Return the condition on ``Submission`` that some board has a row of it."""
    row = select(col(LeaderboardRow.position)).where(
        col(LeaderboardRow.submission_id) == col(Submission.id)
    )
    accepted = col(Submission.state) == SubmissionState.ACCEPTED.value
    return row.exists() & accepted


def withdrawn() -> ColumnElement[bool]:
    """Return the condition on ``Submission`` that its model was withdrawn."""
    return (
        select(col(ModelWithdrawal.submission_id))
        .where(col(ModelWithdrawal.submission_id) == col(Submission.id))
        .exists()
    )


def approved() -> ColumnElement[bool]:
    """Return the condition on ``Submission`` that its newest review let it be public."""
    return _newest_outcome() == ReviewOutcome.APPROVED.value


def _newest_outcome() -> ScalarSelect[str]:
    return (
        select(col(ModelReview.outcome))
        .where(col(ModelReview.submission_id) == col(Submission.id))
        .order_by(col(ModelReview.id).desc())
        .limit(1)
        .correlate(Submission)
        .scalar_subquery()
    )


def asks_for_review(session: Session, challenge: Challenge) -> bool:
    """Tell whether the challenge, as it is now, has its models reviewed."""
    return present_spec(session, challenge).review is not None


def present_spec(session: Session, challenge: Challenge) -> ChallengeSpec:
    """Return what the challenge's newest version says."""
    return spec_of(newest(session, challenge))


def may_be_read(session: Session, submission: Submission, challenge: Challenge) -> bool:
    """Tell whether readers of an open board may look at a submission that stands on it."""
    if not asks_for_review(session, challenge):
        return True
    wanted = select(Submission.id).where(col(Submission.id) == submission.id, approved())
    return session.exec(wanted).first() is not None


def is_withdrawn(session: Session, submission_id: str) -> bool:
    """Tell whether a submission's model was withdrawn."""
    return session.get(ModelWithdrawal, submission_id) is not None


def publications_of(
    session: Session, challenge: Challenge, submissions: Sequence[str], open_phases: frozenset[str]
) -> dict[str, Publication]:
    """Say of submissions to one challenge whether their models are public.

    Args:
        session: a session.
        challenge: whose they are.
        submissions: their ids.
        open_phases: the phases whose scores are open to every reader at this moment.
    """
    rows = session.execute(
        select(  # type: ignore[call-overload]  # its overloads end at four columns
            col(Submission.id),
            (
                stood_on_a_board()
                & col(Submission.phase).in_(open_phases)
                & col(Submission.check_only).is_(False)
            ).label("shown"),
            withdrawn().label("withdrawn"),
            _newest_outcome().label("outcome"),
            col(Submission.kind),
            col(Submission.card),
        ).where(col(Submission.id).in_(submissions), col(Submission.challenge_id) == challenge.id)
    )
    review = asks_for_review(session, challenge)
    return {
        id_: Publication.WITHDRAWN
        if gone
        else Publication.NOT_SHOWN
        if not shown
        else Publication.NO_LICENSE
        if not is_licensed(kind, card.get("license") or "")
        else _reviewed(outcome, review)
        for id_, shown, gone, outcome, kind, card in rows
    }


def _reviewed(outcome: str | None, review: bool) -> Publication:
    if review and outcome is None:
        return Publication.AWAITS_REVIEW
    if review and outcome != ReviewOutcome.APPROVED:
        return Publication.DECLINED
    return Publication.PUBLIC
