"""What can go wrong between a client and a platform.

ClientError
    ApiError    the platform answered with a problem
    HostError   no answer came: wrong address, platform down, connection lost
"""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from urllib.parse import unquote

import httpx2
from pydantic import ValidationError

from proctor.spec.api import Problem
from proctor.spec.outcomes import Code

_CODES = {
    HTTPStatus.UNAUTHORIZED: Code.UNAUTHENTICATED,
    HTTPStatus.FORBIDDEN: Code.FORBIDDEN,
    HTTPStatus.NOT_FOUND: Code.NOT_FOUND,
    HTTPStatus.CONFLICT: Code.CONFLICT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Code.TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY: Code.INVALID_REQUEST,
    HTTPStatus.TOO_MANY_REQUESTS: Code.RATE_LIMITED,
}


# What a path names, how it is called, where those that are there are listed, and one is shown.
_NAMED = (
    (
        re.compile(r"/api/v1/challenges/([^/]+)"),
        "challenge",
        "Check the name; `proctor challenge list` shows the challenges that are listed for you.",
        "`proctor challenge show {}` says what it has.",
    ),
    (
        re.compile(r"/api/v1/submissions/([^/]+)"),
        "submission",
        "Check the id; `proctor submissions` lists yours.",
        "`proctor submission {}` says what it has.",
    ),
)


class ClientError(Exception):
    """Base of this package's errors; ``message`` says what happened, ``hint`` what to do next."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class ApiError(ClientError):
    """The platform refused; ``problem`` is what it said."""

    def __init__(self, problem: Problem) -> None:
        said = [part for part in (problem.title, problem.detail) if part]
        if problem.code is Code.NOT_FOUND:
            # The title speaks of any thing; a detail says which, and that is enough.
            said = said[-1:]
        super().__init__(" ".join(said), problem.hint)
        self.problem = problem


class HostError(ClientError):
    """The platform could not be reached, or what answered is not a Proctor platform."""


def problem_of(response: httpx2.Response) -> Problem:
    """Read the problem in an error response, or make one when a proxy answered instead."""
    try:
        problem = Problem.model_validate(json.loads(response.content))
        return _naming_what_was_asked(problem, response.request.url.path)
    except (ValueError, ValidationError):
        status = HTTPStatus(response.status_code) if response.status_code in _STATUSES else None
        return Problem(
            type="about:blank",
            title=f"The server answered {response.status_code}"
            + (f" ({status.phrase})." if status else "."),
            status=response.status_code,
            code=_CODES.get(status, Code.INTERNAL) if status else Code.INTERNAL,
            hint=f"Is {response.request.url.copy_with(path='/', query=None)} a Proctor platform?",
        )


def _naming_what_was_asked(problem: Problem, path: str) -> Problem:
    """Say which challenge or submission was not found; a platform tells nobody why it is not."""
    if problem.code is not Code.NOT_FOUND:
        return problem
    for pattern, kind, absent, present in _NAMED:
        if found := pattern.match(path):
            name = unquote(found[1])
            if problem.detail:
                return problem.model_copy(update={"hint": present.format(name)})
            detail = f"There is no {kind} {name}, or it is not yours to see."
            return problem.model_copy(update={"detail": detail, "hint": absent})
    return problem


_STATUSES = frozenset(status.value for status in HTTPStatus)
