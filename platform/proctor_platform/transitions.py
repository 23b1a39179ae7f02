"""The one way a state changes: a conditional update, and its event in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, update
from sqlmodel import Session, col

from proctor.spec.states import (
    EvaluationState,
    HostingState,
    RunState,
    State,
    SubmissionState,
    sources_of,
)
from proctor_platform.events import record
from proctor_platform.hosting.tables import Hosting
from proctor_platform.tables import Evaluation, Run, Submission

Moving = Submission | Run | Evaluation | Hosting
"""A row that has a state."""

_STATES: dict[type[Moving], type[State]] = {
    Submission: SubmissionState,
    Run: RunState,
    Evaluation: EvaluationState,
    Hosting: HostingState,
}


def move(
    session: Session,
    row: Moving,
    target: State,
    *,
    actor: str,
    fence: int | None = None,
    facts: Mapping[str, Any] | None = None,
    where: tuple[ColumnElement[bool], ...] = (),
    **changes: Any,
) -> bool:
    """Bring ``row`` into the state ``target`` if the transition table allows it from where it is.

    Args:
        session: the writing session; committing it is the caller's.
        row: what changes; it is read anew after a change.
        target: a state of the row's own kind.
        actor: who does it, for the event.
        fence: the fence under which the asker works; none for what no worker does.
        facts: what the event tells beside the state.
        where: further conditions, for example that the lease has lapsed.
        changes: columns that change with the state; values may be SQL expressions.

    Returns:
        Whether the row was changed; if not, somebody else was first, or it never was allowed.

    Raises:
        TypeError: ``target`` is a state of another kind of row.
    """
    table = type(row)
    if type(target) is not _STATES[table]:
        raise TypeError(f"{target!r} is not a state of {table.__name__}")
    conditions = [col(table.id) == row.id, col(table.state).in_(sources_of(target)), *where]
    if fence is not None and not isinstance(row, Submission):
        conditions.append(col(type(row).fence) == fence)
    statement = (
        update(table)
        .where(*conditions)
        .values(state=target.value, **changes)
        .returning(col(table.id))
        .execution_options(synchronize_session=False)
    )
    if session.execute(statement).first() is None:
        return False
    session.refresh(row)
    name = f"{table.__name__.lower()}_{target.value}"
    told = dict(facts or {})
    if not isinstance(row, Submission):
        told.setdefault("fence", row.fence)
    record(session, row.id, name, actor, told)
    return True
