"""What a worker asks that hosts a model: the next question, and where the answer goes."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from proctor.spec.hosting import AnswerHead, QuestionTurn, TurnAsked
from proctor.spec.outcomes import Code, ProctorError
from proctor_platform.database import Database, Reading, database_of
from proctor_platform.hosting import questions
from proctor_platform.hosting.forwarding import body_within
from proctor_platform.hosting.holding import held, is_hosting, refuse
from proctor_platform.hosting.rooms import Rooms, rooms_of
from proctor_platform.identity import OrderIdentity, OrderToken
from proctor_platform.routes.problems import problems
from proctor_platform.settings import PlatformSettings, settings_of

router = APIRouter(
    prefix="/work",
    tags=["work"],
    responses=problems(Code.FORBIDDEN, Code.NOT_FOUND, Code.LEASE_LOST),
)

QuestionId = Annotated[str, Path(pattern=r"^que_[0-9a-z]{26}$")]
_Database = Annotated[Database, Depends(database_of)]
_Rooms = Annotated[Rooms, Depends(rooms_of)]
_Settings = Annotated[PlatformSettings, Depends(settings_of)]
_BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


@router.post("/{work_id}/questions")
async def take_question(
    asked: TurnAsked, request: Request, order: OrderToken, database: _Database, rooms: _Rooms
) -> QuestionTurn:
    """Take the next question; none within ``wait_s`` when nobody asks."""
    if not is_hosting(order.work):
        raise ProctorError(Code.INVALID_REQUEST, f"{order.work} is no model that is hosted.")
    clock = asyncio.get_running_loop().time
    ends_at = clock() + asked.wait_s
    name = await run_in_threadpool(_deployment_of, database, order, asked.fence)
    while True:
        seat = rooms.enter(name)
        try:
            turn = await run_in_threadpool(_take, database, order)
        except BaseException:
            rooms.leave(name, seat)
            raise
        left_s = ends_at - clock()
        if turn is not None or left_s <= 0 or rooms.closed:
            rooms.leave(name, seat)
            return turn or QuestionTurn()
        await rooms.wait(name, seat, left_s)
        # A question for a worker that has gone would lie there until its lease lapses.
        if await request.is_disconnected():
            return QuestionTurn()


@router.get(
    "/{work_id}/questions/{question_id}/body",
    response_class=Response,
    responses={200: {"content": _BYTES}},
)
def read_question(question_id: QuestionId, order: OrderToken, session: Reading) -> Response:
    """Read the body of a question that was taken."""
    body = questions.body_of(session, order.work, order.fence, question_id)
    return Response(body, media_type="application/octet-stream")


@router.put(
    "/{work_id}/questions/{question_id}/answer",
    status_code=204,
    responses=problems(Code.TOO_LARGE),
    openapi_extra={"requestBody": {"required": True, "content": _BYTES}},
)
async def answer_question(
    question_id: QuestionId,
    head: Annotated[AnswerHead, Query()],
    request: Request,
    order: OrderToken,
    database: _Database,
    settings: _Settings,
    rooms: _Rooms,
) -> None:
    """Answer a question that was taken."""
    content = await body_within(request, settings.hosted_answer_bytes)
    answered = questions.Answered(head, content)
    await run_in_threadpool(_answer, database, order, question_id, answered)
    rooms.wake(question_id)


def _deployment_of(database: Database, order: OrderIdentity, fence: int) -> str:
    with database.reading() as session:
        # A body with another fence than its token's is some other attempt's.
        if fence != order.fence:
            refuse(session, order.work, fence)
        return held(session, order.work, order.fence).deployment_id


def _take(database: Database, order: OrderIdentity) -> QuestionTurn | None:
    with database.reading() as session:
        if not questions.waits(session, order.work, order.fence):
            return None
    with database.writing() as session:
        turn = questions.take(session, order.work, order.fence)
    return turn if turn.question or turn.cancel else None


def _answer(
    database: Database, order: OrderIdentity, question_id: str, answered: questions.Answered
) -> None:
    with database.writing() as session:
        questions.answer(session, order.work, order.fence, question_id, answered)
