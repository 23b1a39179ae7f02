"""Quotas: rows counted in the transaction that adds one more.

The caller holds the participant's membership row, so two submissions at once are counted one
after the other. What failed for a reason that is not the participant's is not counted.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func
from sqlmodel import Session, col, select

from proctor.spec.challenge import PhaseSpec
from proctor.spec.outcomes import Code, ProctorError
from proctor_platform.clock import now
from proctor_platform.tables import Submission

_DAY = timedelta(hours=24)


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
    # The submission that makes the quota full leaves the window first.
    blocking = session.exec(
        select(Submission.submitted_at)
        .where(*counted, col(Submission.submitted_at) > now(-_DAY.total_seconds()))
        .order_by(col(Submission.submitted_at).desc())
        .offset(phase.quota.per_day - 1)
        .limit(1)
    ).first()
    if blocking is not None:
        opens = (blocking + _DAY + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        raise ProctorError(
            Code.QUOTA_USED,
            f"{phase.quota.per_day} submissions in 24 hours to phase {phase.slug};"
            f" the next is possible at {opens}.",
        )
