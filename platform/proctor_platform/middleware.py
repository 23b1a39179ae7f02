"""What surrounds every request: its id, the security headers, a limit on JSON, the last net."""

from __future__ import annotations

import re
import secrets
import time
from collections import Counter
from collections.abc import Callable

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from proctor.spec.outcomes import Code, ProctorError
from proctor_platform.errors import problem, refusal
from proctor_platform.origin import request_from
from proctor_platform.rates import LaterError
from proctor_platform.tables import Token

_log = structlog.get_logger(__name__)

_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_STRANGERS_BYTES = 64 * 1024
# Whole data sets are published, and every score of an evaluation is reported, in one request.
_LONG_BYTES = 64 << 20
_MOST_HELD_BYTES = 2 * _LONG_BYTES
_AGAIN_S = 5
_LONG_PATHS = re.compile(r"/api/v1/(?:work/.*|challenges/[^/]*/versions)")
# Nothing of these is parsed, and their routes read no body before they know who asks.
_FORWARDED_PATHS = re.compile(r"/api/v1/(?:hosted|visits)/.*")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class RequestFrame:
    """Give every request an id, every answer its headers, and every surprise a plain 500."""

    def __init__(self, app: ASGIApp, observe: Callable[[Scope, int, float], None]) -> None:
        self.app = app
        self.observe = observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("X-Request-Id", "")
        request_id = given if _ID.fullmatch(given) else secrets.token_hex(8)
        status, began = 0, time.perf_counter()

        async def send_framed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        host = (scope.get("client") or ("",))[0]
        with structlog.contextvars.bound_contextvars(request=request_id), request_from(host):
            try:
                await self.app(scope, receive, send_framed)
            except Exception:
                _log.exception("request_failed", method=scope["method"], path=scope["path"])
                if not status:
                    answer = problem(Code.INTERNAL, f"The request's id is {request_id}.")
                    await answer(scope, receive, send_framed)
            finally:
                self.observe(scope, status, time.perf_counter() - began)


class JsonLimit:
    """Refuse a request body above a size, except where blobs are streamed.

    Bodies are parsed before a route's rights are looked at, and JSON takes many times its length
    when it is, so a stranger's body is held to a much smaller size, and those of one user at a time
    to a size together: a body lies in memory until its last byte is there, however slowly it comes.
    """

    def __init__(
        self, app: ASGIApp, max_bytes: int, token_of: Callable[[HTTPConnection, str], Token]
    ) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.token_of = token_of
        # Of one event loop, so nothing is locked.
        self._held: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting what its body holds."""
        streamed = scope["type"] == "http" and (
            scope["method"] == "PUT" or _FORWARDED_PATHS.fullmatch(scope["path"])
        )
        if scope["type"] != "http" or streamed:
            await self.app(scope, receive, send)
            return
        most = self._most_bytes(scope["path"])
        try:
            whose = await self._judge(HTTPConnection(scope), most)
        except ProctorError as error:
            await refusal(error, close=True)(scope, receive, send)
            return
        received = 0

        async def receive_counted() -> Message:
            nonlocal received
            message = await receive()
            more = len(message.get("body", b""))
            received += more
            if whose is not None:
                self._held[whose] += more
            if received > most:
                raise ProctorError(Code.TOO_LARGE, _sentence(most))
            if whose is not None and self._held[whose] > _MOST_HELD_BYTES:
                raise LaterError("Too many large requests at once", _AGAIN_S)
            return message

        try:
            await self.app(scope, receive_counted, send)
        finally:
            if whose is not None:
                self._held[whose] -= received
                if not self._held[whose]:
                    del self._held[whose]

    def _most_bytes(self, path: str) -> int:
        return max(self.max_bytes, _LONG_BYTES) if _LONG_PATHS.fullmatch(path) else self.max_bytes

    async def _judge(self, connection: HTTPConnection, most: int) -> str | None:
        """Refuse by its headers a body that is not even read, and return whose is counted.

        Raises:
            ProctorError: it is too large, or too large for whoever sends it.
        """
        size = _announced(connection.headers)
        if size is not None and size > most:
            raise ProctorError(Code.TOO_LARGE, _sentence(most))
        if size is not None and size <= _STRANGERS_BYTES:
            return None
        token = connection.headers.get("Authorization", "").partition(" ")[2]
        if not token:
            detail = f"A JSON request above {_STRANGERS_BYTES} bytes needs a token."
            raise ProctorError(Code.UNAUTHENTICATED, detail)
        found = await run_in_threadpool(self.token_of, connection, token)
        return found.user_id


def _sentence(most_bytes: int) -> str:
    return f"A JSON request here holds at most {most_bytes} bytes."


def _announced(headers: Headers) -> int | None:
    """Return the length of a body; none when it comes in chunks and only its end will tell."""
    length = headers.get("Content-Length", "0")
    return None if "Transfer-Encoding" in headers or not length.isdecimal() else int(length)
