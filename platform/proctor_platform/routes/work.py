"""What workers ask: claim work with a worker's token, then everything under the order's own."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from proctor.spec.base import Digest
from proctor.spec.outcomes import Code, PlatformError
from proctor.spec.work import (
    AnyOrder,
    CaseReport,
    Claim,
    Failure,
    Heartbeat,
    HeartbeatReply,
    IntakePassed,
    Queue,
    RunReport,
    ScoreReport,
)
from proctor_platform.blobs import receive_blob, send_blob
from proctor_platform.database import Database, Reading, Writing, database_of
from proctor_platform.hosting import claims as hosting_claims
from proctor_platform.hosting import lifecycle
from proctor_platform.hosting.holding import is_hosting
from proctor_platform.identity import OrderIdentity, OrderToken, WorkerToken
from proctor_platform.routes.problems import problems
from proctor_platform.settings import PlatformSettings, settings_of
from proctor_platform.storage import Store, store_of
from proctor_platform.tables import Blob, Run
from proctor_platform.work import claims, endings, failures, orders, reports, workers
from proctor_platform.work.holding import held, refuse
from proctor_platform.work.rights import OrderRights, audience_of
from proctor_platform.work.waiting_room import WaitingRoom, waiting_room_of

router = APIRouter(
    prefix="/work",
    tags=["work"],
    responses=problems(Code.FORBIDDEN, Code.NOT_FOUND, Code.LEASE_LOST),
)
_rights = OrderRights()
_BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


_Settings = Annotated[PlatformSettings, Depends(settings_of)]
_Store = Annotated[Store, Depends(store_of)]
_Database = Annotated[Database, Depends(database_of)]
_Room = Annotated[WaitingRoom, Depends(waiting_room_of)]


@router.post(
    "/claim",
    response_model=AnyOrder,
    responses={204: {"description": "Nothing waits that this worker could do."}},
)
async def claim(
    request: Request,
    asked: Claim,
    worker: WorkerToken,
    database: _Database,
    settings: _Settings,
    room: _Room,
) -> AnyOrder | Response:
    """Claim what is next; 204 when nothing waits that this worker could do, for ``wait_s``."""
    claims.check_role(asked, worker.role)
    await run_in_threadpool(workers.note, database, asked, worker.token)
    clock = asyncio.get_running_loop().time
    ends_at = clock() + asked.wait_s
    while True:
        # Work for a worker that has gone would lie there until its lease lapses.
        if await request.is_disconnected():
            return Response(status_code=204)
        order = await run_in_threadpool(_claim, database, settings, asked)
        if order is not None:
            return order
        left_s = ends_at - clock()
        if left_s <= 0 or not await room.wait(asked.queue, left_s):
            return Response(status_code=204)


def _claim(database: Database, settings: PlatformSettings, asked: Claim) -> AnyOrder | None:
    if asked.queue is Queue.HOST:
        return hosting_claims.claim(database, asked, settings)
    claimed = claims.claim(database, asked, lease_s=settings.lease_s, running=settings.running)
    if claimed is None:
        return None
    with database.reading() as session:
        if isinstance(claimed.work, Run):
            return orders.run_order(
                session, claimed.work, token=claimed.secret, lease_s=settings.lease_s
            )
        return orders.score_order(
            session, claimed.work, token=claimed.secret, lease_s=settings.lease_s
        )


@router.post("/{work_id}/heartbeat")
def heartbeat(
    beat: Heartbeat, order: OrderToken, session: Writing, settings: _Settings
) -> HeartbeatReply:
    """Keep the lease; the first beat says that the work has begun."""
    _same_fence(session, order, beat.fence)
    keep = lifecycle.beat if is_hosting(order.work) else reports.beat
    reply = keep(session, order.work, beat, lease_s=settings.lease_s)
    session.commit()
    return reply


@router.post("/{work_id}/intake", status_code=204)
def intake(passed: IntakePassed, order: OrderToken, session: Writing) -> None:
    """Say that the submission's content may run; it is accepted by that."""
    _same_fence(session, order, passed.fence)
    reports.accept(session, order.work, passed.fence)
    session.commit()


@router.get(
    "/{work_id}/blobs/{digest}", response_class=Response, responses={200: {"content": _BYTES}}
)
def get_blob(
    digest: Digest, request: Request, order: OrderToken, session: Reading, store: _Store
) -> Response:
    """Read a blob that the order names; any other is not found."""
    if is_hosting(order.work):
        hosting_claims.require_blob(session, order.work, order.fence, digest)
    else:
        _rights.require(session, order.work, order.fence, digest)
    blob = session.get(Blob, digest)
    if blob is None:
        raise PlatformError(Code.STORAGE_FAILED, f"{digest} has no row")
    return send_blob(request, store, blob)


@router.put(
    "/{work_id}/blobs/{digest}",
    status_code=201,
    response_class=Response,
    openapi_extra={"requestBody": {"required": True, "content": _BYTES}},
)
async def put_blob(
    digest: Digest,
    request: Request,
    order: OrderToken,
    database: _Database,
    store: _Store,
    settings: _Settings,
) -> Response:
    """Store predictions, a log or per-item scores; 201 when it is new here, else 200."""
    audience = await run_in_threadpool(_audience, database, order)
    new = await receive_blob(
        request,
        database,
        store,
        digest,
        audience=audience,
        max_bytes=settings.max_blob_bytes,
    )
    return Response(status_code=201 if new else 200)


@router.post("/{work_id}/cases", status_code=204)
def keep_case(report: CaseReport, order: OrderToken, session: Writing) -> None:
    """Write the result of one case; the first one stays."""
    _same_fence(session, order, report.fence)
    reports.keep_case(session, order.work, report)
    session.commit()


@router.post("/{work_id}/complete", status_code=204)
def complete(
    report: RunReport | ScoreReport, order: OrderToken, session: Writing, settings: _Settings
) -> None:
    """End the work; the same report again changes nothing."""
    _same_fence(session, order, report.fence)
    endings.complete(session, order.work, report, max_attempts=settings.max_attempts)
    session.commit()


@router.post("/{work_id}/fail", status_code=204)
def fail(failure: Failure, order: OrderToken, session: Writing, settings: _Settings) -> None:
    """Give the work back: our failure is tried again, an organizer's is final."""
    _same_fence(session, order, failure.fence)
    end = lifecycle.give_back if is_hosting(order.work) else failures.give_back
    end(session, order.work, failure, max_attempts=settings.max_attempts)
    session.commit()


def _same_fence(session: Writing, order: OrderIdentity, fence: int) -> None:
    # A body with another fence than its token's is some other attempt's report.
    if fence != order.fence:
        refuse(session, order.work, fence)


def _audience(database: Database, order: OrderIdentity) -> str:
    with database.reading() as session:
        return audience_of(session, held(session, order.work, order.fence))
