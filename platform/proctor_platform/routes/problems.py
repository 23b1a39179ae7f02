"""How the errors of a route are described in the OpenAPI document."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from proctor.spec.api import Problem
from proctor.spec.outcomes import OUTCOMES, Code
from proctor_platform.errors import MEDIA_TYPE

_EVERYWHERE = (Code.INVALID_REQUEST, Code.UNAUTHENTICATED, Code.RATE_LIMITED, Code.INTERNAL)


def problems(*codes: Code) -> dict[int | str, dict[str, Any]]:
    """Describe the answers with these codes, and those that every route may give."""
    by_status: defaultdict[int, list[Code]] = defaultdict(list)
    for code in (*_EVERYWHERE, *codes):
        by_status[OUTCOMES[code].status].append(code)
    return {status: _described(found) for status, found in by_status.items()}


def _described(codes: list[Code]) -> dict[str, Any]:
    examples = {code.value: {"value": _example(code)} for code in codes}
    return {
        "model": Problem,
        "description": " ".join(OUTCOMES[code].message for code in codes),
        "content": {MEDIA_TYPE: {"examples": examples}},
    }


def _example(code: Code) -> dict[str, Any]:
    outcome = OUTCOMES[code]
    shown = Problem(
        type=f"urn:proctor:outcome:{code.value}",
        title=outcome.message,
        status=outcome.status,
        code=code,
        hint=outcome.hint,
    )
    return shown.model_dump(mode="json")
