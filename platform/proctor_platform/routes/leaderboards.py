"""Leaderboards: the newest of a phase, all of a phase, and any by its own address."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from proctor.spec.leaderboard import BoardChanges, Leaderboard, SnapshotRef
from proctor.spec.outcomes import Code, ProctorError
from proctor.spec.overfitting import OverfittingReport
from proctor.spec.statistics import RankingStatistics
from proctor_platform.database import Database, Reading, database_of
from proctor_platform.identity import Credentials, OptionalUser, optional_user
from proctor_platform.leaderboards.certainties import Asked, Certainties
from proctor_platform.leaderboards.changes import changes_between, snapshot_before
from proctor_platform.leaderboards.overfitting import overfitting_report
from proctor_platform.leaderboards.pages import Form, Pages, Window
from proctor_platform.leaderboards.sight import BoardSight, Sighted
from proctor_platform.routes.paging import Offset
from proctor_platform.routes.problems import problems

router = APIRouter(tags=["leaderboards"])

_pages = Pages()
_sight = BoardSight()
_certainties = Certainties()
_MEDIA_TYPES = {Form.JSON: "application/json", Form.CSV: "text/csv; charset=utf-8"}
_MOST_LISTED = 1000

Rows = Annotated[int, Query(ge=1, le=1000, description="the most rows to send")]
Format = Annotated[Form, Query(alias="format", description="how the page is written")]
Search = Annotated[
    str, Query(max_length=100, description="words of a participant, a title or a submission's id")
]
Column = Annotated[
    str | None,
    Query(max_length=200, description="task/metric/label; all that decide ranks if none"),
]
Private = Annotated[bool, Query(description="on the private cases, once they are open")]
Since = Annotated[
    str | None,
    Query(pattern=r"^lea_[0-9a-z]{26}$", description="another snapshot; the one before if none"),
]

_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"model": Leaderboard, "content": {"text/csv": {"schema": {"type": "string"}}}},
    304: {"description": "You have this page already."},
    **problems(Code.NOT_FOUND, Code.NOT_YET),
}


@router.get(
    "/challenges/{slug}/phases/{phase}/leaderboard", response_class=Response, responses=_ANSWERS
)
def newest(
    slug: str,
    phase: str,
    request: Request,
    credentials: Credentials,
    offset: Offset = 0,
    limit: Rows = 100,
    form: Format = Form.JSON,
    search: Search = "",
) -> Response:
    """Send a page of a phase's newest board; `Content-Location` is the snapshot's own address."""
    # No dependency but the header: each costs a turn in the thread pool, and boards are read most.
    database = database_of(request)
    asker = optional_user(request, credentials)
    snapshot = _sight.newest(database, slug, phase, asker)
    return _answer(request, database, Window(snapshot, offset, limit, form, search.strip()))


@router.get("/challenges/{slug}/phases/{phase}/leaderboards", responses=problems(Code.NOT_FOUND))
def list_snapshots(
    slug: str, phase: str, asker: OptionalUser, session: Reading
) -> list[SnapshotRef]:
    """List the snapshots of a phase, the newest first."""
    found = _sight.listed(session, slug, phase, asker, limit=_MOST_LISTED)
    return [_entry(snapshot) for snapshot in found]


@router.get("/leaderboards/{snapshot_id}", response_class=Response, responses=_ANSWERS)
def by_id(
    snapshot_id: str,
    request: Request,
    asker: OptionalUser,
    session: Reading,
    offset: Offset = 0,
    limit: Rows = 100,
    form: Format = Form.JSON,
    search: Search = "",
) -> Response:
    """Send a page of one snapshot, which never changes."""
    found = _sight.one(session, snapshot_id, asker)
    window = Window(found.id, offset, limit, form, search.strip())
    return _answer(request, database_of(request), window)


@router.get("/leaderboards/{snapshot_id}/changes", responses=problems(Code.NOT_FOUND, Code.NOT_YET))
def list_changes(
    snapshot_id: str, asker: OptionalUser, session: Reading, since: Since = None, limit: Rows = 100
) -> BoardChanges:
    """Tell what moved from another snapshot of a board to this one, the largest moves first."""
    after = _sight.one(session, snapshot_id, asker)
    earlier = since or snapshot_before(session, snapshot_id)
    return changes_between(session, _sight.one(session, earlier, asker), after, limit)


@router.get("/leaderboards/{snapshot_id}/private", response_class=Response, responses=_ANSWERS)
def private_by_id(
    snapshot_id: str,
    request: Request,
    asker: OptionalUser,
    session: Reading,
    offset: Offset = 0,
    limit: Rows = 100,
    form: Format = Form.JSON,
) -> Response:
    """Send a page of what a snapshot becomes on the private cases, once they are open."""
    found = _sight.private(session, snapshot_id, asker)
    window = Window(found.id, offset, limit, form, private=True)
    return _answer(request, database_of(request), window)


@router.get(
    "/leaderboards/{snapshot_id}/overfitting", responses=problems(Code.NOT_FOUND, Code.NOT_YET)
)
def compare_private(
    snapshot_id: str, asker: OptionalUser, session: Reading, limit: Rows = 100
) -> OverfittingReport:
    """Tell how far the private cases order a snapshot otherwise than the public ones did."""
    return overfitting_report(session, _sight.private(session, snapshot_id, asker), limit)


@router.get(
    "/leaderboards/{snapshot_id}/statistics",
    response_class=Response,
    responses={
        200: {"model": RankingStatistics},
        304: {"description": "You have these already."},
        **problems(Code.NOT_FOUND, Code.NOT_YET),
    },
)
def statistics(
    snapshot_id: str,
    request: Request,
    asker: OptionalUser,
    session: Reading,
    column: Column = None,
    private: Private = False,
) -> Response:
    """Tell how sure the ranks of a snapshot are, and what they hang on; they never change."""
    look = _sight.private if private else _sight.one
    found = look(session, snapshot_id, asker)
    feedback = _sight.feedback(session, snapshot_id, asker)
    if feedback.board_only:
        raise ProctorError(
            Code.NOT_YET,
            "The Ladder shows what stands on the board alone; the statistics open when the phase"
            " closes.",
        )
    wanted = Asked(found.id, column, private, feedback.digits)
    headers = {"ETag": wanted.etag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
    if _has(request.headers.get("If-None-Match", ""), wanted.etag):
        return Response(status_code=304, headers=headers)
    body = _certainties.body(session, wanted, feedback)
    return Response(body, media_type=_MEDIA_TYPES[Form.JSON], headers=headers)


def _answer(request: Request, database: Database, window: Window) -> Response:
    prefix = request.url.path.partition("/challenges/")[0].partition("/leaderboards/")[0]
    query = f"offset={window.offset}&limit={window.limit}&format={window.form.value}"
    if window.search:
        query += f"&{urlencode({'search': window.search})}"
    private = "/private" if window.private else ""
    headers = {
        "ETag": window.etag,
        "Cache-Control": "private, no-cache",
        "Content-Location": f"{prefix}/leaderboards/{window.snapshot}{private}?{query}",
        "Vary": "Authorization",
    }
    if _has(request.headers.get("If-None-Match", ""), window.etag):
        return Response(status_code=304, headers=headers)
    page = _pages.page(database, window)
    return Response(page, media_type=_MEDIA_TYPES[window.form], headers=headers)


def _has(header: str, etag: str) -> bool:
    given = {part.strip().removeprefix("W/") for part in header.split(",")}
    return etag in given or "*" in given


def _entry(found: Sighted) -> SnapshotRef:
    return SnapshotRef(id=found.id, number=found.number, created_at=found.created_at)
