"""What is left of a participant's quota, told before anything is uploaded.

It is read without a lock, so it is a notice; what counts is counted when a submission is entered.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func
from sqlmodel import Session, col, select

from proctor.spec.api import QuotaLeft
from proctor_platform.clock import now
from proctor_platform.identity import UserIdentity
from proctor_platform.rights import PhaseSight
from proctor_platform.tables import Submission

_DAY = timedelta(hours=24)


def quota_left(session: Session, sight: PhaseSight, user: UserIdentity) -> QuotaLeft:
    """Count what the user has entered in a phase against its quota."""
    counted = (
        col(Submission.challenge_id) == sight.sight.challenge.id,
        col(Submission.phase) == sight.phase.slug,
        col(Submission.user_id) == user.id,
        col(Submission.charged).is_(True),
    )
    times = session.exec(
        select(Submission.submitted_at)
        .where(*counted, col(Submission.submitted_at) > now(-_DAY.total_seconds()))
        .order_by(col(Submission.submitted_at).desc())
    ).all()
    total = session.exec(select(func.count()).select_from(Submission).where(*counted)).one()
    quota = sight.phase.quota
    left = [
        most - used
        for most, used in ((quota.per_day, len(times)), (quota.total, total))
        if most is not None
    ]
    full = quota.per_day is not None and len(times) >= quota.per_day
    ends = quota.total is not None and total >= quota.total
    return QuotaLeft(
        per_day=quota.per_day,
        used_today=len(times),
        total=quota.total,
        used=total,
        left=max(0, min(left)) if left else None,
        next_at=times[quota.per_day - 1] + _DAY if full and quota.per_day and not ends else None,
    )
