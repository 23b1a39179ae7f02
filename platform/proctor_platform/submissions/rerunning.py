"""Running an archived submission again: new runs beside the first ones, compared when they end."""

from __future__ import annotations

from sqlmodel import Session, col, select

from proctor.spec.api import RerunRequest
from proctor.spec.challenge import SubmissionKind
from proctor.spec.outcomes import Code, ProctorError
from proctor.spec.states import RunState, SubmissionState, is_final
from proctor.spec.work import PredictionsContent, Purpose
from proctor_platform import blobs
from proctor_platform.identity import UserIdentity
from proctor_platform.settings import PlatformSettings
from proctor_platform.submissions.contents import check_content, files_of
from proctor_platform.submissions.progress import first_runs
from proctor_platform.submissions.quotas import refuse_reruns_above_quota
from proctor_platform.submissions.sights import Access, SubmissionSight, own_submission
from proctor_platform.tables import ChallengeVersion, Run
from proctor_platform.versions import spec_of
from proctor_platform.work.runs import queue_run


def request_rerun(
    session: Session,
    settings: PlatformSettings,
    user: UserIdentity,
    submission_id: str,
    request: RerunRequest,
) -> SubmissionSight:
    """Queue one re-run for each task of a submission.

    Raises:
        ProctorError: it is not the user's, a first run has not succeeded, a re-run is under way,
            the asker's re-runs of a day are used up, or the other content is not acceptable.
    """
    sight = own_submission(session, submission_id, user, lock=True)
    submission = sight.submission
    runs = session.exec(
        select(Run).where(col(Run.submission_id) == submission.id).order_by(col(Run.id))
    ).all()
    firsts = first_runs(runs)
    if submission.kind == SubmissionKind.PREDICTIONS:
        detail = "Its predictions were made elsewhere; there is no model to run again."
        raise ProctorError(Code.CONFLICT, detail)
    if submission.check_only:
        detail = "It was only tried out; what has met no hidden case cannot be run again on them."
        raise ProctorError(Code.CONFLICT, detail)
    if submission.state != SubmissionState.ACCEPTED:
        raise ProctorError(Code.CONFLICT, f"The submission is {submission.state}.")
    for task, run in firsts.items():
        if run.state != RunState.SUCCEEDED:
            detail = f"Its run on {task} is {run.state}; only what succeeded can be compared with."
            raise ProctorError(Code.CONFLICT, detail)
    for run in runs:
        if not is_final(RunState(run.state)):
            raise ProctorError(Code.CONFLICT, f"A re-run is under way: {run.id} is {run.state}.")
    if sight.access is not Access.ORGANIZER:
        refuse_reruns_above_quota(session, submission.challenge_id, sight.phase, user.id)
    version = session.get_one(ChallengeVersion, (submission.challenge_id, submission.version))
    spec = spec_of(version)
    content = None
    if request.content is not None:
        if isinstance(request.content, PredictionsContent):
            detail = "A re-run infers anew; it needs a model, and predictions are none."
            raise ProctorError(Code.KIND_NOT_ACCEPTED, detail)
        check_content(session, settings, spec, request.content, user)
        digests = (file.digest for _, file in files_of(request.content))
        blobs.grant(session, digests, f"submission:{submission.id}")
        content = request.content.model_dump(mode="json")
    for task, first in firsts.items():
        queue_run(
            session,
            submission,
            version,
            spec.phase(submission.phase),
            task,
            user.id,
            purpose=Purpose.RERUN,
            compared_with=first.id,
            content=content,
            alias_seed=first.alias_seed,
        )
    session.commit()
    return sight
