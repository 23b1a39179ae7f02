"""Workers as they last said of themselves: told to admins, and to whoever waits for one in vain.

Nothing is decided by these rows. A worker's name is its own choice; its token is not.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from proctor.spec.api import WorkerState, WorkerView
from proctor.spec.work import Claim, WorkerFacts
from proctor_platform.clock import now
from proctor_platform.database import Database
from proctor_platform.hosting.holding import is_kept
from proctor_platform.hosting.tables import Hosting
from proctor_platform.tables import Evaluation, Run, Worker
from proctor_platform.work.holding import is_live

SILENT_AFTER_S = 60.0
"""An idle worker asks at least every half a minute, a busy one beats more often."""

_NOTED_EVERY_S = 10.0
_KEPT_S = 7 * 24 * 3600.0


def note(database: Database, asked: Claim, token_id: str) -> None:
    """Keep what a worker that asks for work says of itself; it is idle."""
    if asked.facts is None:
        return
    facts = asked.facts.model_dump(mode="json")
    said: dict[str, Any] = {"token_id": token_id, "queue": asked.queue.value, "facts": facts}
    with database.reading() as session:
        known = session.exec(
            select(Worker).where(
                col(Worker.name) == asked.worker,
                col(Worker.seen_at) > now(-_NOTED_EVERY_S),
                col(Worker.work_id).is_(None),
            )
        ).first()
        # Every worker asks every few seconds; most of the time there is nothing new to write.
        if known is not None and said == {name: getattr(known, name) for name in said}:
            return
    with database.writing() as session:
        again = update(Worker).where(col(Worker.name) == asked.worker)
        done = session.exec(
            again.values(**said, work_id=None, seen_at=now()),
            execution_options={"synchronize_session": False},
        )
        if not done.rowcount:
            _add(session, Worker(name=asked.worker, **said))
        session.commit()


def note_busy(session: Session, name: str | None, work_id: str) -> None:
    """Keep that a worker is busy with a piece of work at this moment."""
    seen = update(Worker).where(col(Worker.name) == name)
    session.execute(
        seen.values(work_id=work_id, seen_at=now()),
        execution_options={"synchronize_session": False},
    )


def forget_silent(session: Session) -> int:
    """Delete workers that nobody has heard of for a week; return how many."""
    old = delete(Worker).where(col(Worker.seen_at) < now(-_KEPT_S))
    return session.exec(old, execution_options={"synchronize_session": False}).rowcount


def list_workers(session: Session) -> list[WorkerView]:
    """Return every worker process that is known, by name."""
    heard = set(session.exec(select(Worker.name).where(_is_heard())))
    rows = session.exec(select(Worker).order_by(col(Worker.name))).all()
    held = _held(session, [row.work_id for row in rows if row.work_id])
    return [_view(row, row.name in heard, held) for row in rows]


def connected(session: Session, queue: str) -> list[tuple[str, WorkerFacts]]:
    """Return the workers of a queue that were heard of just now, and what they say."""
    rows = session.exec(
        select(Worker).where(col(Worker.queue) == queue, _is_heard()).order_by(col(Worker.name))
    )
    return [(row.name, WorkerFacts.model_validate(row.facts)) for row in rows]


def _is_heard() -> Any:
    return col(Worker.seen_at) > now(-SILENT_AFTER_S)


def _held(session: Session, work_ids: list[str]) -> set[tuple[str, str | None]]:
    """Return the pieces of work that are being done, each with the name of who does it."""
    found: set[tuple[str, str | None]] = set()
    for table in (Run, Evaluation):
        live = select(col(table.id), col(table.worker)).where(
            is_live(table), col(table.id).in_(work_ids)
        )
        found |= {(work_id, worker) for work_id, worker in session.exec(live)}
    kept = select(col(Hosting.id), col(Hosting.worker)).where(
        is_kept(), col(Hosting.id).in_(work_ids)
    )
    found |= {(work_id, worker) for work_id, worker in session.exec(kept)}
    return found


def _view(row: Worker, heard: bool, held: set[tuple[str, str | None]]) -> WorkerView:
    work = row.work_id if row.work_id and (row.work_id, row.name) in held else None
    state = WorkerState.BUSY if work else WorkerState.IDLE
    return WorkerView(
        name=row.name,
        queue=row.queue,
        state=state if heard else WorkerState.SILENT,
        work=work,
        facts=WorkerFacts.model_validate(row.facts),
        token=row.token_id,
        first_seen_at=row.first_seen_at,
        seen_at=row.seen_at,
    )


def _add(session: Session, row: Worker) -> None:
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        return  # it asked twice in this very moment
