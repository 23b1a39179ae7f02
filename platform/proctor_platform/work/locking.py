"""The lock of a submission, taken before that of its work.

Whoever ends a piece of work may look at, and change, what else its submission has: other tasks'
try-outs above all. Cancelling takes the locks in this order too, so nobody waits in a circle.
"""

from __future__ import annotations

from sqlmodel import Session, col, select

from proctor_platform.tables import Evaluation, Run, Submission
from proctor_platform.work.holding import table_of


def lock_submission_of(session: Session, work_id: str) -> None:
    """Lock the submission that a run or an evaluation belongs to."""
    wanted = select(Submission).join(Run, col(Run.submission_id) == col(Submission.id))
    if table_of(work_id) is Run:
        wanted = wanted.where(col(Run.id) == work_id)
    else:
        wanted = wanted.join(Evaluation, col(Evaluation.run_id) == col(Run.id))
        wanted = wanted.where(col(Evaluation.id) == work_id)
    session.exec(wanted.with_for_update(of=Submission)).first()
