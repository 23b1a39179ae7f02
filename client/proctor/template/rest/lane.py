"""The one lane to a model: questions wait in a row, and one thread asks them.

A model is not expected to be safe for two threads, nor to like a thread that did not load it. So
whoever calls `Lane.run` owns the model, and everybody else waits here, never more than a few. While
nobody waits, the owner may do something else on the same thread, and ask questions of its own.
"""

from __future__ import annotations

import threading
import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from .failures import RefusedError, busy

if TYPE_CHECKING:
    from collections.abc import Callable

A = TypeVar("A")

_LOOK_AGAIN_S = 0.5


class Aside(Protocol):
    """What the model's thread does while nobody waits for it."""

    def attend(self) -> None:
        """Do it for a while, and at most until `wake` is called."""
        ...

    def wake(self) -> None:
        """Let `attend` return, now or when it is called next; from any thread."""
        ...


class _Turn(Generic[A]):
    """One question and, in the end, what came of it.

    Attributes:
        is_waiting: Whether it stands in the row; changed under the lane's lock alone.
        done: Held until there is an answer or an error.
    """

    def __init__(self, ask: Callable[[], A], is_gone: Callable[[], bool]) -> None:
        self.ask = ask
        self.is_gone = is_gone
        self.answer: A | None = None
        self.error: BaseException | None = None
        self.is_waiting = True
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
        self._row: SimpleQueue[_Turn[A] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._in_row = 0
        self._is_asking = False
        self._is_closed = False
        self._seconds = 0.1
        self._owner = 0
        self._aside: Aside | None = None

    def beside(self, aside: Aside) -> None:
        """Have something else done while nobody waits; to be said before `run`."""
        self._aside = aside

    @property
    def waiting(self) -> int:
        """How many questions wait or are asked."""
        return self._in_row + self._is_asking

    def ask(self, question: Callable[[], A], is_gone: Callable[[], bool] = bool) -> A:
        """Wait for a turn, have ``question`` called by the model's thread, and return its answer.

        Args:
            is_gone: Asked when its turn comes; nobody is answered who has left.

        Raises:
            RefusedError: Too many wait, or this one waited too long.
        """
        if threading.get_ident() == self._owner:
            if self._is_closed:
                raise _stopping()
            return self._asked(question)
        turn: _Turn[A] = _Turn(question, is_gone)
        with self._lock:
            if self._is_closed:
                raise _stopping()
            if self._in_row >= self._most_waiting + (not self._is_asking):
                raise busy(self._retry_after_s())
            self._in_row += 1
            self._row.put(turn)
        if self._aside is not None:
            self._aside.wake()
        if not turn.done.acquire(timeout=self._most_wait_s):
            if self._leaves(turn):
                raise busy(self._retry_after_s())
            turn.done.acquire()
        if turn.error is not None:
            raise turn.error
        return turn.answer  # type: ignore[return-value]  # no error means that there is one

    def run(self) -> None:
        """Ask whatever comes, on this thread, until the lane is closed."""
        self._owner = threading.get_ident()
        while True:
            try:
                turn = self._next_turn()
            except Empty:
                continue
            if turn is None:
                return
            with self._lock:
                if not turn.is_waiting:
                    continue
                turn.is_waiting = False
                self._in_row -= 1
                self._is_asking = True
            try:
                if turn.is_gone():
                    raise RefusedError(499, "gone", "Whoever asked has left.")
                turn.answer = self._asked(turn.ask)
            except Exception as error:
                turn.error = error
            except BaseException:
                turn.error = _stopping()
                raise
            finally:
                self._is_asking = False
                turn.done.release()

    def close(self) -> None:
        """Let nobody in any more, and send away who waits."""
        with self._lock:
            self._is_closed = True
        left: list[_Turn[A]] = []
        while not self._row.empty():
            turn = self._row.get()
            if turn is not None:
                left.append(turn)
        self._row.put(None)
        if self._aside is not None:
            self._aside.wake()
        for turn in left:
            if self._leaves(turn):
                turn.error = _stopping()
                turn.done.release()

    def _next_turn(self) -> _Turn[A] | None:
        """Return who stands first in the row; None when the lane is closed.

        Raises:
            Empty: Nobody came for a while.
        """
        if self._aside is None:
            # A signal that comes just before the wait begins does not end the wait.
            return self._row.get(timeout=_LOOK_AGAIN_S)
        try:
            return self._row.get_nowait()
        except Empty:
            self._aside.attend()
            return self._row.get_nowait()

    def _asked(self, question: Callable[[], A]) -> A:
        """Ask a question on this thread, the model's."""
        self._is_asking = True
        began = time.monotonic()
        try:
            return question()
        finally:
            self._is_asking = False
            self._seconds += (time.monotonic() - began - self._seconds) / 4

    def _leaves(self, turn: _Turn[A]) -> bool:
        """Take a turn out of the row; return whether it still stood in it."""
        with self._lock:
            stood = turn.is_waiting
            if stood:
                turn.is_waiting = False
                self._in_row -= 1
            return stood

    def _retry_after_s(self) -> int:
        return max(1, min(60, round(self._seconds * (1 + self._in_row))))


def _stopping() -> RefusedError:
    return RefusedError(503, "stopping", "The service is being stopped.")
