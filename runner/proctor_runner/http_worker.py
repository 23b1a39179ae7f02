"""One process on one queue without Redis: it asks the platform, which answers when there is work.

The platform keeps the question open for as long as nothing waits, so work begins within a second
of being entered although nobody rings. A platform that is away is asked again after growing pauses.
The work runs in a forked child, as in ``rq_worker``.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

import structlog

from proctor.spec.outcomes import Code, PlatformError
from proctor.spec.work import AnyOrder, Queue
from proctor_runner import jobs
from proctor_runner.rq_worker import fork_bound

WAIT_S = 20.0
"""How long the platform may keep a question open; shorter than any proxy's patience."""

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 30.0
_REFUSED = (Code.UNAUTHENTICATED, Code.FORBIDDEN)

_log = structlog.get_logger()


class _StopNowError(Exception):
    """SIGTERM came while nothing was being done."""


class AskingProcess:
    """Asks for work and does it, until SIGTERM; work that has begun is brought to its end.

    Args:
        context: What the process knows.
        enough: Asked between two questions; True ends the process, so that it starts anew.
        pause: Waits so many seconds.
    """

    def __init__(
        self,
        context: jobs.WorkContext,
        enough: Callable[[], bool] = lambda: False,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._context = context
        self._enough = enough
        self._pause = pause
        self._pause_s = 0.0
        self._child = 0
        self._stopping = False
        self._may_stop_now = False

    def work(self) -> None:
        """Ask and work until told to stop."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGUSR1, self._give_back)
        with contextlib.suppress(_StopNowError):
            while not self._stopping and not self._enough():
                order = self._ask()
                if order is not None:
                    self._do(order)

    def _ask(self) -> AnyOrder | None:
        try:
            self._may_stop_now = True
            if self._stopping:
                return None
            if self._pause_s:
                self._pause(self._pause_s * random.uniform(0.5, 1.0))  # noqa: S311
            order = self._context.api.claim(self._context.claim(WAIT_S), give_up_s=0)
            self._may_stop_now = False
        except PlatformError as error:
            self._tell(error)
            return None
        finally:
            self._may_stop_now = False
        if self._pause_s:
            _log.info("platform_answers_again")
            self._pause_s = 0.0
        return order

    def _tell(self, error: PlatformError) -> None:
        self._pause_s = min(max(2 * self._pause_s, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
        again = {"detail": error.detail, "again_within_s": self._pause_s}
        if error.code in _REFUSED:
            _log.error("token_refused", hint="make another: proctor user token --worker", **again)
        elif error.code is Code.SANDBOX_FAILED:
            _log.error("gpu_lost", **again)
        else:
            _log.warning("platform_unreachable", **again)

    def _do(self, order: AnyOrder) -> None:
        def work() -> NoReturn:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            jobs.carry_out(order, self._context)
            os._exit(0)

        self._child = fork_bound(work)
        os.waitpid(self._child, 0)
        self._child = 0

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopping = True
        if self._may_stop_now:
            raise _StopNowError
        if self._context.queue is Queue.HOST:
            # What it does has no end that could be waited for.
            self._give_back(signal.SIGTERM, None)

    def _give_back(self, _signal: int, _frame: FrameType | None) -> None:
        """Have the child hand its work back to the platform."""
        if self._child:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._child, signal.SIGTERM)
