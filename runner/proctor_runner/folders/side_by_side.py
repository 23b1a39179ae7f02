"""Does one thing to many, in processes side by side where that is worth their start."""

from __future__ import annotations

import ctypes
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TypeVar

from proctor_metrics.threads import thread_limit
from proctor_runner.folders.errors import FolderError

WORTH_S = 3.0
"""Other processes are started when what is left would take this one longer."""

_PR_SET_PDEATHSIG = 1

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


def side_by_side(
    work: Callable[[_Given], _Made], given: Sequence[_Given], processes: int
) -> Iterator[_Made]:
    """Yield what comes of each, as it comes; a few are held at a time.

    Args:
        work: a function that another process can be given, with what it takes and makes.
        processes: at most so many; 1 is this one alone.

    Raises:
        FolderError: a process died.
    """
    began = time.monotonic()
    for done, one in enumerate(given):
        left_s = (time.monotonic() - began) / max(done, 1) * (len(given) - done)
        if processes > 1 and done and left_s > WORTH_S:
            yield from _elsewhere(work, given[done:], processes)
            return
        yield work(one)


def _elsewhere(
    work: Callable[[_Given], _Made], given: Sequence[_Given], processes: int
) -> Iterator[_Made]:
    # Not forked from this process, which has threads; from one that has only imported this module.
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    pool = ProcessPoolExecutor(min(processes, len(given)), context, initializer=_end_with_parent)
    waiting: set[Future[_Made]] = set()
    ahead = iter(given)
    more = True
    try:
        while more or waiting:
            while more and len(waiting) < 2 * processes:
                if (one := next(ahead, None)) is None:
                    more = False
                else:
                    waiting.add(pool.submit(_alone, work, one))
            finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in finished:
                yield future.result()
    except BrokenProcessPool:
        raise FolderError(
            "A process that scored died; most often memory ran out.",
            "Try again with --jobs 1.",
        ) from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _alone(work: Callable[[_Given], _Made], one: _Given) -> _Made:
    with thread_limit(1):
        return work(one)


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
