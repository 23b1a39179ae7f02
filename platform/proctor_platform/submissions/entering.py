"""Entering a phase: every check, the submission, its runs and their bells in one transaction."""

from __future__ import annotations

from sqlmodel import Session, col, select

from proctor.spec.api import SubmissionCreate
from proctor.spec.card.licenses import license_problem
from proctor.spec.challenge import ChallengeSpec, PhaseSpec, SubmissionKind
from proctor.spec.identifiers import Kind, new_id
from proctor.spec.model import ModelCard
from proctor.spec.outcomes import Code, ProctorError
from proctor.spec.states import SubmissionState
from proctor.spec.work import PredictionsContent, Purpose
from proctor_platform import blobs
from proctor_platform.events import record
from proctor_platform.identity import UserIdentity
from proctor_platform.rights import ChallengeSight, challenge_in_sight, database_now, phase_of
from proctor_platform.settings import PlatformSettings
from proctor_platform.submissions.contents import (
    check_content,
    content_digest,
    contract_name,
    files_of,
)
from proctor_platform.submissions.predictions import check_predictions
from proctor_platform.submissions.quotas import refuse_above_quota, refuse_tryouts_above_quota
from proctor_platform.submissions.sources import check_source
from proctor_platform.tables import Submission
from proctor_platform.versions import newest, spec_of
from proctor_platform.work.runs import queue_run


def submit(
    session: Session,
    settings: PlatformSettings,
    user: UserIdentity,
    request: SubmissionCreate,
    idempotency_key: str | None,
) -> Submission:
    """Enter a phase; the same key with the same request enters once.

    Raises:
        ParticipantError: the model folder is not one.
        ProctorError: another check failed; each has its code.
    """
    sight = challenge_in_sight(session, request.challenge, user, lock=True)
    earlier = _earlier(session, user, sight, request, idempotency_key)
    if earlier is not None:
        return earlier
    version = newest(session, sight.challenge)
    spec = spec_of(version)
    phase = phase_of(spec, request.phase)
    _refuse_unsound_license(request.card)
    _refuse_strangers(sight, spec)
    if request.baseline and not sight.organizer:
        raise ProctorError(Code.FORBIDDEN, "Only organizers submit baselines.")
    _refuse_outside_window(session, phase)
    tried = _is_tried_out(phase, request)
    if not request.baseline:
        if not request.check_only:
            refuse_above_quota(session, sight.challenge.id, phase, user.id)
        if tried:
            refuse_tryouts_above_quota(session, sight.challenge.id, phase, user.id)
    check_source(settings, request.content, request.source)
    if isinstance(request.content, PredictionsContent):
        check_predictions(session, version, spec, phase, request.content)
    # Last: who is refused for another reason should not have to upload first to be told.
    check_content(session, settings, spec, request.content, user, request.card)
    submission = Submission(
        id=new_id(Kind.SUBMISSION),
        challenge_id=sight.challenge.id,
        version=version.number,
        phase=phase.slug,
        user_id=user.id,
        kind=request.content.kind.value,
        content=request.content.model_dump(mode="json"),
        content_digest=content_digest(request.content),
        card=request.card.model_dump(mode="json"),
        message=request.message,
        baseline=request.baseline,
        check_only=request.check_only,
        contract=contract_name(request.content).value,
        source=request.source.model_dump(mode="json") if request.source else None,
        state=_first_state(request.content.kind, tried).value,
        charged=not (request.baseline or request.check_only),
        idempotency_key=idempotency_key,
    )
    session.add(submission)
    session.flush()
    facts = {"phase": phase.slug, "version": version.number, "content": submission.content_digest}
    record(session, submission.id, "submission_received", user.id, facts)
    blobs.grant(
        session, (f.digest for _, f in files_of(request.content)), f"submission:{submission.id}"
    )
    for task in phase.tasks:
        purpose = Purpose.TRYOUT if tried else Purpose.FIRST
        queue_run(session, submission, version, phase, task, user.id, purpose=purpose)
    session.commit()
    return submission


def _refuse_unsound_license(card: ModelCard) -> None:
    problem = license_problem(card.license) if card.license else ""
    if problem:
        raise ProctorError(Code.INVALID_REQUEST, f"card.license: {problem}.")


def _is_tried_out(phase: PhaseSpec, request: SubmissionCreate) -> bool:
    if request.content.kind is not SubmissionKind.PREDICTIONS:
        return phase.tryout or request.check_only
    if request.check_only:
        raise ProctorError(
            Code.INVALID_REQUEST,
            "Predictions are checked as they are entered; there is no model to try out.",
        )
    return False


def _first_state(kind: SubmissionKind, tried: bool) -> SubmissionState:
    # An image is looked into by a worker first; a folder was checked by its names and sizes.
    if tried or kind is SubmissionKind.IMAGE:
        return SubmissionState.CHECKING
    return SubmissionState.ACCEPTED


def _earlier(
    session: Session,
    user: UserIdentity,
    sight: ChallengeSight,
    request: SubmissionCreate,
    key: str | None,
) -> Submission | None:
    if key is None:
        return None
    row = session.exec(
        select(Submission).where(
            col(Submission.user_id) == user.id, col(Submission.idempotency_key) == key
        )
    ).first()
    if row is None:
        return None
    asked = (
        sight.challenge.id,
        request.phase,
        request.content.model_dump(mode="json"),
        request.card.model_dump(mode="json"),
        request.message,
        request.baseline,
        request.check_only,
        request.source.model_dump(mode="json") if request.source else None,
    )
    if asked != (
        row.challenge_id,
        row.phase,
        row.content,
        row.card,
        row.message,
        row.baseline,
        row.check_only,
        row.source,
    ):
        detail = f"This Idempotency-Key belongs to {row.id}, which is another request."
        raise ProctorError(Code.CONFLICT, detail)
    return row


def _refuse_strangers(sight: ChallengeSight, spec: ChallengeSpec) -> None:
    if sight.organizer:
        return
    if sight.membership is None or sight.membership.joined_at is None:
        raise ProctorError(Code.TERMS_NOT_ACCEPTED)
    if spec.terms is None or sight.membership.terms_version == spec.terms.version:
        return
    before = sight.membership.terms_version
    accepted = f"You accepted version {before}" if before else "You joined before there were any"
    detail = f"The terms are those of version {spec.terms.version} now. {accepted}."
    raise ProctorError(Code.TERMS_NOT_ACCEPTED, detail)


def _refuse_outside_window(session: Session, phase: PhaseSpec) -> None:
    present = database_now(session)
    if present < phase.opens_at:
        opens = phase.opens_at.strftime("%Y-%m-%dT%H:%M:%SZ")
        raise ProctorError(Code.PHASE_CLOSED, f"Phase {phase.slug} opens at {opens}.")
    if present >= phase.closes_at:
        closed = phase.closes_at.strftime("%Y-%m-%dT%H:%M:%SZ")
        raise ProctorError(Code.PHASE_CLOSED, f"Phase {phase.slug} closed at {closed}.")
