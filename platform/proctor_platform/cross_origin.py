"""Which other pages a browser lets call this API: the dashboard's, for entering a model.

Without a dashboard's address there is none. Only the requests of an upload are allowed, with the
visitor's own token in a header; a browser sends no cookie, for there is none.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

_PATHS = re.compile(r"/api/v1/(?:submissions|blobs/missing|blobs/sha256:[0-9a-f]{64}(?:/upload)?)")
_HEADERS = ("Authorization", "Content-Type", "Idempotency-Key")
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_REMEMBERED_S = 600


class CrossOrigin:
    """Answer a browser that asks whether a page may upload and submit here."""

    def __init__(self, app: ASGIApp, dashboard_url: str) -> None:
        self.app = app
        self.allowing = CORSMiddleware(
            app,
            allow_origins=origins_of(dashboard_url),
            allow_methods=("GET", "POST", "PUT"),
            allow_headers=_HEADERS,
            max_age=_REMEMBERED_S,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; the few that pages may make, under the rules of CORS."""
        if scope["type"] == "http" and _PATHS.fullmatch(scope["path"]):
            await self.allowing(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def origins_of(address: str) -> list[str]:
    """Return the origins of a page; this machine's loopback goes by several names.

    >>> origins_of("https://proctor.example/pages")
    ['https://proctor.example']
    >>> origins_of("http://127.0.0.1:8501")
    ['http://127.0.0.1:8501', 'http://localhost:8501', 'http://[::1]:8501']
    >>> origins_of("")
    []
    """
    if not address:
        return []
    parts = urlsplit(address)
    name, _, port = parts.netloc.rpartition(":")
    if name in _LOOPBACK:
        return [f"{parts.scheme}://{host}:{port}" for host in _LOOPBACK]
    return [f"{parts.scheme}://{parts.netloc}"]
