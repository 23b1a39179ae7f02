"""Gives events their places in the chain, after the transactions that wrote them.

It runs in every API process. Two that take the same place or the same event at once cannot both
commit, for a place is unique and an event is sealed only while it has none; the later one looks
again. A process that dies leaves events without a seal, and the next look finds them.
"""

from __future__ import annotations

import structlog
from sqlalchemy import ColumnElement, CursorResult, bindparam, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from proctor_platform.chain import START, Content, Head, link
from proctor_platform.database import Database
from proctor_platform.queueing.rounds import Rounds
from proctor_platform.tables import EventRow

_log = structlog.get_logger(__name__)

_AT_ONCE = 500
_PERIOD_S = 5.0


class Sealer:
    """``once`` seals what there is; ``start`` does so every few seconds in a thread of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rounds = Rounds("sealer", self.once, _PERIOD_S)

    def start(self) -> None:
        """Begin, with a round at once."""
        self._rounds.start()

    def stop(self) -> None:
        """Stop sealing."""
        self._rounds.stop()

    def once(self) -> None:
        """Seal every event that has no place yet."""
        head = None
        while (sealed := self._seal_some()) is not None:
            head = sealed
        if head is not None:
            # Logs that are kept elsewhere witness what the database may be made to forget.
            _log.info("events_sealed", position=head.position, digest=head.digest)

    def _seal_some(self) -> Head | None:
        with self._database.reading() as session:
            waits = session.exec(select(EventRow.id).where(_unsealed()).limit(1)).first()
        if waits is None:
            return None
        with self._database.writing() as session:
            try:
                head = _seal(session)
                session.commit()
            except (IntegrityError, _TakenError):
                return None
        return head


class _TakenError(Exception):
    """Another process sealed what was to be sealed here, at the same moment."""


def newest(session: Session) -> Head:
    """Return where the chain ends at this moment."""
    row = session.exec(
        select(EventRow.position, EventRow.digest)
        .where(col(EventRow.position).is_not(None))
        .order_by(col(EventRow.position).desc())
        .limit(1)
    ).first()
    return START if row is None else Head(int(row[0] or 0), str(row[1]))


def _seal(session: Session) -> Head:
    head = newest(session)
    rows = session.exec(
        select(EventRow).where(_unsealed()).order_by(col(EventRow.id)).limit(_AT_ONCE)
    ).all()
    if not rows:
        raise _TakenError
    places = []
    for row in rows:
        head = link(head, content_of(row))
        places.append({"event": row.id, "place": head.position, "seal": head.digest})
    sealing = (
        update(EventRow.__table__)  # type: ignore[attr-defined]
        .where(EventRow.__table__.c.id == bindparam("event"), _unsealed())  # type: ignore[attr-defined]
        .values(position=bindparam("place"), digest=bindparam("seal"))
    )
    done: CursorResult[object] = session.connection().execute(sealing, places)
    if done.rowcount != len(places):
        raise _TakenError
    return head


def content_of(row: EventRow) -> Content:
    """Return what an event says, without its place."""
    if row.id is None:
        raise ValueError("the event is not in the database")
    return Content(row.id, row.at, row.subject, row.name, row.actor, row.facts)


def _unsealed() -> ColumnElement[bool]:
    return col(EventRow.position).is_(None)
