"""The application: settings in, a FastAPI app out. Nothing here runs at import."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from importlib.metadata import version

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute

from proctor_platform import errors, migrate
from proctor_platform.cross_origin import CrossOrigin
from proctor_platform.database import Database
from proctor_platform.hosting.forwarding import Forwarding
from proctor_platform.hosting.rooms import Rooms
from proctor_platform.identity import token_of
from proctor_platform.middleware import JsonLimit, RequestFrame
from proctor_platform.queueing.service import Background
from proctor_platform.rates import Rates
from proctor_platform.routes import (
    accounts,
    analytics,
    archives,
    blobs,
    challenges,
    deployments,
    documentation,
    health,
    hosted,
    leaderboards,
    metrics,
    model_reviews,
    models,
    pictures,
    questions,
    submissions,
    work,
    workers,
)
from proctor_platform.routes.problems import problems
from proctor_platform.settings import PlatformSettings
from proctor_platform.storage import FolderStore
from proctor_platform.telemetry import Telemetry
from proctor_platform.work.waiting_room import WaitingRoom

API = "/api/v1"


def create_app(settings: PlatformSettings, *, rounds: bool = True) -> FastAPI:
    """Build the application and bring its tables up to date.

    Args:
        settings: what the operator set.
        rounds: whether it rings bells, makes boards and looks for lost work while it serves.
    """
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = Database(settings.database_address)
    migrate.upgrade(database.engine)
    store = FolderStore(settings.blobs)
    background = Background(database, settings, store)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if rounds:
            background.start()
        yield
        background.stop()
        database.close()

    app = FastAPI(
        title="Proctor",
        version=version("proctor"),
        description="Examinations for machine-learning models.",
        openapi_url=f"{API}/openapi.json",
        docs_url=None,  # its page loads scripts from elsewhere; ours is a route
        redoc_url=None,
        lifespan=lifespan,
        routes=list(_routes()),
    )
    app.state.settings = settings
    app.state.database = database
    app.state.store = store
    app.state.background = background
    app.state.telemetry = telemetry = Telemetry()
    app.state.rates = Rates(settings)
    app.state.waiting_room = WaitingRoom(database)
    app.state.rooms = rooms = Rooms()
    app.state.forwarding = Forwarding(database, settings, rooms)
    errors.install(app)
    app.add_middleware(JsonLimit, max_bytes=settings.max_json_bytes, token_of=token_of)
    app.add_middleware(CrossOrigin, dashboard_url=settings.dashboard_url)
    app.add_middleware(RequestFrame, observe=telemetry.observe)
    return app


@cache
def _routes() -> tuple[BaseRoute, ...]:
    """Return every route. All applications of a process share what is read of their signatures."""
    whole = APIRouter()
    whole.include_router(health.router)
    whole.include_router(metrics.router)
    whole.include_router(documentation.router)
    for module in (
        accounts,
        archives,
        blobs,
        challenges,
        submissions,
        pictures,
        leaderboards,
        models,
        model_reviews,
        analytics,
        deployments,
        hosted,
        work,
        questions,
        workers,
    ):
        whole.include_router(module.router, prefix=API, responses=problems())
    return tuple(whole.routes)
