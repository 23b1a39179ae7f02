"""Where workers that ask over HTTP wait for work, when no Redis wakes them.

One that waits costs a future and its connection: no thread, and nothing of the database. One look a
second, for all of them together, counts what is queued and wakes as many, whoever came first first.
"""

from __future__ import annotations

import asyncio
from collections import deque

from fastapi import Request
from sqlmodel import Session, col, func, select
from starlette.concurrency import run_in_threadpool

from proctor.spec.states import EvaluationState, HostingState, RunState
from proctor.spec.work import Queue
from proctor_platform.database import Database
from proctor_platform.hosting.tables import Hosting
from proctor_platform.tables import Evaluation, Run


class WaitingRoom:
    """The seats of one process; used from its event loop alone."""

    def __init__(self, database: Database, period_s: float = 1.0) -> None:
        self._database = database
        self._period_s = period_s
        self._seats: dict[Queue, deque[asyncio.Future[None]]] = {queue: deque() for queue in Queue}
        self._watch: asyncio.Task[None] | None = None
        self._closed = False

    async def wait(self, queue: Queue, seconds: float) -> bool:
        """Wait until something may be there in ``queue``; False when the time is up."""
        if self._closed:
            return False
        seat: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._seats[queue].append(seat)
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._look())
        try:
            await asyncio.wait_for(seat, seconds)
        except TimeoutError:
            return False
        finally:
            if seat in self._seats[queue]:
                self._seats[queue].remove(seat)
        return not self._closed

    def close(self) -> None:
        """Send everybody away: the process is to end."""
        self._closed = True
        for queue in self._seats:
            self._wake(queue, len(self._seats[queue]))

    async def _look(self) -> None:
        """Look as long as anybody waits."""
        while any(self._seats.values()):
            await asyncio.sleep(self._period_s)
            asked = [queue for queue, seats in self._seats.items() if seats]
            for queue, count in (await run_in_threadpool(self._queued, asked)).items():
                self._wake(queue, count)

    def _queued(self, queues: list[Queue]) -> dict[Queue, int]:
        with self._database.reading() as session:
            return {queue: _count(session, queue) for queue in queues}

    def _wake(self, queue: Queue, count: int) -> None:
        seats = self._seats[queue]
        for _ in range(min(count, len(seats))):
            seat = seats.popleft()
            if not seat.done():
                seat.set_result(None)


def waiting_room_of(request: Request) -> WaitingRoom:
    """Return the application's waiting room."""
    room: WaitingRoom = request.app.state.waiting_room
    return room


def _count(session: Session, queue: Queue) -> int:
    if queue is Queue.HOST:
        waiting = select(func.count()).where(col(Hosting.state) == HostingState.QUEUED.value)
    elif queue is Queue.SCORE:
        waiting = select(func.count()).where(col(Evaluation.state) == EvaluationState.QUEUED.value)
    else:
        waiting = select(func.count()).where(
            col(Run.state) == RunState.QUEUED.value, col(Run.queue) == queue.value
        )
    return session.exec(waiting).one()
