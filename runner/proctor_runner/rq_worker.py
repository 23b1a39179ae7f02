"""One process on one queue. RQ is the bell that wakes it, never the truth.

What is left of RQ is narrowed: the serializer is JSON, the only function is ``jobs.execute`` with
one id, callbacks, webhooks, retries, dependencies and commands over pub/sub are gone, and Redis may
go away while work is done. An idle process also asks the platform itself every few seconds, so work
whose bell was lost is found. The work runs in a forked child that dies with its parent.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn

import redis.exceptions
import structlog
from redis import Redis
from rq import Queue as RQQueue
from rq import Worker
from rq.exceptions import DequeueTimeout
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.timeouts import HorseMonitorTimeoutException
from rq.worker.base import WorkerStatus

from proctor.spec.outcomes import PlatformError
from proctor.spec.work import AnyOrder
from proctor_runner import jobs
from proctor_runner.parent_death import bind_to

ALLOWED_FUNCTION = "proctor_runner.jobs.execute"
JOB_TIMEOUT_S = 60 * 24 * 3600
"""Far above every deadline of ours, which alone decide; RQ's would be a plain exception."""

_RESULT_TTL_S = 60
_WORKER_TTL_S = 30
_MONITOR_S = 5
_WORK_ID = re.compile(r"(run|eva)_[0-9a-z]{26}")
_REDIS_AWAY = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError)

_log = structlog.get_logger()


class JobRefusedError(Exception):
    """Something other than our one function with one id was put into the queue."""


class AllowedJob(Job):
    """A job that can only be ``jobs.execute(<id>)``, whatever Redis says."""

    @property
    def func(self) -> Callable[[str], None]:
        """Return our one function.

        Raises:
            JobRefusedError: the job names another, or other arguments than one id.
        """
        if self.func_name != ALLOWED_FUNCTION or self.instance is not None or self.kwargs:
            raise JobRefusedError(f"the queue may call {ALLOWED_FUNCTION} alone")
        arguments = list(self.args)
        if len(arguments) != 1 or not _is_work_id(arguments[0]):
            raise JobRefusedError(f"{ALLOWED_FUNCTION} takes one id of a run or an evaluation")
        return jobs.execute

    @property
    def success_callback(self) -> None:
        """Return none."""
        return

    @property
    def failure_callback(self) -> None:
        """Return none."""
        return

    @property
    def stopped_callback(self) -> None:
        """Return none."""
        return

    def restore(self, raw_data: Any) -> Any:
        """Read the job from Redis and drop everything but function and arguments."""
        super().restore(raw_data)
        self._success_callback_name = None
        self._failure_callback_name = None
        self._stopped_callback_name = None
        self._dependency_ids = []
        self.webhooks = []
        self.retries_left = None
        self.repeats_left = None
        self.timeout = JOB_TIMEOUT_S
        self.result_ttl = _RESULT_TTL_S
        self.failure_ttl = _RESULT_TTL_S


class QueueProcess(Worker):
    """An RQ worker on the queue of its context; see the module for what it leaves out of RQ."""

    def __init__(self, context: jobs.WorkContext, connection: Redis, poll_s: float) -> None:
        self._context = context
        self._poll_s = max(1, math.ceil(poll_s))
        super().__init__(
            [
                RQQueue(
                    context.queue.value,
                    connection=connection,
                    job_class=AllowedJob,
                    serializer=JSONSerializer,
                )
            ],
            # Unique for the process: a name that was killed stays registered for a while.
            name=f"{context.worker}.{os.getpid()}.{time.time_ns()}",
            connection=connection,
            job_class=AllowedJob,
            serializer=JSONSerializer,
            worker_ttl=_WORKER_TTL_S,
            job_monitoring_interval=_MONITOR_S,
            default_result_ttl=_RESULT_TTL_S,
            log_job_description=False,
        )

    def subscribe(self) -> None:
        """Listen to no commands: who can write to Redis must not steer a worker."""

    def fork_work_horse(self, job: Job, queue: RQQueue) -> None:
        """Fork the process that does the work, bound to this one's life."""

        def work() -> NoReturn:
            self.main_work_horse(job, queue)
            os._exit(0)

        self._horse_pid = fork_bound(work)

    def maintain_heartbeats(self, job: Job) -> None:
        """Tell Redis that the job goes on, if Redis is there."""
        with contextlib.suppress(*_REDIS_AWAY):
            super().maintain_heartbeats(job)

    def set_current_job_working_time(
        self, current_job_working_time: float, pipeline: Any = None
    ) -> None:
        """Tell Redis how long the job goes on, if Redis is there."""
        with contextlib.suppress(*_REDIS_AWAY):
            super().set_current_job_working_time(current_job_working_time, pipeline)

    def set_shutdown_requested_date(self) -> None:
        """Tell Redis that this process will stop, if Redis is there."""
        with contextlib.suppress(*_REDIS_AWAY):
            super().set_shutdown_requested_date()  # type: ignore[no-untyped-call]

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, RQQueue] | None:
        """Wait for a bell; every few seconds without one, ask the platform itself."""
        if timeout is None:
            return super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)
        # Work may wait whose bell was heard when it was not its turn, or had no room.
        self._look_for_work()
        while not self._stop_requested:
            wait_s = 0.0
            try:
                self.heartbeat()
                if self.should_run_maintenance_tasks:
                    self.run_maintenance_tasks()  # type: ignore[no-untyped-call]
                found = self.queue_class.dequeue_any(
                    self._ordered_queues,
                    self._poll_s,
                    connection=self.connection,
                    job_class=self.job_class,
                    serializer=self.serializer,
                    death_penalty_class=self.death_penalty_class,
                )
            except DequeueTimeout:
                found = None
            except _REDIS_AWAY as error:
                _log.warning("redis_unreachable", error=str(error))
                wait_s, found = float(self._poll_s), None
            if found is not None:
                job, queue = found
                job.redis_server_version = self.get_redis_server_version()  # type: ignore[no-untyped-call]
                return job, queue
            self._look_for_work(wait_s)
        return None

    def _install_signal_handlers(self) -> None:
        super()._install_signal_handlers()  # type: ignore[no-untyped-call]
        signal.signal(signal.SIGUSR1, self._give_back)

    def _give_back(self, _signal: int, _frame: FrameType | None) -> None:
        """Have the child hand its work back to the platform."""
        if self._horse_pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._horse_pid, signal.SIGTERM)

    def _look_for_work(self, wait_s: float = 0.0) -> None:
        """Ask the platform, which may take ``wait_s`` to answer, and do what there is."""
        # Marked busy first: a SIGTERM from here on lets claimed work come to its end.
        self._state = WorkerStatus.BUSY
        try:
            order = self._claim(wait_s)
            while order is not None:
                self._do(order)
                order = None if self._stop_requested else self._claim()
        except PlatformError as error:
            _log.warning("claim_failed", detail=error.detail)
            self._rest(wait_s)
        finally:
            self._state = WorkerStatus.IDLE

    def _claim(self, wait_s: float = 0.0) -> AnyOrder | None:
        return self._context.api.claim(self._context.claim(wait_s), give_up_s=0)

    def _rest(self, seconds: float) -> None:
        """Without Redis and without the platform nothing else would slow this process down."""
        ends_at = time.monotonic() + seconds
        while not self._stop_requested and time.monotonic() < ends_at:
            time.sleep(min(seconds, 0.5))

    def _do(self, order: AnyOrder) -> None:
        def work() -> NoReturn:
            self.setup_work_horse_signals()  # type: ignore[no-untyped-call]
            self._is_horse = True
            jobs.carry_out(order, self._context)
            os._exit(0)

        self._horse_pid = fork_bound(work)
        while True:
            try:
                with self.death_penalty_class(_MONITOR_S, HorseMonitorTimeoutException):
                    os.waitpid(self._horse_pid, 0)
                break
            except HorseMonitorTimeoutException:
                with contextlib.suppress(*_REDIS_AWAY):
                    self.heartbeat(_MONITOR_S + 60)
        self._horse_pid = 0


def fork_bound(work: Callable[[], NoReturn]) -> int:
    """Fork a child that does ``work`` in a process group of its own and dies with this process."""
    parent = os.getpid()
    child = os.fork()
    if child:
        return child
    try:
        os.setpgrp()
        bind_to(parent)
        work()
    except BaseException:
        _log.exception("child_failed")
    finally:
        sys.stderr.flush()
        os._exit(1)


def _is_work_id(argument: object) -> bool:
    return isinstance(argument, str) and _WORK_ID.fullmatch(argument) is not None
