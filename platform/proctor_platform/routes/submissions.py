"""Submissions: entering, reading, cancelling, running again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Header, Path, Query
from fastapi.responses import StreamingResponse

from proctor.spec.api import (
    CaseView,
    Event,
    Page,
    RerunRequest,
    SubmissionCreate,
    SubmissionView,
)
from proctor.spec.base import CaseId, Slug
from proctor.spec.outcomes import Code
from proctor_platform.database import Reading, Writing
from proctor_platform.identity import CurrentUser, OptionalUser, counted
from proctor_platform.rates import Act
from proctor_platform.routes.paging import Limit, Offset
from proctor_platform.routes.problems import problems
from proctor_platform.settings import PlatformSettings, settings_of
from proctor_platform.storage import Store, store_of
from proctor_platform.submissions import details, views
from proctor_platform.submissions.cancelling import cancel
from proctor_platform.submissions.entering import submit
from proctor_platform.submissions.rerunning import request_rerun
from proctor_platform.submissions.sights import own_submission, submission_in_sight

router = APIRouter(prefix="/submissions", tags=["submissions"])

SubmissionId = Annotated[str, Path(pattern=r"^sub_[0-9a-z]{26}$")]
RunQuery = Annotated[str | None, Query(pattern=r"^run_[0-9a-z]{26}$")]
Settings = Annotated[PlatformSettings, Depends(settings_of)]

_FOLDER = {
    "summary": "A model folder",
    "value": {
        "challenge": "digits",
        "phase": "main",
        "content": {
            "kind": "folder",
            "runtime": "runtime-cpu",
            "entries": [
                {"path": name, "file": {"digest": f"sha256:{digit * 64}", "size": 512}}
                for name, digit in (("model.json", "a"), ("model.py", "b"))
            ],
        },
        "card": {"name": "digits-svc", "title": "Support vectors", "runtime": "runtime-cpu"},
        "message": "With a wider kernel",
    },
}
_IMAGE = {
    "summary": "A Docker image",
    "value": {
        "challenge": "digits",
        "phase": "main",
        "content": {
            "kind": "image",
            "config": {"digest": f"sha256:{'c' * 64}", "size": 4096},
            "layers": [{"digest": f"sha256:{'d' * 64}", "size": 80_000_000}],
        },
        "card": {"name": "digits-cnn"},
    },
}
_EXAMPLES = {"folder": _FOLDER, "image": _IMAGE}
_REFUSALS = (
    Code.TERMS_NOT_ACCEPTED,
    Code.NOT_FOUND,
    Code.PHASE_CLOSED,
    Code.KIND_NOT_ACCEPTED,
    Code.RUNTIME_NOT_APPROVED,
    Code.BLOB_MISSING,
    Code.FOLDER_REJECTED,
    Code.TOO_LARGE,
    Code.QUOTA_USED,
    Code.CONFLICT,
)


@router.post(
    "",
    status_code=201,
    responses=problems(*_REFUSALS),
    dependencies=[counted(Act.SUBMISSION)],
)
def create_submission(
    body: Annotated[SubmissionCreate, Body(openapi_examples=_EXAMPLES)],
    user: CurrentUser,
    session: Writing,
    settings: Settings,
    idempotency_key: Annotated[
        str | None, Header(min_length=8, max_length=128, pattern=r"^[!-~]+$")
    ] = None,
) -> SubmissionView:
    """Enter a phase. Upload the files before; the same `Idempotency-Key` enters once."""
    submission = submit(session, settings, user, body, idempotency_key)
    return views.view_submission(session, own_submission(session, submission.id, user), settings)


@router.get("", responses=problems())
def list_submissions(
    user: CurrentUser,
    session: Reading,
    settings: Settings,
    challenge: Slug | None = None,
    phase: Slug | None = None,
    mine: Annotated[bool, Query(description="only your own")] = False,
    offset: Offset = 0,
    limit: Limit = 50,
) -> Page[SubmissionView]:
    """List your submissions and those to challenges that you organize, the newest first."""
    return views.list_submissions(
        session,
        user,
        settings,
        challenge=challenge,
        phase=phase,
        mine=mine,
        offset=offset,
        limit=limit,
    )


@router.get("/{submission_id}", responses=problems(Code.NOT_FOUND))
def read_submission(
    submission_id: SubmissionId, user: OptionalUser, session: Reading, settings: Settings
) -> SubmissionView:
    """Show a submission: yours, one you organize, or one that stands on an open board."""
    sight = submission_in_sight(session, submission_id, user)
    return views.view_submission(session, sight, settings)


@router.get("/{submission_id}/cases", responses=problems(Code.NOT_FOUND))
def list_cases(
    submission_id: SubmissionId, user: OptionalUser, session: Reading, run: RunQuery = None
) -> list[CaseView]:
    """List outcome, seconds, memory and scores of every case of the first run, or of `run`."""
    return details.list_cases(session, submission_in_sight(session, submission_id, user), run)


@router.get(
    "/{submission_id}/log",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
        **problems(Code.NOT_FOUND, Code.FORBIDDEN, Code.NOT_YET),
    },
)
def read_log(
    submission_id: SubmissionId,
    user: CurrentUser,
    session: Reading,
    store: Annotated[Store, Depends(store_of)],
    run: RunQuery = None,
    case: CaseId | None = None,
) -> StreamingResponse:
    """Read what the model printed: in every case of the newest run, or as asked."""
    sight = own_submission(session, submission_id, user)
    logs = details.find_logs(session, sight, run, case)
    return StreamingResponse(
        details.read_logs(store, logs, titled=case is None), media_type="text/plain"
    )


@router.get("/{submission_id}/events", responses=problems(Code.NOT_FOUND))
def list_events(submission_id: SubmissionId, user: CurrentUser, session: Reading) -> list[Event]:
    """List everything that happened to a submission, oldest first."""
    return details.list_events(session, own_submission(session, submission_id, user), user)


@router.post("/{submission_id}/cancel", responses=problems(Code.NOT_FOUND, Code.CONFLICT))
def cancel_submission(
    submission_id: SubmissionId, user: CurrentUser, session: Writing, settings: Settings
) -> SubmissionView:
    """Withdraw a submission that has not ended."""
    sight = cancel(session, user, submission_id)
    return views.view_submission(session, sight, settings)


@router.post(
    "/{submission_id}/reruns",
    status_code=201,
    responses=problems(
        Code.NOT_FOUND,
        Code.CONFLICT,
        Code.QUOTA_USED,
        Code.BLOB_MISSING,
        Code.RUNTIME_NOT_APPROVED,
    ),
    dependencies=[counted(Act.SUBMISSION)],
)
def rerun_submission(
    submission_id: SubmissionId,
    body: RerunRequest,
    user: CurrentUser,
    session: Writing,
    settings: Settings,
) -> SubmissionView:
    """Infer anew in a new container and compare; with `content`, another model's files."""
    sight = request_rerun(session, settings, user, submission_id, body)
    return views.view_submission(session, sight, settings)
