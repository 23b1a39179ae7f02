"""One case of a run to look at: its files, each sent to whoever may see it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from proctor.spec.api import CaseFiles
from proctor.spec.base import CaseId, Name
from proctor.spec.outcomes import Code, ProctorError
from proctor_platform.blobs import send_blob
from proctor_platform.database import Reading
from proctor_platform.identity import OptionalUser
from proctor_platform.routes.problems import problems
from proctor_platform.storage import Store, store_of
from proctor_platform.submissions.pictures import files_of_case
from proctor_platform.submissions.sights import submission_in_sight
from proctor_platform.tables import Blob

router = APIRouter(prefix="/submissions", tags=["submissions"])

SubmissionId = Annotated[str, Path(pattern=r"^sub_[0-9a-z]{26}$")]
RunId = Annotated[str, Path(pattern=r"^run_[0-9a-z]{26}$")]

_CASE = "/{submission_id}/runs/{run_id}/cases/{case_id}"


class Part(StrEnum):
    """What of a case a file belongs to."""

    INPUTS = "inputs"
    REFERENCE = "reference"
    PREDICTIONS = "predictions"


@router.get(_CASE, responses=problems(Code.NOT_FOUND, Code.FORBIDDEN))
def read_case(
    submission_id: SubmissionId,
    run_id: RunId,
    case_id: CaseId,
    user: OptionalUser,
    session: Reading,
) -> CaseFiles:
    """List the files of a case: of the public sample, or of hidden data where you may see them."""
    sight = submission_in_sight(session, submission_id, user)
    return files_of_case(session, sight, run_id, case_id)


@router.get(
    _CASE + "/{part}/{name}",
    response_class=Response,
    responses={
        200: {"content": {"application/octet-stream": {}}},
        **problems(Code.NOT_FOUND, Code.FORBIDDEN),
    },
)
def download_case_file(
    submission_id: SubmissionId,
    run_id: RunId,
    case_id: CaseId,
    part: Part,
    name: Name,
    request: Request,
    user: OptionalUser,
    session: Reading,
    store: Annotated[Store, Depends(store_of)],
) -> Response:
    """Send a file of a case; predictions are canonical arrays (`.npy`) on the input's grid."""
    sight = submission_in_sight(session, submission_id, user)
    case = files_of_case(session, sight, run_id, case_id)
    files = {
        Part.INPUTS: case.inputs,
        Part.REFERENCE: case.reference,
        Part.PREDICTIONS: case.predictions,
    }[part]
    if name not in files:
        raise ProctorError(Code.NOT_FOUND, f"Case {case_id} has no {name} among its {part}.")
    return send_blob(request, store, session.get_one(Blob, files[name].digest))
