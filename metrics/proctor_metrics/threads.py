"""Run a few independent tasks side by side on threads, where the process has processors to spare.

What runs here releases the interpreter's lock. Results come in the order of the tasks, so nothing
depends on how many threads there are.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

_T = TypeVar("_T")
_limit: ContextVar[int | None] = ContextVar("thread_limit", default=None)


@contextmanager
def thread_limit(most: int) -> Iterator[None]:
    """Use at most so many threads in here; who scores cases in parallel allows 1 for each.

    >>> with thread_limit(1):
    ...     side_by_side([lambda: 1, lambda: 2])
    [1, 2]
    """
    token = _limit.set(most)
    try:
        yield
    finally:
        _limit.reset(token)


def side_by_side(tasks: Sequence[Callable[[], _T]]) -> list[_T]:
    """Return what each task returns, in their order.

    Raises:
        Exception: whatever the first task that failed raised.
    """
    limit = _limit.get()
    processors = len(os.sched_getaffinity(0))
    n_threads = min(len(tasks), processors if limit is None else limit)
    if n_threads <= 1:
        return [task() for task in tasks]
    with ThreadPoolExecutor(n_threads) as pool:
        return [future.result() for future in [pool.submit(task) for task in tasks]]
