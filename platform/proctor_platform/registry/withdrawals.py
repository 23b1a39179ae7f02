"""Withdrawal: a model's page becomes a tombstone, for good; what it scored stays on its boards."""

from __future__ import annotations

from sqlmodel import Session

from proctor.spec.outcomes import Code, ProctorError
from proctor.spec.registry.reviews import WithdrawalCreate
from proctor.spec.states import SubmissionState
from proctor_platform.database import insert_once
from proctor_platform.events import record
from proctor_platform.hosting.deploying import stop_all_of
from proctor_platform.identity import UserIdentity
from proctor_platform.registry.publication import is_withdrawn
from proctor_platform.registry.sight import model_in_sight
from proctor_platform.tables import ModelWithdrawal


def withdraw(
    session: Session, user: UserIdentity, submission_id: str, request: WithdrawalCreate
) -> None:
    """Withdraw a model; a second time changes nothing.

    Raises:
        ProctorError: the user sees no such model, or neither owns nor organizes it; or its
            submission was never accepted.
    """
    model = model_in_sight(session, submission_id, user)
    if model.reader:
        raise ProctorError(
            Code.FORBIDDEN, "Only its owner and the organizers of the challenge withdraw a model."
        )
    if is_withdrawn(session, submission_id):
        return
    if model.submission.state != SubmissionState.ACCEPTED:
        raise ProctorError(
            Code.CONFLICT,
            f"The submission is {model.submission.state}; `proctor cancel` ends one that has not"
            " ended.",
        )
    kept = {"submission_id": submission_id, "user_id": user.id, "reason": request.reason}
    if insert_once(session, ModelWithdrawal, kept):
        record(session, submission_id, "model_withdrawn", user.id)
        stop_all_of(session, submission_id, user.id)
    session.commit()
