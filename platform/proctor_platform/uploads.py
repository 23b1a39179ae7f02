"""Blobs that come in parts: each part is kept, also one that was cut off in its middle.

Two requests for the same bytes of one user never write at once; two users with the same bytes have
a file each, since knowing a digest grants nothing.
"""

from __future__ import annotations

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from proctor.spec.base import FileRef
from proctor.spec.outcomes import Code, ProctorError
from proctor.spec.uploads import PART_BYTES, UploadState
from proctor_platform.blobs import announced, arriving, granted, keep, tell_early
from proctor_platform.database import Database
from proctor_platform.identity import UserIdentity
from proctor_platform.settings import PlatformSettings
from proctor_platform.storage import Store
from proctor_platform.unfinished import PartFile, limits_of

_CHUNK_BYTES = 1 << 20


def upload_state(database: Database, store: Store, ref: FileRef, user: UserIdentity) -> UploadState:
    """Tell how far a user's upload is; nothing has come of one that was never begun."""
    with database.reading() as session:
        if granted(session, [ref.digest], user).get(ref.digest) == ref.size:
            return UploadState(received=ref.size, complete=True)
    return UploadState(received=store.unfinished.received(user.id, ref), complete=False)


async def receive_part(
    request: Request,
    database: Database,
    store: Store,
    settings: PlatformSettings,
    ref: FileRef,
    offset: int,
    user: UserIdentity,
) -> UploadState:
    """Append a request's body to a user's upload; the last byte makes it a blob.

    Call it only when the asker is known: it is what reads the first byte.

    Raises:
        ProctorError: not where the upload stands, too large, cut off, silent for too long, or in
            the end other bytes than announced, of which nothing is kept.
        PlatformError: the disk failed or is full.
    """
    coming = announced(request, PART_BYTES)
    if ref.size > settings.max_blob_bytes:
        detail = f"{ref.size} bytes; at most {settings.max_blob_bytes} are allowed."
        raise ProctorError(Code.TOO_LARGE, detail)
    if offset + coming > ref.size:
        detail = f"{ref.size} bytes were announced; these end at {offset + coming}."
        raise ProctorError(Code.INVALID_REQUEST, detail)
    audience, quota = f"user:{user.id}", None if user.admin else settings.upload_quota_bytes
    if quota is not None:
        others = await run_in_threadpool(store.unfinished.announced, user.id, ref)
        await run_in_threadpool(tell_early, database, ref, audience, quota, others)
    limits = limits_of(settings)
    part = await run_in_threadpool(store.unfinished.open, user.id, ref, limits, coming)
    try:
        if part.received != offset:
            detail = f"{part.received} bytes are here; go on from there, not from {offset}."
            raise ProctorError(Code.CONFLICT, detail)
        await _append(request, part)
        if part.received < ref.size:
            return UploadState(received=part.received, complete=False)
        await run_in_threadpool(part.check)
        await run_in_threadpool(keep, database, ref, audience, quota, part)
        return UploadState(received=ref.size, complete=True)
    finally:
        await run_in_threadpool(part.abort)


async def _append(request: Request, part: PartFile) -> None:
    """Write what arrives, and however it ends bring it to the disk."""
    buffer = bytearray()
    try:
        async for chunk in arriving(request):
            buffer += chunk
            if len(buffer) >= _CHUNK_BYTES:
                await run_in_threadpool(part.write, bytes(buffer))
                buffer.clear()
    except ClientDisconnect as error:
        raise ProctorError(Code.INVALID_REQUEST, "The upload was cut off.") from error
    finally:
        await run_in_threadpool(part.write, bytes(buffer))
        await run_in_threadpool(part.flush)
