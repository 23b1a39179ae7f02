"""The application: settings in, a FastAPI app out. Nothing here runs at import."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.util import find_spec

from fastapi import FastAPI

from proctor_platform import errors, migrate
from proctor_platform.database import Database
from proctor_platform.middleware import JsonLimit, RequestFrame
from proctor_platform.routes import accounts, blobs, challenges, submissions
from proctor_platform.settings import PlatformSettings
from proctor_platform.storage import FolderStore

API = "/api/v1"


def create_app(settings: PlatformSettings) -> FastAPI:
    """Build the application on ``settings``; its tables are brought up to date at start."""
    database = Database(settings.database_address)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        database.close()

    app = FastAPI(title="Proctor", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.settings = settings
    app.state.database = database
    app.state.store = FolderStore(settings.blobs)
    migrate.upgrade(database.engine)
    errors.install(app)
    for router in (accounts.router, blobs.router, challenges.router, submissions.router):
        app.include_router(router, prefix=API)
    for name in ("work", "leaderboards"):
        if find_spec(f"proctor_platform.routes.{name}"):
            module = import_module(f"proctor_platform.routes.{name}")
            app.include_router(module.router, prefix=API)
    app.add_middleware(JsonLimit, max_bytes=settings.max_json_bytes)
    app.add_middleware(RequestFrame)
    return app
