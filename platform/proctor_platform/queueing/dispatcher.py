"""Tells what the outbox holds: bells to workers, boards to be made anew.

It runs in every API process; a row told twice does no harm, and a row is only marked as told
after it was. Redis may be emptied or restarted at any moment: work that still waits while fewer
bells hang in its queue is rung again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import structlog
from sqlalchemy import update
from sqlmodel import Session, col, func, select

from proctor.spec.states import EvaluationState, RunState
from proctor.spec.work import Queue
from proctor_platform.clock import now
from proctor_platform.database import Database
from proctor_platform.outbox import Topic
from proctor_platform.queueing.bells import Bell, Bells, BellsError
from proctor_platform.queueing.rounds import Rounds
from proctor_platform.tables import Evaluation, Outbox, Run

_log = structlog.get_logger(__name__)

_AT_ONCE = 200

BoardMaker = Callable[[Database, str, str], object]
"""Makes a new snapshot of (challenge id, phase) if anything changed."""


class Dispatcher:
    """Bells and boards. ``once`` is one round; ``start`` makes rounds in a thread of its own."""

    def __init__(
        self,
        database: Database,
        bells: Bells,
        make_board: BoardMaker,
        *,
        period_s: float = 1.0,
        ring_again_s: float = 15.0,
    ) -> None:
        self._database = database
        self._bells = bells
        self._make_board = make_board
        self._ring_again_s = ring_again_s
        self._reachable = True
        # Boards may take seconds; a bell must not wait for them.
        self._bell_rounds = Rounds("bells", self.ring_once, period_s)
        self._board_rounds = Rounds("boards", self.boards_once, period_s)

    def start(self) -> None:
        """Begin to make rounds."""
        self._bell_rounds.start()
        self._board_rounds.start()

    def kick(self) -> None:
        """Say that something new is in the outbox."""
        self._bell_rounds.kick()
        self._board_rounds.kick()

    def stop(self) -> None:
        """Stop making rounds."""
        self._bell_rounds.stop()
        self._board_rounds.stop()

    def once(self) -> None:
        """Make one round."""
        self.ring_once()
        self.boards_once()

    def ring_once(self) -> None:
        """Ring every new bell, and again those whose sound was lost."""
        try:
            while self._ring_new():
                pass
            self._ring_lost()
        except BellsError as error:
            if self._reachable:
                _log.warning("queue_unreachable", reason=str(error))
            self._reachable = False
            return
        self._reachable = True

    def boards_once(self) -> None:
        """Make every board anew that was asked for, each once however often it was asked for."""
        with self._database.reading() as session:
            rows = session.exec(
                select(Outbox).where(
                    Outbox.topic == Topic.BOARD.value, col(Outbox.sent_at).is_(None)
                )
            ).all()
        asked: defaultdict[str, list[int | None]] = defaultdict(list)
        for row in rows:
            asked[row.subject].append(row.id)
        for subject, ids in asked.items():
            challenge_id, _, phase = subject.partition("/")
            try:
                self._make_board(self._database, challenge_id, phase)
            except Exception as error:
                # One board that cannot be made must not keep the others; it is tried again.
                _log.error("board_failed", board=subject, exc_info=error)
                continue
            # These and no others: on PostgreSQL a request with a lower number may be committed
            # after one with a higher, and so after the board was made.
            self._mark(ids)

    def _ring_new(self) -> bool:
        with self._database.reading() as session:
            rows = session.exec(
                select(Outbox)
                .where(Outbox.topic == Topic.BELL.value, col(Outbox.sent_at).is_(None))
                .order_by(col(Outbox.id))
                .limit(_AT_ONCE)
            ).all()
        if not rows:
            return False
        self._bells.ring([Bell(Queue(row.queue), row.subject) for row in rows])
        self._mark([row.id for row in rows])
        return len(rows) == _AT_ONCE

    def _ring_lost(self) -> None:
        with self._database.reading() as session:
            lost = [
                bell
                for queue in Queue
                if (waiting := _waiting_long(session, queue, self._ring_again_s))
                and len(waiting) > self._bells.waiting(queue)
                for bell in waiting
            ]
        if not lost:
            return
        self._bells.ring(lost)
        with self._database.writing() as session:
            # Every one has a bell that was told; telling it again counts from now.
            again = update(Outbox).where(
                col(Outbox.topic) == Topic.BELL.value,
                col(Outbox.subject).in_([bell.work for bell in lost]),
                col(Outbox.sent_at).is_not(None),
            )
            session.execute(again.values(sent_at=now()))
            session.commit()

    def _mark(self, ids: list[int | None]) -> None:
        with self._database.writing() as session:
            told = update(Outbox).where(col(Outbox.id).in_(ids), col(Outbox.sent_at).is_(None))
            session.execute(told.values(sent_at=now()))
            session.commit()


def _waiting_long(session: Session, queue: Queue, seconds: float) -> list[Bell]:
    """Return bells for work that still waits although its last bell was told long ago."""
    table: type[Run] | type[Evaluation] = Evaluation if queue is Queue.SCORE else Run
    state = EvaluationState.QUEUED if queue is Queue.SCORE else RunState.QUEUED
    last_told = (
        select(func.max(Outbox.sent_at))
        .where(Outbox.topic == Topic.BELL.value, Outbox.subject == table.id)
        .scalar_subquery()
    )
    statement = select(table.id).where(table.state == state.value, last_told < now(-seconds))
    if queue is not Queue.SCORE:
        statement = statement.where(Run.queue == queue.value)
    ids: list[str] = list(session.exec(statement.order_by(table.id).limit(_AT_ONCE)))
    return [Bell(queue, work_id) for work_id in ids]
