"""Whether the history is as it was written: walks its chain and names the first broken event."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import inspect
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from proctor_platform.chain import START, Head, link
from proctor_platform.database import Database
from proctor_platform.queueing.sealer import content_of
from proctor_platform.settings import PlatformSettings
from proctor_platform.tables import EventRow
from proctor_platform.upkeep.errors import UpkeepError

_AT_ONCE = 1_000
# Events of one moment are sealed in any order; one that is so much older was put there later.
_LATE = timedelta(minutes=10)


class BrokenEvent(NamedTuple):
    """The first place where the history is not what was sealed.

    Attributes:
        position: the place in the chain; none for an event that has none.
        event: the event's id; none where it is missing.
        reason: what is wrong there.
    """

    position: int | None
    event: int | None
    reason: str


class Audit(NamedTuple):
    """What a walk along the chain found.

    Attributes:
        head: the newest place and its digest; at a broken chain the last good one.
        waiting: events that have no place yet.
        broken: the first broken event, if there is one.
    """

    head: Head
    waiting: int
    broken: BrokenEvent | None


def audit(settings: PlatformSettings, noted: Head | None = None) -> Audit:
    """Walk the history of a platform, also while it runs.

    Args:
        settings: the platform's.
        noted: a place of the chain and its digest as they were noted earlier, elsewhere.

    Raises:
        UpkeepError: the database has no chain.
    """
    with history(settings) as session:
        return walk(session, noted)


@contextmanager
def history(settings: PlatformSettings) -> Generator[Session]:
    """Give a session that sees the history of a platform as it is at one moment.

    Raises:
        UpkeepError: the database has no chain.
    """
    database = Database(settings.database_address)
    try:
        if not _has_chain(database):
            raise UpkeepError(
                "There is no chain of events in this database.",
                "Set PROCTOR_HOME and PROCTOR_DATABASE_URL as the platform has them; one of an"
                " older Proctor gets its chain when the platform starts.",
            )
        with database.reading() as session:
            yield session
    finally:
        database.close()


def walk(session: Session, noted: Head | None = None) -> Audit:
    """Walk along the chain, and over what waits for its place, in one moment."""
    with closing(sealed_events(session)) as events:
        head, latest, broken = walk_chain(events, noted)
    if broken is not None:
        return Audit(head, 0, broken)
    waiting = 0
    for row in session.exec(_events().where(col(EventRow.position).is_(None))):
        waiting += 1
        if late := _late(row, latest):
            return Audit(head, waiting, BrokenEvent(None, row.id, late))
    return Audit(head, waiting, None)


class Walked(NamedTuple):
    """How far a walk along sealed events came.

    Attributes:
        head: the last good place and its digest.
        latest: the latest moment of an event up to there.
        broken: what is wrong after it, if anything is.
    """

    head: Head
    latest: datetime | None
    broken: BrokenEvent | None


def walk_chain(events: Iterable[EventRow], noted: Head | None = None) -> Walked:
    """Walk along sealed events, wherever they are read from."""
    head, latest = START, None
    for row in events:
        broken = _broken(row, head, latest, noted)
        if broken is not None:
            return Walked(head, latest, broken)
        head = link(head, content_of(row))
        latest = row.at if latest is None else max(latest, row.at)
    if noted is not None and noted.position > head.position:
        gone = f"the chain ends at {head.position}; {noted.position} was noted"
        return Walked(head, latest, BrokenEvent(head.position + 1, None, gone))
    return Walked(head, latest, None)


def _has_chain(database: Database) -> bool:
    tables = inspect(database.engine)
    if not tables.has_table("event"):
        return False
    return any(column["name"] == "position" for column in tables.get_columns("event"))


def _broken(
    row: EventRow, head: Head, latest: datetime | None, noted: Head | None
) -> BrokenEvent | None:
    position = head.position + 1
    if row.position != position:
        missing = f"no event is at this place; the next is {row.name} of {row.subject}"
        return BrokenEvent(position, None, missing)
    if row.digest != link(head, content_of(row)).digest:
        changed = f"{row.name} of {row.subject} is not what was sealed"
        return BrokenEvent(position, row.id, changed)
    if noted is not None and noted.position == position and noted.digest != row.digest:
        anew = f"{row.digest} is sealed here and {noted.digest} was noted: it was written anew"
        return BrokenEvent(position, row.id, anew)
    if late := _late(row, latest):
        return BrokenEvent(position, row.id, late)
    return None


def _late(row: EventRow, latest: datetime | None) -> str:
    if latest is None or row.at >= latest - _LATE:
        return ""
    return (
        f"{row.name} of {row.subject} says {row.at:%Y-%m-%d %H:%M:%S} UTC and came after an event"
        f" of {latest:%Y-%m-%d %H:%M:%S} UTC"
    )


def _events() -> SelectOfScalar[EventRow]:
    return select(EventRow).order_by(col(EventRow.position), col(EventRow.id))


def sealed_events(session: Session) -> Generator[EventRow]:
    """Yield the events of the chain in its order, without keeping them."""
    wanted = _events().where(col(EventRow.position).is_not(None))
    found = session.exec(wanted, execution_options={"yield_per": _AT_ONCE})
    with closing(found):
        for row in found:
            yield row
            session.expunge(row)
