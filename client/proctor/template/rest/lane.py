"""The one lane to a model: questions wait in a row, and one thread asks them.

A model is not expected to be safe for two threads, nor to like a thread that did not load it. So
whoever calls `Lane.run` owns the model, and everybody else waits here, never more than a few.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from .failures import RefusedError, busy

A = TypeVar("A")

_LOOK_AGAIN_S = 1.0


class _Turn(Generic[A]):
    """One question and, in the end, what came of it."""

    def __init__(self, ask: Callable[[], A], is_gone: Callable[[], bool]) -> None:
        self.ask = ask
        self.is_gone = is_gone
        self.answer: A | None = None
        self.error: BaseException | None = None
        self.done = threading.Lock()
        self.done.acquire()


class Lane(Generic[A]):
    """A row of questions.

    Args:
        most_waiting: Questions that may wait behind the one that is asked.
        most_wait_s: How long one of them waits at most.
    """

    def __init__(self, most_waiting: int = 16, most_wait_s: float = 60.0) -> None:
        self._most_waiting = most_waiting
        self._most_wait_s = most_wait_s
        self._row: deque[_Turn[A]] = deque()
        self._changed = threading.Condition(threading.Lock())
        self._is_asking = False
        self._is_closed = False
        self._seconds = 0.1

    @property
    def waiting(self) -> int:
        """How many questions wait or are asked."""
        return len(self._row) + self._is_asking

    def ask(self, question: Callable[[], A], is_gone: Callable[[], bool] = lambda: False) -> A:
        """Wait for a turn, have ``question`` called by the model's thread, and return its answer.

        Args:
            is_gone: Asked when its turn comes; nobody is answered who has left.

        Raises:
            RefusedError: Too many wait, or this one waited too long.
        """
        turn: _Turn[A] = _Turn(question, is_gone)
        with self._changed:
            if self._is_closed:
                raise RefusedError(503, "stopping", "The service is being stopped.")
            if len(self._row) >= self._most_waiting + (not self._is_asking):
                raise busy(self._retry_after_s())
            self._row.append(turn)
            self._changed.notify()
        if not turn.done.acquire(timeout=self._most_wait_s):
            self._give_up(turn)
        if turn.error is not None:
            raise turn.error
        return turn.answer  # type: ignore[return-value]  # no error means that there is one

    def run(self) -> None:
        """Ask whatever comes, on this thread, until the lane is closed."""
        while True:
            with self._changed:
                while not self._row and not self._is_closed:
                    self._changed.wait(_LOOK_AGAIN_S)
                if self._is_closed:
                    return
                turn = self._row.popleft()
                self._is_asking = True
            began = time.monotonic()
            try:
                if turn.is_gone():
                    raise RefusedError(499, "gone", "Whoever asked has left.")
                turn.answer = turn.ask()
            except Exception as error:
                turn.error = error
            except BaseException:
                turn.error = RefusedError(503, "stopping", "The service is being stopped.")
                raise
            finally:
                self._is_asking = False
                self._seconds += (time.monotonic() - began - self._seconds) / 4
                turn.done.release()

    def close(self) -> None:
        """Let nobody in any more, and send away who waits."""
        with self._changed:
            self._is_closed = True
            row, self._row = list(self._row), deque()
            self._changed.notify_all()
        for turn in row:
            turn.error = RefusedError(503, "stopping", "The service is being stopped.")
            turn.done.release()

    def _give_up(self, turn: _Turn[A]) -> None:
        """Leave the row; one whose question is being asked stays for its answer."""
        with self._changed:
            waits = turn in self._row
            if waits:
                self._row.remove(turn)
        if waits:
            raise busy(self._retry_after_s())
        turn.done.acquire()

    def _retry_after_s(self) -> int:
        return max(1, min(60, round(self._seconds * (1 + len(self._row)))))
