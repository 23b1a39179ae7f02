"""Quotas: rows counted in the transaction that adds one more.

Whoever counts holds the participant's membership row, so two requests at once are counted one
after the other. A submission that failed for a reason that is not the participant's is not
counted; a re-run is, however it ended, since it took a worker's time. What is being tried out
keeps its place in the quota and gives it back if it does not pass; try-outs have a bound of their
own, by the day.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, or_
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from proctor.spec.challenge import PhaseSpec
from proctor.spec.outcomes import OUTCOMES, Code, Owner, ProctorError
from proctor.spec.work import Purpose
from proctor_platform.clock import now
from proctor_platform.tables import Membership, Run, Submission

_DAY = timedelta(hours=24)
_NOT_THEIRS = [
    code.value for code in Code if OUTCOMES[code].owner in (Owner.PLATFORM, Owner.ORGANIZER)
]


def refuse_above_quota(session: Session, challenge_id: str, phase: PhaseSpec, user_id: str) -> None:
    """Refuse one more submission when the participant's quota is used up.

    Raises:
        ProctorError: it is; the detail says when it opens again.
    """
    counted = (
        col(Submission.challenge_id) == challenge_id,
        col(Submission.phase) == phase.slug,
        col(Submission.user_id) == user_id,
        col(Submission.charged).is_(True),
    )
    if phase.quota.total is not None:
        used = session.exec(select(func.count()).select_from(Submission).where(*counted)).one()
        if used >= phase.quota.total:
            raise ProctorError(
                Code.QUOTA_USED,
                f"All {phase.quota.total} submissions to phase {phase.slug} are used;"
                " it does not open again for you.",
            )
    if phase.quota.per_day is None:
        return
    blocking = _filling(session, phase.quota.per_day, *counted)
    if blocking is not None:
        raise ProctorError(
            Code.QUOTA_USED,
            f"{phase.quota.per_day} submissions in 24 hours to phase {phase.slug};"
            f" the next is possible at {_opens(blocking)}.",
        )


def refuse_tryouts_above_quota(
    session: Session, challenge_id: str, phase: PhaseSpec, user_id: str
) -> None:
    """Refuse one more try-out when the participant had as many in a day as the phase allows.

    Whatever became of them; but those that failed for a reason of ours are not counted.

    Raises:
        ProctorError: they had; the detail says when it opens again.
    """
    if phase.quota.tryouts_per_day is None:
        return
    tried = select(Run.id).where(
        col(Run.submission_id) == col(Submission.id),
        Run.purpose == Purpose.TRYOUT.value,
        or_(col(Run.outcome).is_(None), col(Run.outcome).not_in(_NOT_THEIRS)),
    )
    blocking = _filling(
        session,
        phase.quota.tryouts_per_day,
        col(Submission.challenge_id) == challenge_id,
        col(Submission.phase) == phase.slug,
        col(Submission.user_id) == user_id,
        col(Submission.baseline).is_(False),
        tried.exists(),
    )
    if blocking is not None:
        raise ProctorError(
            Code.QUOTA_USED,
            f"{phase.quota.tryouts_per_day} try-outs in 24 hours on phase {phase.slug};"
            f" the next is possible at {_opens(blocking)}.",
        )


def refuse_reruns_above_quota(
    session: Session, challenge_id: str, phase: PhaseSpec, user_id: str
) -> None:
    """Refuse one more re-run when the user asked for as many in a day as the phase takes entries.

    Re-runs of all phases of the challenge count together.

    Raises:
        ProctorError: they did; the detail says when it opens again.
    """
    if phase.quota.per_day is None:
        return
    membership = select(Membership).where(
        col(Membership.challenge_id) == challenge_id, col(Membership.user_id) == user_id
    )
    session.exec(membership.with_for_update()).first()
    first = aliased(Run)
    # A request makes one run a task; that of one task stands for it.
    one_task = (
        select(func.min(first.task))
        .where(col(first.submission_id) == col(Run.submission_id), col(first.purpose) == "first")
        .scalar_subquery()
    )
    blocking = session.exec(
        select(Run.queued_at)
        .join(Submission, col(Submission.id) == col(Run.submission_id))
        .where(
            col(Run.purpose) == "rerun",
            col(Run.requested_by) == user_id,
            col(Run.task) == one_task,
            col(Run.queued_at) > now(-_DAY.total_seconds()),
            col(Submission.challenge_id) == challenge_id,
        )
        .order_by(col(Run.queued_at).desc())
        .offset(phase.quota.per_day - 1)
        .limit(1)
    ).first()
    if blocking is not None:
        raise ProctorError(
            Code.QUOTA_USED,
            f"{phase.quota.per_day} re-runs in 24 hours, as many as phase {phase.slug} takes"
            f" submissions; the next is possible at {_opens(blocking)}.",
        )


def _filling(session: Session, most: int, *counted: ColumnElement[bool]) -> datetime | None:
    """Return when the submission came that makes a day's quota full; it leaves the window first."""
    return session.exec(
        select(Submission.submitted_at)
        .where(*counted, col(Submission.submitted_at) > now(-_DAY.total_seconds()))
        .order_by(col(Submission.submitted_at).desc())
        .offset(most - 1)
        .limit(1)
    ).first()


def _opens(blocking: datetime) -> str:
    return (blocking + _DAY + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
