"""Forgets what is of no use any more: outbox rows long told, tokens of work long ended."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Delete, delete
from sqlalchemy.orm import Mapped, aliased
from sqlmodel import Session, col, select

from proctor_platform.clock import now
from proctor_platform.hosting.tables import Hosting
from proctor_platform.outbox import Topic
from proctor_platform.tables import Evaluation, Outbox, Run, Token
from proctor_platform.work.workers import forget_silent

KEPT_S = 24 * 3600.0
"""So long everything stays, for whoever looks into what happened."""


def prune(session: Session) -> int:
    """Delete what is older than a day and told, or good for nothing; return how many rows.

    A bell stays while its work has not ended, and of every board the newest request: the
    reconciler sees from them that nobody needs to be told again.
    """
    later = aliased(Outbox)
    renewed = select(later.id).where(
        later.topic == Topic.BOARD.value,
        later.subject == col(Outbox.subject),
        col(later.id) > col(Outbox.id),
    )
    told = delete(Outbox).where(col(Outbox.sent_at) < now(-KEPT_S))
    bells = told.where(col(Outbox.topic) == Topic.BELL.value, ~_goes_on(col(Outbox.subject)))
    boards = told.where(col(Outbox.topic) == Topic.BOARD.value, renewed.exists())
    tokens = delete(Token).where(
        col(Token.work_id).is_not(None),
        col(Token.created_at) < now(-KEPT_S),
        ~_goes_on(col(Token.work_id)),
    )
    rows = sum(_deleted(session, statement) for statement in (bells, boards, tokens))
    return rows + forget_silent(session)


def _goes_on(work: Mapped[Any]) -> ColumnElement[bool]:
    """Return the condition that a piece of work has not ended, or only just."""
    runs = select(Run.id).where(col(Run.id) == work, _recent(Run))
    evaluations = select(Evaluation.id).where(col(Evaluation.id) == work, _recent(Evaluation))
    hostings = select(Hosting.id).where(col(Hosting.id) == work, _recent(Hosting))
    return runs.exists() | evaluations.exists() | hostings.exists()


def _recent(table: type[Run] | type[Evaluation] | type[Hosting]) -> ColumnElement[bool]:
    return col(table.ended_at).is_(None) | (col(table.ended_at) >= now(-KEPT_S))


def _deleted(session: Session, statement: Delete) -> int:
    options = {"synchronize_session": False}
    done = session.execute(statement, execution_options=options)
    return cast("CursorResult[object]", done).rowcount
