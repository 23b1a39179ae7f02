"""A request to a hosted model, cleaned on its way in, and its answer, disarmed on its way out.

Of a request go on: the method, the path, the query, the body and its content type. No cookie, no
token, no address of whoever asks. An answer keeps its status and its bytes; every header is ours. A
page runs in an origin of its own (``sandbox`` without ``allow-same-origin``), so whatever is on it
can neither read what the browser keeps for this host nor act in anybody's name, and reaches its own
model alone.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable
from functools import partial

from fastapi import Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from proctor.spec.hosting import AnswerHead
from proctor.spec.outcomes import Code, ProctorError
from proctor_platform.database import Database
from proctor_platform.hosting import questions
from proctor_platform.hosting.questions import Answered, Asked
from proctor_platform.hosting.rooms import Rooms
from proctor_platform.rates import LaterError
from proctor_platform.settings import PlatformSettings

_MOST_QUERY_FIELDS = 50
_MOST_TEXT = 2000
_MOST_AT_ONCE = 4
_AGAIN_S = 5
_PAGE = "text/html"
_SHOWN = (
    "application/json",
    "application/problem+json",
    "text/plain",
    "text/css",
    "text/javascript",
    "image/png",
    "image/jpeg",
    "image/svg+xml",
)
_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+(?:; ?charset=[a-z0-9-]+)?")
_METHODS = re.compile(r"[A-Z]+(?:, [A-Z]+)*")
_CONTENT_TYPE = re.compile(r"[\x20-\x7e]{0,300}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")
_OWN_ORIGIN = "sandbox allow-scripts allow-forms allow-downloads"
_NOTHING = "default-src 'none'; sandbox; frame-ancestors 'none'"
_NULL_ORIGIN = "null"


class Forwarding:
    """The requests that one process of the platform has on their way."""

    def __init__(self, database: Database, settings: PlatformSettings, rooms: Rooms) -> None:
        self._database = database
        self._settings = settings
        self._rooms = rooms
        self._under_way: Counter[str] = Counter()
        # What lies in memory of each asker's bodies, however slowly they come.
        self._held: Counter[str] = Counter()

    async def forward(
        self, request: Request, deployment_id: str, whose: str, path: str, base: str
    ) -> Response:
        """Have a model answer a request; whoever asks was found to be allowed to.

        Args:
            request: as it came.
            deployment_id: whose model is asked.
            whose: who asks, for what one may have under way.
            path: what is asked, below the model's address, without a slash before it.
            base: the model's address as whoever asks has it, without a slash behind it.

        Raises:
            ProctorError: it cannot be handed on, or there is no answer.
        """
        if self._under_way[deployment_id] >= 2 * self._settings.hosted_most_waiting:
            raise LaterError("Enough questions wait for this model", 1)
        self._under_way[deployment_id] += 1
        mine = Counter[str]()
        try:
            async with asyncio.timeout(self._settings.hosted_answer_s):
                asked = await self._read(request, path, base, partial(self._hold, mine, whose))
            return _disarmed(await self._answer(request, deployment_id, asked), request)
        except TimeoutError as error:
            raise ProctorError(Code.INVALID_REQUEST, "The request came too slowly.") from error
        finally:
            self._under_way -= Counter([deployment_id])
            self._held -= mine

    def _hold(self, mine: Counter[str], whose: str, size: int) -> None:
        """Count so many bytes more that lie in memory for an asker.

        Raises:
            ProctorError: they have too many under way.
        """
        mine[whose] += size
        self._held[whose] += size
        if self._held[whose] > _MOST_AT_ONCE * self._settings.hosted_question_bytes:
            raise LaterError("Too many large questions at once", _AGAIN_S)

    async def _read(
        self, request: Request, path: str, base: str, hold: Callable[[int], None]
    ) -> Asked:
        if _CONTROL.search(path) or ".." in path.split("/") or len(path) > _MOST_TEXT:
            raise ProctorError(Code.NOT_FOUND)
        fields = request.query_params.multi_items()
        if len(fields) > _MOST_QUERY_FIELDS or len(request.url.query) > _MOST_TEXT:
            raise ProctorError(Code.INVALID_REQUEST, "The query is too long.")
        content_type = request.headers.get("Content-Type", "")
        if not _CONTENT_TYPE.fullmatch(content_type):
            raise ProctorError(Code.INVALID_REQUEST, "Content-Type is not one.")
        return Asked(
            method=request.method,
            path=f"/{path}",
            query=dict(fields),
            content_type=content_type,
            body=await body_within(request, self._settings.hosted_question_bytes, hold),
            base=base,
        )

    async def _answer(self, request: Request, deployment_id: str, asked: Asked) -> Answered:
        question_id = await run_in_threadpool(self._ask, deployment_id, asked)
        try:
            seat = self._rooms.enter(question_id)
            self._rooms.wake(deployment_id)
            while True:
                try:
                    answered = await run_in_threadpool(self._answer_of, question_id)
                except BaseException:
                    self._rooms.leave(question_id, seat)
                    raise
                if answered is not None:
                    self._rooms.leave(question_id, seat)
                    return answered
                await self._rooms.wait(question_id, seat, self._settings.hosted_answer_s)
                if self._rooms.closed:
                    raise ProctorError(Code.NOT_SERVED, "The platform is being restarted.")
                if await request.is_disconnected():
                    raise ProctorError(Code.NO_ANSWER, "Whoever asked has left.")
                seat = self._rooms.enter(question_id)
        finally:
            await asyncio.shield(run_in_threadpool(self._forget, question_id))

    def _ask(self, deployment_id: str, asked: Asked) -> str:
        with self._database.writing() as session:
            return questions.ask(session, self._settings, deployment_id, asked)

    def _answer_of(self, question_id: str) -> Answered | None:
        with self._database.reading() as session:
            return questions.answer_of(session, question_id)

    def _forget(self, question_id: str) -> None:
        with self._database.writing() as session:
            questions.forget(session, question_id)


def media_type_of(said: str) -> str:
    """Return the media type that an answer may have: what it says, if that is one."""
    said = said.lower()
    return said if _MEDIA_TYPE.fullmatch(said) else "application/octet-stream"


async def body_within(
    request: Request, most_bytes: int, hold: Callable[[int], None] = lambda _size: None
) -> bytes:
    """Read a body of at most so many bytes.

    Args:
        request: whose body is read.
        most_bytes: the most it may have.
        hold: told of every piece; it may refuse.

    Raises:
        ProctorError: it has more.
    """
    too_large = ProctorError(Code.TOO_LARGE, f"At most {most_bytes} bytes are taken here.")
    length = request.headers.get("Content-Length", "0")
    if not length.isdecimal() or int(length) > most_bytes:
        raise too_large
    pieces, size = [], 0
    try:
        async for piece in request.stream():
            size += len(piece)
            if size > most_bytes:
                raise too_large
            hold(len(piece))
            pieces.append(piece)
    except ClientDisconnect as error:
        raise ProctorError(Code.INVALID_REQUEST, "The request ended too early.") from error
    return b"".join(pieces)


def _disarmed(answered: Answered, request: Request) -> Response:
    head = answered.head
    media_type = media_type_of(head.media_type)
    kind = media_type.partition(";")[0]
    headers = {"Content-Security-Policy": _NOTHING, **_said(head)}
    if kind == _PAGE:
        headers["Content-Security-Policy"] = _page_policy(request)
    elif kind not in _SHOWN:
        headers["Content-Disposition"] = "attachment"
    if "visit" in request.path_params:
        # The page is an origin of its own, to which even its own style sheet is another's.
        headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        if request.headers.get("Origin") == _NULL_ORIGIN:
            headers["Access-Control-Allow-Origin"] = _NULL_ORIGIN
    return Response(
        answered.content, status_code=head.status, media_type=media_type, headers=headers
    )


def _page_policy(request: Request) -> str:
    # 'self' would be the page's own origin, which is none.
    here = str(request.url.replace(query="", fragment="", path=""))
    sources = " ".join(f"{kind}-src {here};" for kind in ("script", "style", "img", "connect"))
    return (
        f"{_OWN_ORIGIN}; default-src 'none'; {sources} base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    )


def _said(head: AnswerHead) -> dict[str, str]:
    said = {}
    if head.retry_after is not None:
        said["Retry-After"] = str(head.retry_after)
    if _METHODS.fullmatch(head.allow):
        said["Allow"] = head.allow
    return said
