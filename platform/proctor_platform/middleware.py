"""What surrounds every request: its id, the security headers, a limit on JSON, the last net."""

from __future__ import annotations

import re
import secrets

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from proctor.spec.outcomes import Code, ProctorError
from proctor_platform.errors import problem

_log = structlog.get_logger(__name__)

_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class RequestFrame:
    """Give every request an id, every answer its headers, and every surprise a plain 500."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("X-Request-Id", "")
        request_id = given if _ID.fullmatch(given) else secrets.token_hex(8)
        started = False

        async def send_framed(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        with structlog.contextvars.bound_contextvars(request=request_id):
            try:
                await self.app(scope, receive, send_framed)
            except Exception:
                _log.exception("request_failed", method=scope["method"], path=scope["path"])
                if not started:
                    answer = problem(Code.INTERNAL, f"The request's id is {request_id}.")
                    await answer(scope, receive, send_framed)


class JsonLimit:
    """Refuse a request body above a size, except where blobs are streamed.

    Bodies are parsed before a route's rights are looked at, so this holds for everybody.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting what its body holds."""
        if scope["type"] != "http" or scope["method"] == "PUT":
            await self.app(scope, receive, send)
            return
        sentence = f"A JSON request holds at most {self.max_bytes} bytes."
        declared = Headers(scope=scope).get("Content-Length", "0")
        if declared.isdecimal() and int(declared) > self.max_bytes:
            answer = problem(Code.TOO_LARGE, sentence, headers={"Connection": "close"})
            await answer(scope, receive, send)
            return
        received = 0

        async def receive_counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.max_bytes:
                raise ProctorError(Code.TOO_LARGE, sentence)
            return message

        await self.app(scope, receive_counted, send)
