"""Whether the platform and what it stands on are well, and what it takes."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from proctor.spec.api import Health
from proctor.spec.uploads import PART_BYTES, PlatformLimits
from proctor.spec.work import Queue
from proctor_platform.database import Database, database_of
from proctor_platform.queueing.bells import Bells, BellsError
from proctor_platform.settings import PlatformSettings, settings_of
from proctor_platform.storage import Store, store_of

router = APIRouter(tags=["health"])


def _bells(request: Request) -> Bells:
    bells: Bells = request.app.state.background.bells
    return bells


@router.get("/healthz", responses={503: {"model": Health, "description": "Something is not well."}})
def read_health(
    response: Response,
    database: Annotated[Database, Depends(database_of)],
    store: Annotated[Store, Depends(store_of)],
    bells: Annotated[Bells, Depends(_bells)],
) -> Health:
    """Say whether database, queue and storage answer; 503 when one does not."""
    answers = _database_answers(database), _queue_answers(bells), store.healthy()
    response.status_code = 200 if all(answers) else 503
    return Health(
        status="ok" if all(answers) else "degraded",
        version=version("proctor"),
        database=answers[0],
        queue=answers[1],
        storage=answers[2],
    )


@router.get("/api/v1/limits")
def read_limits(settings: Annotated[PlatformSettings, Depends(settings_of)]) -> PlatformLimits:
    """Say what this platform takes: sizes, and whose repositories may be named as a source."""
    return PlatformLimits(
        part_bytes=PART_BYTES,
        max_blob_bytes=settings.max_blob_bytes,
        max_folder_bytes=settings.max_folder_bytes,
        max_weights_bytes=settings.max_weights_bytes,
        max_image_bytes=settings.max_image_bytes,
        git_hosts=settings.git_hosts,
    )


def _database_answers(database: Database) -> bool:
    try:
        with database.reading() as session:
            session.connection().execute(text("SELECT 1"))
    except SQLAlchemyError:
        return False
    return True


def _queue_answers(bells: Bells) -> bool:
    try:
        bells.waiting(Queue.SCORE)
    except BellsError:
        return False
    return True
