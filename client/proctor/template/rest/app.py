"""The table of calls: which function answers which path, and in whose form a refusal is said."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from . import max_api, modelhub_api, own_api, pages
from .failures import RefusedError
from .messages import Response
from .openapi import document

if TYPE_CHECKING:
    from collections.abc import Callable

    from .messages import Request
    from .service import Service

    Call = Callable[[Service, Request], Response]
    FileCall = Callable[[Service, Request, str], Response]

CALLS: dict[str, dict[str, Call]] = {
    "/healthz": {"GET": own_api.health},
    "/model.json": {"GET": own_api.model},
    "/predict": {"POST": own_api.predict},
    "/predict_sample": {"GET": own_api.predict_sample},
    "/api/get_config": {"GET": modelhub_api.get_config},
    "/api/get_legal": {"GET": modelhub_api.get_legal},
    "/api/get_model_io": {"GET": modelhub_api.get_model_io},
    "/api/get_model_files": {"GET": modelhub_api.get_model_files},
    "/api/get_samples": {"GET": modelhub_api.get_samples},
    "/api/predict": {"GET": modelhub_api.predict, "POST": modelhub_api.predict},
    "/api/predict_sample": {"GET": modelhub_api.predict_sample},
    "/model/metadata": {"GET": max_api.metadata},
    "/model/labels": {"GET": max_api.labels},
    "/model/predict": {"POST": max_api.predict},
    "/": {"GET": pages.try_page},
    "/docs": {"GET": pages.docs_page},
    "/openapi.json": {"GET": lambda service, request: Response.of_json(document(service, request))},
}
FILES: dict[str, FileCall] = {
    "/api/samples/": modelhub_api.sample,
    "/api/output/": modelhub_api.output,
    "/api/thumbnail/": modelhub_api.thumbnail,
    "/static/": pages.static,
}
SHARED_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_READING = ("GET", "HEAD")
_HOST = re.compile(r"[\w.:\[\]-]*\Z")
_ASKING = frozenset(path for path, methods in CALLS.items() if "POST" in methods)


class App:
    """Answers the requests of one service."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def answer(self, request: Request) -> Response:
        """Answer a request; see `server.Server`."""
        request.host = self._known_host(request.headers.get("host", ""))
        origin = self._known_origin(request)
        response = self._answer(request, origin)
        if origin:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Vary"] = "Origin"
        return response

    def refusal(self, path: str, error: RefusedError) -> Response:
        """Say a refusal as the callers of a path know it."""
        if path.startswith(modelhub_api.PREFIX):
            return modelhub_api.refusal(error)
        if path.startswith(max_api.PREFIX):
            return max_api.refusal(error)
        return own_api.refusal(error)

    def is_for_model(self, method: str, path: str) -> bool:
        """Tell whether a request asks the model, and nothing is waited for but the model."""
        # What is fetched from elsewhere comes when it comes.
        fetches = bool(self._service.settings.url_hosts)
        return method == "POST" and path in _ASKING and not fetches

    def _answer(self, request: Request, origin: str) -> Response:
        methods = CALLS.get(request.path)
        if methods is None:
            methods = self._file_call(request)
        if request.method == "OPTIONS":
            allowed = ", ".join(sorted({*methods, "OPTIONS"}))
            response = Response(204, headers={"Allow": allowed})
            if origin:
                response.headers["Access-Control-Allow-Methods"] = allowed
                response.headers["Access-Control-Allow-Headers"] = "Content-Type"
            return response
        wanted = "GET" if request.method == "HEAD" else request.method
        call = methods.get(wanted)
        if call is None:
            allowed = ", ".join(sorted(methods))
            raise RefusedError(
                405, "method_not_allowed", f"This call takes {allowed}.", {"Allow": allowed}
            )
        return call(self._service, request)

    def _file_call(self, request: Request) -> dict[str, Call]:
        for prefix, found in FILES.items():
            if request.path.startswith(prefix):
                return {"GET": partial(_call_for_file, found, request.path[len(prefix) :])}
        raise RefusedError(404, "not_found", "There is no such call; /docs lists them.")

    def _known_host(self, said: str) -> str:
        """Return the host that was asked for.

        Raises:
            RefusedError: It is not this service's: a page elsewhere made a name of its own lead
                here.
        """
        host = said.strip().lower()
        if not _HOST.match(host):
            raise RefusedError(400, "bad_request", "The header Host is not a host.")
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        known = self._service.settings.hosts
        if known and name not in known:
            raise RefusedError(421, "wrong_host", "This service is not called by that name.")
        return host

    def _known_origin(self, request: Request) -> str:
        """Return the origin of a page elsewhere that may call; empty for everybody else.

        Raises:
            RefusedError: A page elsewhere that may not call wants something to be done.
        """
        origin = request.headers.get("origin", "")
        if not origin or urlsplit(origin).netloc.lower() == request.host:
            return ""
        if {"*", origin} & self._service.settings.origins:
            return origin
        if request.method not in _READING:
            raise RefusedError(
                403, "foreign_page", "Pages of other sites may not call this service."
            )
        return ""


def _call_for_file(call: FileCall, name: str, service: Service, request: Request) -> Response:
    return call(service, request, name)
