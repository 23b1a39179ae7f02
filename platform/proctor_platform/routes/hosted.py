"""What is asked of hosted models: a request below a model's address is the model's to answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool

from proctor.spec.outcomes import Code
from proctor_platform.database import Database, database_of
from proctor_platform.hosting import visits
from proctor_platform.hosting.forwarding import Forwarding
from proctor_platform.hosting.sights import askable
from proctor_platform.identity import OptionalUser
from proctor_platform.rates import Act, address_of, rates_of
from proctor_platform.rights import Asker
from proctor_platform.routes.deployments import DeploymentId, Settings
from proctor_platform.routes.problems import problems

router = APIRouter(tags=["hosted models"])

T = TypeVar("T")
_Database = Annotated[Database, Depends(database_of)]
_Rest = Annotated[str, Path(description="a call of the model, such as `predict` or `openapi.json`")]
_VisitText = Annotated[str, Path(max_length=200)]
_ANYTHING: dict[str, Any] = {"content": {"*/*": {}}}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: _ANYTHING,
    "default": {"description": "whatever the model answers", **_ANYTHING},
    **problems(
        Code.NOT_FOUND,
        Code.FORBIDDEN,
        Code.CONFLICT,
        Code.TOO_LARGE,
        Code.NOT_SERVED,
        Code.NO_ANSWER,
    ),
}
_PAGES = ("", "docs")


@router.get("/hosted/{deployment_id}/{path:path}", response_class=Response, responses=_ANSWERS)
async def read_hosted(
    deployment_id: DeploymentId,
    path: _Rest,
    request: Request,
    asker: OptionalUser,
    database: _Database,
    settings: Settings,
) -> Response:
    """Ask a hosted model by GET; a browser without a token is led to a visit."""
    if asker is None and path in _PAGES:
        made = await run_in_threadpool(_visited, database, deployment_id, settings)
        return RedirectResponse(f"{made}{path}", status_code=303)
    return await _asked(request, deployment_id, path, asker, database, settings)


@router.post("/hosted/{deployment_id}/{path:path}", response_class=Response, responses=_ANSWERS)
async def ask_hosted(
    deployment_id: DeploymentId,
    path: _Rest,
    request: Request,
    asker: OptionalUser,
    database: _Database,
    settings: Settings,
) -> Response:
    """Ask a hosted model by POST."""
    return await _asked(request, deployment_id, path, asker, database, settings)


@router.get("/visits/{visit}/{path:path}", response_class=Response, responses=_ANSWERS)
async def read_visited(
    visit: _VisitText, path: _Rest, request: Request, database: _Database, settings: Settings
) -> Response:
    """Ask by GET on the way that a visit is."""
    return await _visiting(request, visit, path, database, settings)


@router.post("/visits/{visit}/{path:path}", response_class=Response, responses=_ANSWERS)
async def ask_visited(
    visit: _VisitText, path: _Rest, request: Request, database: _Database, settings: Settings
) -> Response:
    """Ask by POST on the way that a visit is."""
    return await _visiting(request, visit, path, database, settings)


async def _asked(
    request: Request,
    deployment_id: str,
    path: str,
    asker: Asker,
    database: Database,
    settings: Settings,
) -> Response:
    def find(session: Session) -> str:
        return askable(session, deployment_id, asker, is_open=settings.hosted_open).id

    await run_in_threadpool(_in_reading, database, find)
    whose = asker.id if asker else address_of(request)
    rates_of(request).count(Act.QUESTION, whose)
    base = _base(request, path)
    return await _forwarding(request).forward(request, deployment_id, whose, path, base)


async def _visiting(
    request: Request, visit: str, path: str, database: Database, settings: Settings
) -> Response:
    def find(session: Session) -> visits.Visitor:
        visitor = visits.visitor_of(session, visit)
        is_open = settings.hosted_open
        askable(session, visitor.deployment_id, visitor.asker, is_open=is_open)
        return visitor

    visitor = await run_in_threadpool(_in_reading, database, find)
    whose = visitor.asker.id if visitor.asker else address_of(request)
    rates_of(request).count(Act.QUESTION, whose)
    base = _base(request, path)
    forwarding = _forwarding(request)
    return await forwarding.forward(request, visitor.deployment_id, whose, path, base)


def _visited(database: Database, deployment_id: str, settings: Settings) -> str:
    with database.writing() as session:
        askable(session, deployment_id, None, is_open=settings.hosted_open)
        return visits.begin(session, deployment_id, None, settings.visit_s).path


def _in_reading(database: Database, find: Callable[[Session], T]) -> T:
    with database.reading() as session:
        return find(session)


def _base(request: Request, path: str) -> str:
    """Return the address that a request has come by, up to what is the model's to read."""
    whole = request.url.path
    above = whole[: len(whole) - len(path)].rstrip("/")
    return str(request.url.replace(query="", fragment="", path=above))


def _forwarding(request: Request) -> Forwarding:
    forwarding: Forwarding = request.app.state.forwarding
    return forwarding
