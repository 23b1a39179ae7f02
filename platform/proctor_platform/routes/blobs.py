"""Blobs: what is missing, upload, download."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlmodel import col, select

from proctor.spec.base import Digest, FileRef
from proctor.spec.outcomes import Code, ProctorError
from proctor.spec.uploads import MissingReply, MissingRequest, UploadState
from proctor_platform.blobs import granted, receive_blob, send_blob
from proctor_platform.database import Database, Reading, database_of
from proctor_platform.identity import CurrentUser, OptionalUser, counted
from proctor_platform.rates import Act
from proctor_platform.rights import may_read_blob
from proctor_platform.routes.problems import problems
from proctor_platform.settings import PlatformSettings, settings_of
from proctor_platform.storage import Store, store_of
from proctor_platform.tables import Blob, BlobGrant
from proctor_platform.uploads import receive_part, upload_state

router = APIRouter(tags=["blobs"])

Size = Annotated[int, Query(ge=0, lt=1 << 63, description="bytes of the whole blob")]

_BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


@router.post("/blobs/missing", responses=problems())
def list_missing(body: MissingRequest, user: CurrentUser, session: Reading) -> MissingReply:
    """Tell which of these blobs must be uploaded before a request may name them."""
    here = granted(session, body.digests, user)
    return MissingReply(missing=tuple(d for d in dict.fromkeys(body.digests) if d not in here))


@router.put(
    "/blobs/{digest}",
    status_code=201,
    response_class=Response,
    responses={
        200: {"description": "You had uploaded it before."},
        **problems(Code.TOO_LARGE, Code.DIGEST_MISMATCH, Code.STORAGE_FAILED),
    },
    dependencies=[counted(Act.UPLOAD)],
    openapi_extra={"requestBody": {"required": True, "content": _BYTES}},
)
async def upload(
    digest: Digest,
    request: Request,
    user: CurrentUser,
    database: Annotated[Database, Depends(database_of)],
    store: Annotated[Store, Depends(store_of)],
    settings: Annotated[PlatformSettings, Depends(settings_of)],
) -> Response:
    """Store the request's bytes under their digest; `Content-Length` is needed."""
    new = await receive_blob(
        request,
        database,
        store,
        digest,
        audience=f"user:{user.id}",
        max_bytes=settings.max_blob_bytes,
        quota_bytes=None if user.admin else settings.upload_quota_bytes,
        owner=user.id,
    )
    return Response(status_code=201 if new else 200)


@router.get("/blobs/{digest}/upload", responses=problems())
def read_upload(
    digest: Digest,
    size: Size,
    user: CurrentUser,
    database: Annotated[Database, Depends(database_of)],
    store: Annotated[Store, Depends(store_of)],
) -> UploadState:
    """Tell how many bytes of your upload in parts have come, to go on from there."""
    return upload_state(database, store, FileRef(digest=digest, size=size), user)


@router.put(
    "/blobs/{digest}/upload",
    responses={
        **problems(
            Code.CONFLICT,
            Code.TOO_LARGE,
            Code.DIGEST_MISMATCH,
            Code.STORAGE_FAILED,
        ),
    },
    dependencies=[counted(Act.UPLOAD)],
    openapi_extra={"requestBody": {"required": True, "content": _BYTES}},
)
async def upload_part(
    digest: Digest,
    request: Request,
    size: Size,
    offset: Annotated[int, Query(ge=0, description="where these bytes begin in the whole")],
    user: CurrentUser,
    database: Annotated[Database, Depends(database_of)],
    store: Annotated[Store, Depends(store_of)],
    settings: Annotated[PlatformSettings, Depends(settings_of)],
) -> UploadState:
    """Append at most 64 MiB to a blob of `size` bytes; `Content-Length` is needed.

    What arrives is kept, also when the connection is cut: ask how far it is and go on from there
    within 24 hours. The last byte makes it a blob, if the whole has the digest.
    """
    ref = FileRef(digest=digest, size=size)
    return await receive_part(request, database, store, settings, ref, offset, user)


@router.get(
    "/blobs/{digest}",
    response_class=Response,
    responses={
        200: {"content": _BYTES},
        206: {"description": "The range that was asked for.", "content": _BYTES},
        416: {"description": "The blob ends before that range."},
        **problems(Code.NOT_FOUND),
    },
)
def download(
    digest: Digest,
    request: Request,
    user: OptionalUser,
    session: Reading,
    store: Annotated[Store, Depends(store_of)],
) -> Response:
    """Send a blob's bytes to whoever has a right to them; one `Range` is understood."""
    blob = session.exec(
        select(Blob)
        .join(BlobGrant, col(BlobGrant.digest) == col(Blob.digest))
        .where(col(Blob.digest) == digest, may_read_blob(user))
    ).first()
    if blob is None:
        raise ProctorError(Code.NOT_FOUND)
    return send_blob(request, store, blob)
