"""Blobs in and out. Whoever uploads must have the bytes; whoever reads must have a right.

Knowing a digest grants nothing: an upload of what is already here is read and checked like any
other, and only then gives its sender the right to name it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import BinaryIO

from fastapi import Request
from sqlalchemy import func
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse

from proctor.spec.base import FileRef
from proctor.spec.outcomes import Code, ProctorError
from proctor_platform.database import Database
from proctor_platform.identity import UserIdentity
from proctor_platform.rights import may_read_blob
from proctor_platform.storage import Store, Writer
from proctor_platform.tables import Blob, BlobGrant, User

_CHUNK_BYTES = 1 << 20
_IDLE_S = 60.0
_AT_ONCE = 5_000  # parameters of one statement
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


async def receive_blob(
    request: Request,
    database: Database,
    store: Store,
    digest: str,
    *,
    audience: str,
    max_bytes: int,
    quota_bytes: int | None = None,
    owner: str | None = None,
) -> bool:
    """Stream a request's body into the store and let ``audience`` name it.

    Call it only when the asker's right is established: it is what reads the first byte.

    Args:
        request: its body is the bytes, its Content-Length their number.
        database: where the blob's row and grant go.
        store: where the bytes go.
        digest: what the bytes must hash to.
        audience: who may name the blob from now on.
        max_bytes: the largest allowed.
        quota_bytes: what the audience may have in all.
        owner: the user whose uploads in parts, begun and not whole, count to it.

    Returns:
        Whether the right is new to the audience.

    Raises:
        ProctorError: no length, too large, cut off, silent for too long, or other bytes than
            announced; nothing of them is kept.
        PlatformError: the disk failed.
    """
    ref = FileRef(digest=digest, size=announced(request, max_bytes))
    if quota_bytes is not None:
        begun = 0
        if owner is not None:
            begun = await run_in_threadpool(store.unfinished.announced, owner, ref)
        await run_in_threadpool(tell_early, database, ref, audience, quota_bytes, begun)
    writer = await run_in_threadpool(store.writer, ref)
    try:
        buffer = bytearray()
        async for chunk in arriving(request):
            buffer += chunk
            if len(buffer) >= _CHUNK_BYTES:
                await run_in_threadpool(writer.write, bytes(buffer))
                buffer.clear()
        await run_in_threadpool(writer.write, bytes(buffer))
        await run_in_threadpool(writer.check)
        return await run_in_threadpool(keep, database, ref, audience, quota_bytes, writer)
    except ClientDisconnect as error:
        raise ProctorError(Code.INVALID_REQUEST, "The upload was cut off.") from error
    finally:
        await run_in_threadpool(writer.abort)


async def arriving(request: Request) -> AsyncIterator[bytes]:
    """Yield a body's parts; whoever sends none for a while gives up its place.

    Raises:
        ProctorError: no byte came for too long.
        ClientDisconnect: the connection was cut.
    """
    parts = request.stream()
    while True:
        try:
            async with asyncio.timeout(_IDLE_S):
                part = await anext(parts, None)
        except TimeoutError as error:
            detail = f"No byte of the upload came for {_IDLE_S:g} s. Send it again."
            raise ProctorError(Code.INVALID_REQUEST, detail) from error
        if part is None:
            return
        yield part


def announced(request: Request, max_bytes: int) -> int:
    """Return how many bytes a request's body has.

    Raises:
        ProctorError: it does not say, or they are too many.
    """
    length = request.headers.get("Content-Length", "")
    if not length.isdecimal():
        raise ProctorError(Code.INVALID_REQUEST, "An upload needs the header Content-Length.")
    if int(length) > max_bytes:
        raise ProctorError(Code.TOO_LARGE, f"{length} bytes; at most {max_bytes} are allowed.")
    return int(length)


def tell_early(
    database: Database, ref: FileRef, audience: str, quota: int, coming: int = 0
) -> None:
    """Refuse an upload that its sender's quota has no room for, before it is read.

    Args:
        coming: bytes of other uploads that the sender has begun.

    Raises:
        ProctorError: TOO_LARGE.
    """
    with database.reading() as session:
        _refuse_above_quota(session, ref, audience, quota, coming)


def _refuse_above_quota(
    session: Session, ref: FileRef, audience: str, quota: int, coming: int = 0
) -> None:
    used: int = session.exec(
        select(func.coalesce(func.sum(col(Blob.size)), 0))
        .join(BlobGrant, col(BlobGrant.digest) == col(Blob.digest))
        .where(col(BlobGrant.audience) == audience, col(Blob.digest) != ref.digest)
    ).one()
    used += coming
    if used + ref.size > quota:
        begun = f", {coming} of them not to their end" if coming else ""
        detail = (
            f"You have uploaded {used} bytes{begun}; with these {ref.size} it is above {quota}."
        )
        raise ProctorError(Code.TOO_LARGE, detail)


def keep(
    database: Database, ref: FileRef, audience: str, quota: int | None, writer: Writer
) -> bool:
    """Give checked bytes their name, row and grant; refused ones never get a name to take back.

    Returns:
        Whether the right is new to the audience.

    Raises:
        ProctorError: TOO_LARGE, they are above the quota.
        PlatformError: the disk failed.
    """
    with database.writing() as session:
        if quota is not None:
            # Uploads at the same time saw the same sum; here they are counted one by one.
            owner = col(User.id) == audience.removeprefix("user:")
            session.exec(select(User.id).where(owner).with_for_update()).first()
            _refuse_above_quota(session, ref, audience, quota)
        add_once(session, Blob(digest=ref.digest, size=ref.size))
        new = add_once(session, BlobGrant(digest=ref.digest, audience=audience))
        writer.finish()
        session.commit()
    return new


def add_once(session: Session, row: Blob | BlobGrant) -> bool:
    """Add a row unless one with its key is there, also when another transaction adds it now."""
    key = (row.digest, row.audience) if isinstance(row, BlobGrant) else row.digest
    # Held, so that clearing out cannot take it away before this transaction has ended.
    if session.get(type(row), key, with_for_update={"read": True, "key_share": True}) is not None:
        return False
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        return False
    return True


def grant(session: Session, digests: Iterable[str], audience: str) -> None:
    """Let ``audience`` name and read blobs that are here, also those that it already may."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    rows = [{"digest": digest, "audience": audience} for digest in sorted(set(digests))]
    if rows:
        session.execute(insert(BlobGrant).on_conflict_do_nothing(), rows)


def granted(session: Session, digests: Sequence[str], asker: UserIdentity) -> dict[str, int]:
    """Return the sizes of those blobs that the asker may name."""
    sizes: dict[str, int] = {}
    for part in _parts(digests):
        rows = session.exec(
            select(col(Blob.digest), col(Blob.size))
            .join(BlobGrant, col(BlobGrant.digest) == col(Blob.digest))
            .where(col(Blob.digest).in_(part), may_read_blob(asker))
        )
        sizes.update((digest, size) for digest, size in rows)
    return sizes


def refuse_missing(
    session: Session, files: Sequence[tuple[str, FileRef]], asker: UserIdentity
) -> None:
    """Refuse a request that names a file which is not here, or that its sender may not name.

    Args:
        session: any session.
        files: what each file is called in the request, and its digest and size.
        asker: who names them.

    Raises:
        ProctorError: the first such file.
    """
    sizes = granted(session, [file.digest for _, file in files], asker)
    for name, file in files:
        if file.digest not in sizes:
            raise ProctorError(Code.BLOB_MISSING, f"{name} ({file.digest}) is not here.")
        if sizes[file.digest] != file.size:
            detail = f"{name} has {sizes[file.digest]} bytes, not {file.size}."
            raise ProctorError(Code.INVALID_REQUEST, detail)


def send_blob(request: Request, store: Store, blob: Blob) -> Response:
    """Answer with a blob's bytes, or with the one range that was asked for."""
    first, last, status = _wanted(request.headers.get("Range"), blob.size)
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": f'"{blob.digest}"',
        "Cache-Control": "private, no-cache",
        "Content-Disposition": "attachment",
    }
    if status == 416:
        headers["Content-Range"] = f"bytes */{blob.size}"
        return Response(status_code=416, headers=headers)
    if status == 206:
        headers["Content-Range"] = f"bytes {first}-{last}/{blob.size}"
    headers["Content-Length"] = str(last - first + 1)
    return StreamingResponse(
        _chunks(store.open(blob.digest), first, last - first + 1),
        status_code=status,
        media_type="application/octet-stream",
        headers=headers,
    )


def _wanted(header: str | None, size: int) -> tuple[int, int, int]:
    form = _RANGE.fullmatch(header or "")
    if form is None or form[1] == form[2] == "":
        return 0, size - 1, 200
    if form[1] == "":
        length = int(form[2])
        return (max(0, size - length), size - 1, 206) if length and size else (0, 0, 416)
    first, last = int(form[1]), min(int(form[2] or size), size - 1)
    return (first, last, 206) if first <= last else (0, 0, 416)


def _chunks(stream: BinaryIO, first: int, length: int) -> Iterator[bytes]:
    with stream:
        stream.seek(first)
        while length > 0 and (chunk := stream.read(min(_CHUNK_BYTES, length))):
            length -= len(chunk)
            yield chunk


def _parts(digests: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(digests), _AT_ONCE):
        yield digests[start : start + _AT_ONCE]
