"""Claiming a model to host, and the order with what a worker needs for it.

The order names the submission's own files, its runtime image and its limits. Nothing here looks at
a dataset, so none can come near a model that strangers ask.
"""

from __future__ import annotations

from typing import NamedTuple

from pydantic import TypeAdapter
from sqlalchemy import update
from sqlmodel import Session, col, select

from proctor.spec.api import Content
from proctor.spec.model import ModelCard
from proctor.spec.outcomes import Code, ProctorError
from proctor.spec.states import HostingState
from proctor.spec.work import AnyContent, Claim, FolderContent, HostOrder, RuntimeImage
from proctor_platform import tokens
from proctor_platform.clock import now
from proctor_platform.database import Database
from proctor_platform.hosting.holding import held
from proctor_platform.hosting.tables import Hosting
from proctor_platform.settings import PlatformSettings
from proctor_platform.submissions.sights import ruling_phase
from proctor_platform.tables import Challenge, ChallengeVersion, Submission
from proctor_platform.transitions import move
from proctor_platform.work.documents import content_digests, image_digests
from proctor_platform.work.workers import note_busy

_AT_ONCE = 4
_CONTENT: TypeAdapter[AnyContent] = TypeAdapter(Content)


class _Claimed(NamedTuple):
    hosting: Hosting
    secret: str


def claim(database: Database, asked: Claim, settings: PlatformSettings) -> HostOrder | None:
    """Claim the model that waits longest to be hosted; none when none waits."""
    with database.reading() as session:
        waiting = session.exec(
            select(Hosting.id, Hosting.fence)
            .where(Hosting.state == HostingState.QUEUED.value)
            .order_by(col(Hosting.queued_at), col(Hosting.id))
            .limit(_AT_ONCE)
        ).all()
    for hosting_id, fence in waiting:
        with database.writing() as session:
            claimed = _take(session, asked, hosting_id, fence, settings.lease_s)
            session.commit()
        if claimed is not None:
            with database.reading() as session:
                return _order(session, claimed, settings)
    return None


def require_blob(session: Session, hosting_id: str, fence: int, digest: str) -> None:
    """Refuse a blob that is not of the model.

    Raises:
        ProctorError: the lease is lost, or the order names no such blob.
    """
    submission = session.get_one(Submission, held(session, hosting_id, fence).submission_id)
    content = _CONTENT.validate_python(submission.content)
    runtime = _runtime(session, submission, content)
    known = content_digests(content) | (image_digests(runtime.image) if runtime else frozenset())
    if digest not in known:
        raise ProctorError(Code.NOT_FOUND)


def _take(
    session: Session, asked: Claim, hosting_id: str, fence: int, lease_s: float
) -> _Claimed | None:
    raised = (
        update(Hosting)
        .where(
            col(Hosting.id) == hosting_id,
            col(Hosting.state) == HostingState.QUEUED.value,
            col(Hosting.fence) == fence,
        )
        .values(fence=fence + 1)
    )
    options = {"synchronize_session": False}
    if session.exec(raised, execution_options=options).rowcount != 1:
        return None
    row = session.get_one(Hosting, hosting_id)
    session.refresh(row)
    move(
        session,
        row,
        HostingState.CLAIMED,
        actor=asked.worker,
        attempt=row.attempt + 1,
        worker=asked.worker,
        lease_until=now(lease_s),
        detail="",
    )
    note_busy(session, asked.worker, row.id)
    created = tokens.mint(session, work_id=row.id, fence=row.fence, note=asked.worker)
    return _Claimed(row, created.secret)


def _order(session: Session, claimed: _Claimed, settings: PlatformSettings) -> HostOrder:
    hosting = claimed.hosting
    submission = session.get_one(Submission, hosting.submission_id)
    challenge = session.get_one(Challenge, submission.challenge_id)
    content = _CONTENT.validate_python(submission.content)
    card = ModelCard.model_validate(submission.card)
    phase = ruling_phase(session, submission, challenge).phase
    return HostOrder(
        id=hosting.id,
        fence=hosting.fence,
        token=claimed.secret,
        lease_s=settings.lease_s,
        deployment=hosting.deployment_id,
        submission=submission.id,
        content=content,
        runtime=_runtime(session, submission, content),
        limits=card.resources.within(phase.limits),
        most_question_bytes=settings.hosted_question_bytes,
        most_answer_bytes=settings.hosted_answer_bytes,
        most_waiting=settings.hosted_most_waiting,
    )


def _runtime(session: Session, submission: Submission, content: AnyContent) -> RuntimeImage | None:
    """Return the runtime image that a folder asks for, as it was approved when it was entered."""
    if not isinstance(content, FolderContent):
        return None
    entered = session.get_one(ChallengeVersion, (submission.challenge_id, submission.version))
    images = (RuntimeImage.model_validate(image) for image in entered.runtimes)
    return next((image for image in images if image.name == content.runtime), None)
