"""Looks for what was lost, from the rows alone: lapsed leases, work without a bell, boards.

Now and then it also forgets what nobody needs any more.

Every change is conditional on what was read, so any number of processes may look at once.
"""

from __future__ import annotations

import time

import structlog
from sqlmodel import Session, col, func, select

from proctor.spec.outcomes import Code
from proctor.spec.states import EvaluationState, RunState
from proctor.spec.work import RESULTS, Queue
from proctor_platform import outbox
from proctor_platform.clock import now
from proctor_platform.database import Database
from proctor_platform.outbox import Topic
from proctor_platform.queueing.pruning import prune
from proctor_platform.queueing.rounds import Rounds
from proctor_platform.tables import Evaluation, Outbox, Run, Submission
from proctor_platform.work.failures import lapse
from proctor_platform.work.holding import find, is_live
from proctor_platform.work.locking import lock_submission_of

_log = structlog.get_logger(__name__)

_AT_ONCE = 200
_PRUNE_EVERY_S = 3600.0


class Reconciler:
    """``once`` is one look; ``start`` looks every few seconds in a thread of its own."""

    def __init__(self, database: Database, *, max_attempts: int, period_s: float) -> None:
        self._database = database
        self._max_attempts = max_attempts
        self._prune_at = 0.0
        self._rounds = Rounds("reconciler", self.once, period_s)

    def start(self) -> None:
        """Begin, with a look at once."""
        self._rounds.start()

    def stop(self) -> None:
        """Stop looking."""
        self._rounds.stop()

    def once(self) -> None:
        """Look once."""
        with self._database.reading() as session:
            lapsed = [*_lapsed(session, Run), *_lapsed(session, Evaluation)]
            silent = _without_bell(session)
            boards = _without_board(session)
        for work_id in lapsed:
            self._lapse(work_id)
        if silent or boards:
            self._tell_again(silent, boards)
        self._prune()

    def _prune(self) -> None:
        if time.monotonic() < self._prune_at:
            return
        with self._database.writing() as session:
            rows = prune(session)
            session.commit()
        self._prune_at = time.monotonic() + _PRUNE_EVERY_S
        if rows:
            _log.info("rows_pruned", rows=rows)

    def _lapse(self, work_id: str) -> None:
        with self._database.writing() as session:
            lock_submission_of(session, work_id)
            row = find(session, work_id)
            if row is not None and lapse(session, row, max_attempts=self._max_attempts):
                session.commit()
                _log.info("lease_lapsed", work=work_id, fence=row.fence, code=Code.WORKER_LOST)

    def _tell_again(self, silent: list[tuple[str, Queue]], boards: list[tuple[str, str]]) -> None:
        with self._database.writing() as session:
            for work_id, queue in silent:
                if not _has_bell(session, work_id):
                    outbox.ring(session, work_id, queue)
            for challenge_id, phase in boards:
                outbox.renew_board(session, challenge_id, phase)
            session.commit()


def _lapsed(session: Session, table: type[Run] | type[Evaluation]) -> list[str]:
    statement = select(table.id).where(is_live(table), col(table.lease_until) < now())
    return list(session.exec(statement.limit(_AT_ONCE)))


def _without_bell(session: Session) -> list[tuple[str, Queue]]:
    """Return queued work for which no bell was ever asked."""
    run_bell = select(Outbox.id).where(
        Outbox.topic == Topic.BELL.value, col(Outbox.subject) == col(Run.id)
    )
    evaluation_bell = select(Outbox.id).where(
        Outbox.topic == Topic.BELL.value, col(Outbox.subject) == col(Evaluation.id)
    )
    runs = session.exec(
        select(Run.id, Run.queue)
        .where(Run.state == RunState.QUEUED.value, ~run_bell.exists())
        .limit(_AT_ONCE)
    )
    evaluations = session.exec(
        select(Evaluation.id)
        .where(Evaluation.state == EvaluationState.QUEUED.value, ~evaluation_bell.exists())
        .limit(_AT_ONCE)
    )
    return [
        *((run_id, Queue(queue)) for run_id, queue in runs),
        *((evaluation_id, Queue.SCORE) for evaluation_id in evaluations),
    ]


def _without_board(session: Session) -> list[tuple[str, str]]:
    """Return phases with a score that is newer than the last request for their board."""
    newest_score = (
        select(
            col(Submission.challenge_id).label("challenge_id"),
            col(Submission.phase).label("phase"),
            func.max(Evaluation.ended_at).label("scored_at"),
        )
        .join(Run, col(Run.submission_id) == col(Submission.id))
        .join(Evaluation, col(Evaluation.run_id) == col(Run.id))
        .where(Evaluation.state == EvaluationState.SCORED.value, col(Run.purpose).in_(RESULTS))
        .group_by(col(Submission.challenge_id), col(Submission.phase))
        .subquery()
    )
    subject = newest_score.c.challenge_id + "/" + newest_score.c.phase
    asked = select(Outbox.id).where(
        col(Outbox.topic) == Topic.BOARD.value,
        col(Outbox.subject) == subject,
        col(Outbox.created_at) >= newest_score.c.scored_at,
    )
    rows = session.exec(
        select(newest_score.c.challenge_id, newest_score.c.phase).where(~asked.exists())
    )
    return [(challenge_id, phase) for challenge_id, phase in rows]


def _has_bell(session: Session, work_id: str) -> bool:
    bell = select(Outbox.id).where(Outbox.topic == Topic.BELL.value, Outbox.subject == work_id)
    return session.exec(bell).first() is not None
