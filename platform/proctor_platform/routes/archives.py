"""Archives: a submission to keep, to cite and to run again elsewhere."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query
from fastapi.responses import StreamingResponse

from proctor.spec.archive import ArchiveKind
from proctor.spec.outcomes import Code, ProctorError
from proctor_platform.archive.making import make_archive
from proctor_platform.archive.packing import zip_stream
from proctor_platform.database import Database, Reading, database_of
from proctor_platform.identity import OptionalUser
from proctor_platform.registry.records import count_download
from proctor_platform.routes.problems import problems
from proctor_platform.storage import Store, store_of

router = APIRouter(prefix="/submissions", tags=["submissions"])

_ZIP = {"application/zip": {"schema": {"type": "string", "format": "binary"}}}


@router.get(
    "/{submission_id}/archive",
    response_class=StreamingResponse,
    responses={
        200: {"content": _ZIP},
        **problems(
            Code.NOT_FOUND, Code.FORBIDDEN, Code.NOT_YET, Code.CONFLICT, Code.STORAGE_FAILED
        ),
    },
)
def read_archive(
    submission_id: Annotated[str, Path(pattern=r"^sub_[0-9a-z]{26}$")],
    user: OptionalUser,
    session: Reading,
    store: Annotated[Store, Depends(store_of)],
    database: Annotated[Database, Depends(database_of)],
    kind: Annotated[ArchiveKind, Query()] = ArchiveKind.PUBLIC,
    offset: Annotated[int, Query(ge=0, lt=1 << 63, description="leave out so many bytes")] = 0,
    if_match: Annotated[str, Header(description="the ETag of what came before")] = "",
) -> StreamingResponse:
    """Stream a submission and all that its scores stand on; `sealed` with the hidden data.

    A download that was cut goes on at `offset`, as long as the archive is the same.
    """
    archive = make_archive(session, store, submission_id, kind, user)
    etag = f'"{archive.digest}"'
    if if_match and if_match != etag:
        raise ProctorError(Code.CONFLICT, "The archive is another one by now; fetch all of it.")
    if not offset:
        count_download(database, submission_id)
    return StreamingResponse(
        zip_stream(archive.members, offset),
        media_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="{archive.name}"',
            "ETag": etag,
        },
    )
