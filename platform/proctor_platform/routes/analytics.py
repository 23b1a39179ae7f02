"""Scores beside architectures over time, as a table for whoever studies designs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from proctor.spec.registry import Filter
from proctor_platform.database import Reading
from proctor_platform.identity import OptionalUser
from proctor_platform.registry.analytics import Studied, analytics_csv
from proctor_platform.routes.models import Value, descriptions
from proctor_platform.routes.paging import Offset
from proctor_platform.routes.problems import problems

router = APIRouter(tags=["models"])

Models = Annotated[int, Query(ge=1, le=5000, description="the most models to send")]


@router.get(
    "/analytics",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}, **problems()},
)
def read_analytics(
    asker: OptionalUser,
    session: Reading,
    task: Value = None,
    modality: Value = None,
    framework: Value = None,
    challenge: Value = None,
    offset: Offset = 0,
    limit: Models = 1000,
) -> Response:
    """Send every score of public models beside what they are made of, in CSV, the oldest first.

    It holds what everybody may see, whoever asks. ``X-Total-Count`` says how many models there are
    to ask for by ``offset`` and ``limit``; one that no board has yet has no line.
    """
    given = {
        Filter.TASK: task,
        Filter.MODALITY: modality,
        Filter.FRAMEWORK: framework,
        Filter.CHALLENGE: challenge,
    }
    filters = {which: value for which, value in given.items() if value}
    table = analytics_csv(session, descriptions, Studied(filters, offset, limit))
    return Response(
        table.text,
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": 'attachment; filename="proctor-analytics.csv"',
            "X-Total-Count": str(table.models),
        },
    )
