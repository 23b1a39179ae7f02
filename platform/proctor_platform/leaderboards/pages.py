"""Pages of a snapshot as bytes: JSON by joining rows that are JSON already, or CSV.

A snapshot never changes, so a page that was made once is kept and sent again. Whether the asker
may see it is decided before, by a query, and never here.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, select
from sqlmodel import col

from proctor_platform.database import Database
from proctor_platform.leaderboards.search import Finder
from proctor_platform.spreadsheets import cell
from proctor_platform.tables import (
    LeaderboardRow,
    LeaderboardSnapshot,
    PrivateBoard,
    PrivateBoardRow,
)

_KEPT_BYTES = 64 << 20
_FACTS = (
    "rank",
    "rank_low",
    "rank_high",
    "first_probability",
    "tie_group",
    "submission",
    "participant",
    "title",
    "kind",
    "baseline",
)
_SOMETIMES: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "score": lambda head: "score" in head,
    "ineligible": lambda head: "gates" in head["ranking"],
}
"""Facts that only some boards have, and how their head says so."""

_ENDS = ("low", "high", "n_used", "n_total")
_CLAIM = (" claimed", " claim")
_COSTS = (
    "failed_cases",
    "total_cases",
    "seconds_per_case",
    "hardware",
    "rerun_verdict",
    "content_digest",
    "submitted_at",
)


# Statements are made once: building them takes longer than what they ask for.
_HEAD = select(LeaderboardSnapshot).where(col(LeaderboardSnapshot.id) == bindparam("snapshot"))
_BODIES = (
    select(col(LeaderboardRow.body))
    .where(
        col(LeaderboardRow.leaderboard_id) == bindparam("snapshot"),
        col(LeaderboardRow.position) >= bindparam("first"),
        col(LeaderboardRow.position) < bindparam("end"),
    )
    .order_by(col(LeaderboardRow.position))
)
_PRIVATE_HEAD = select(col(PrivateBoard.head)).where(
    col(PrivateBoard.leaderboard_id) == bindparam("snapshot")
)
_PRIVATE_BODIES = (
    select(col(PrivateBoardRow.body))
    .where(
        col(PrivateBoardRow.leaderboard_id) == bindparam("snapshot"),
        col(PrivateBoardRow.position) >= bindparam("first"),
        col(PrivateBoardRow.position) < bindparam("end"),
    )
    .order_by(col(PrivateBoardRow.position))
)
_SOME_BODIES = (
    select(col(LeaderboardRow.body))
    .where(
        col(LeaderboardRow.leaderboard_id) == bindparam("snapshot"),
        col(LeaderboardRow.position).in_(bindparam("positions", expanding=True)),
    )
    .order_by(col(LeaderboardRow.position))
)


class Form(StrEnum):
    """How a page is written."""

    JSON = "json"
    CSV = "csv"


class Window(NamedTuple):
    """Which rows of which snapshot, and how; with ``search``, those that hold its words."""

    snapshot: str
    offset: int
    limit: int
    form: Form
    search: str = ""
    private: bool = False

    @property
    def etag(self) -> str:
        """The entity tag of the page; its content never changes."""
        parts = [self.snapshot, str(self.offset), str(self.limit), self.form.value]
        if self.private:
            parts.append("private")
        if self.search:
            parts.append(hashlib.sha256(self.search.encode()).hexdigest()[:16])
        return f'"{".".join(parts)}"'


class Pages:
    """The pages that were asked for last. Safe to use from several threads."""

    def __init__(self, kept_bytes: int = _KEPT_BYTES) -> None:
        self._kept_bytes = kept_bytes
        self._bytes = 0
        self._lock = threading.Lock()
        self._pages: OrderedDict[Window, bytes] = OrderedDict()
        self._finder = Finder()

    def page(self, database: Database, window: Window) -> bytes:
        """Return a page of a snapshot that is there."""
        if window.search:
            # Not kept: nobody else asks for the same words, and the pages that many ask for stay.
            with database.engine.connect() as connection:
                return _found(connection, window, self._finder)
        with self._lock:
            if (kept := self._pages.get(window)) is not None:
                self._pages.move_to_end(window)
                return kept
        with database.engine.connect() as connection:
            page = _made(connection, window)
        with self._lock:
            self._bytes += len(page) - len(self._pages.pop(window, b""))
            self._pages[window] = page
            while self._bytes > self._kept_bytes:
                self._bytes -= len(self._pages.popitem(last=False)[1])
        return page


def _made(connection: Connection, window: Window) -> bytes:
    snapshot = connection.execute(_HEAD, {"snapshot": window.snapshot}).one()
    head = snapshot.head
    if window.private:
        head = connection.execute(_PRIVATE_HEAD, {"snapshot": window.snapshot}).scalar_one()
    bodies = connection.execute(
        _PRIVATE_BODIES if window.private else _BODIES,
        {
            "snapshot": window.snapshot,
            "first": window.offset,
            "end": window.offset + window.limit,
        },
    ).scalars()
    if window.form is Form.CSV:
        return _csv(head, bodies)
    return _json(snapshot, head, bodies, window.offset)


def _found(connection: Connection, window: Window, finder: Finder) -> bytes:
    snapshot = connection.execute(_HEAD, {"snapshot": window.snapshot}).one()
    positions = finder.find(connection, window.snapshot, window.search)
    shown = positions[window.offset : window.offset + window.limit]
    facts = {"snapshot": window.snapshot, "positions": shown}
    bodies = connection.execute(_SOME_BODIES, facts).scalars()
    if window.form is Form.CSV:
        return _csv(snapshot.head, bodies)
    found: dict[str, str | int] = {"search": window.search, "found_rows": len(positions)}
    return _json(snapshot, snapshot.head, bodies, window.offset, **found)


def _json(
    snapshot: Row[Any],
    head: Mapping[str, Any],
    bodies: Iterable[str],
    offset: int,
    **found: str | int,
) -> bytes:
    document = {
        "id": snapshot.id,
        "number": snapshot.number,
        "created_at": snapshot.created_at.isoformat().replace("+00:00", "Z"),
        **head,
        "offset": offset,
        "total_rows": snapshot.total_rows,
        **found,
    }
    opened = json.dumps(document, separators=(",", ":"), ensure_ascii=False)[:-1]
    return f'{opened},"rows":[{",".join(bodies)}]}}'.encode()


def _csv(head: Mapping[str, Any], bodies: Iterable[str]) -> bytes:
    columns = head["columns"]
    extra = [name for name, shown in _SOMETIMES.items() if shown(head)]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    ends = [
        f"{column['key']}{end}"
        for column in columns
        for end in ("", *(f" {name}" for name in _ENDS), *(_CLAIM if column.get("claimed") else ()))
    ]
    writer.writerow([*_FACTS, *extra, *ends, *_COSTS])
    for body in bodies:
        row = json.loads(body)
        values: list[Any] = []
        for column in columns:
            found = row["values"].get(column["key"]) or {}
            values += [found.get(name) for name in ("value", *_ENDS)]
            if column.get("claimed"):
                claim = row.get("claimed", {}).get(column["key"], {})
                values += [claim.get("score"), claim.get("flag")]
        facts = [cell(row[name]) for name in _FACTS]
        facts += [cell(_joined(row.get(name))) for name in extra]
        writer.writerow([*facts, *values, *(cell(row[name]) for name in _COSTS)])
    return stream.getvalue().encode()


def _joined(value: Any) -> Any:
    return "; ".join(value) if isinstance(value, list) else value
