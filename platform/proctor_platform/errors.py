"""Every error as problem+json from the one table of outcomes (RFC 9457).

Tracebacks, SQL and paths of this machine stay in the log; the answer carries the request's id,
by which the operator finds them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy import exc
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from proctor.spec.api import Problem
from proctor.spec.base import in_words
from proctor.spec.outcomes import OUTCOMES, Code, ProctorError
from proctor_platform.rates import LaterError

_log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
_BY_STATUS = {
    401: Code.UNAUTHENTICATED,
    403: Code.FORBIDDEN,
    404: Code.NOT_FOUND,
    409: Code.CONFLICT,
    413: Code.TOO_LARGE,
}


def problem(
    code: Code,
    detail: str = "",
    *,
    status: int | None = None,
    errors: Sequence[dict[str, Any]] = (),
    headers: dict[str, str] | None = None,
) -> Response:
    """Answer with the row of the outcomes table for ``code``."""
    outcome = OUTCOMES[code]
    body = Problem(
        type=f"urn:proctor:outcome:{code.value}",
        title=outcome.message,
        status=status or outcome.status,
        code=code,
        detail=detail,
        hint=outcome.hint,
        errors=tuple(errors),
    )
    extra = {"WWW-Authenticate": "Bearer"} if body.status == 401 else {}
    return JSONResponse(
        body.model_dump(mode="json"),
        status_code=body.status,
        media_type=MEDIA_TYPE,
        headers={**extra, **(headers or {})},
    )


def refusal(error: ProctorError, *, close: bool = False) -> Response:
    """Answer with an error, and say when to come back where that helps.

    Args:
        error: what is refused.
        close: end the connection, since the request was not read to its end.
    """
    headers = {"Connection": "close"} if close else {}
    if isinstance(error, LaterError):
        headers["Retry-After"] = str(error.retry_after_s)
    return problem(error.code, error.detail, headers=headers)


def install(app: FastAPI) -> None:
    """Make ``app`` answer every error as a problem."""
    app.add_exception_handler(ProctorError, _on_proctor_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(OperationalError, _on_database_error)
    app.add_exception_handler(exc.TimeoutError, _on_database_error)
    app.add_exception_handler(DataError, _on_misfit)
    app.add_exception_handler(UnicodeEncodeError, _on_misfit)
    app.add_exception_handler(IntegrityError, _on_race)


def _on_proctor_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProctorError)  # noqa: S101 - registered for this class alone
    # A refused upload is not read to its end, so the connection cannot carry another request.
    return refusal(error, close=request.method == "PUT")


def _on_invalid_request(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    rows = error.errors()
    # A list whose items are wrong is also called too short: only the items help.
    holders = {row["loc"][:end] for row in rows for end in range(len(row["loc"]))}
    return problem(
        Code.INVALID_REQUEST,
        errors=[
            {"field": _shown(row["loc"]), "message": in_words(row)}
            for row in rows
            if row["loc"] not in holders
        ],
    )


def _shown(place: tuple[int | str, ...]) -> str:
    """Write the way to a field, whose names are the asker's and may be no Unicode."""
    return ".".join(str(part) for part in place).encode(errors="replace").decode()


def _on_http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    code = _BY_STATUS.get(error.status_code, Code.INVALID_REQUEST)
    detail = "" if error.status_code == 404 else str(error.detail)
    # A body that is no JSON is as wrong as one with a wrong field, and answered alike.
    status = None if error.status_code == 400 else error.status_code
    return problem(code, detail, status=status, headers=dict(error.headers or {}))


def _on_database_error(_: Request, error: Exception) -> Response:
    _log.error("database_failed", exc_info=error)
    return problem(Code.STORAGE_FAILED)


def _on_misfit(_: Request, error: Exception) -> Response:
    _log.warning("value_refused", exc_info=error)
    return problem(
        Code.INVALID_REQUEST,
        "A number or text of the request cannot be kept: it is too large, or no Unicode.",
    )


def _on_race(_: Request, error: Exception) -> Response:
    _log.warning("row_made_twice", exc_info=error)
    return problem(Code.CONFLICT, "Another request did the same at this moment; look, then repeat.")
