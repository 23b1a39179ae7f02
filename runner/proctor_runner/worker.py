"""``proctor worker``: keeps one process for each role and slot, whatever happens to them.

A process that dies is started again, after growing pauses when it dies at once. SIGTERM and SIGINT
drain: nothing new is taken, work goes on for ``drain_s``, then it is given back. The supervisor
itself does no work, opens no connection and has no thread, so it can fork at any time and its
children start with everything heavy already loaded.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import NoReturn

import structlog
from pydantic import ValidationError
from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from proctor.spec.outcomes import PlatformError
from proctor.spec.work import Queue, Role, WorkerFacts
from proctor_runner import jobs
from proctor_runner.doctor.admission import admit, in_a_child
from proctor_runner.gpus.held import count_gpus, hold
from proctor_runner.gpus.interface import GpuLostError, OpenDriver
from proctor_runner.gpus.nvml import open_nvml
from proctor_runner.http_worker import AskingProcess
from proctor_runner.platform_api import PlatformApi
from proctor_runner.rq_worker import QueueProcess, fork_bound
from proctor_runner.sandbox.choose import choose
from proctor_runner.sandbox.slots import Slots, shared_folder
from proctor_runner.score_work import prepare
from proctor_runner.scratch import sweep_scratch
from proctor_runner.settings import SettingsError, WorkerSettings
from proctor_runner.workshop import SandboxWorkshop

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_HEALTHY_S = 30.0
_LOOK_S = 1.0
_GIVE_BACK_S = 10.0
_WATCHED = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}

_log = structlog.get_logger()


def main(read: Callable[[], WorkerSettings] = WorkerSettings) -> int:
    """Run a worker until it is told to stop.

    Args:
        read: Returns its settings; by default those of the environment alone.
    """
    configure_logging()
    try:
        settings = read()
        children = children_of(settings)
    except (ValidationError, SettingsError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if settings.runs_models and not in_a_child(lambda: admit(settings)):
        return 1
    return Supervisor(children, settings.drain_s).run()


def configure_logging() -> None:
    """Log events as JSON lines, or for people where a terminal is attached."""
    terminal = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # Tracebacks are plain text: local variables may hold tokens, or a reference.
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
            if terminal
            else structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


@dataclass
class Child:
    """One process to keep: what it does, and how its last lives went."""

    name: str
    work: Callable[[], None]
    pid: int = 0
    started_at: float = 0.0
    start_at: float = 0.0
    pause_s: float = _FIRST_PAUSE_S


def children_of(settings: WorkerSettings, open_driver: OpenDriver = open_nvml) -> list[Child]:
    """Return one child for each role and slot, and the sweeper of a worker that runs models.

    Raises:
        SettingsError: a role has no token, or a worker for GPUs has none.
    """
    name = settings.worker_name or socket.gethostname()[:48]
    state = settings.worker_state.resolve()
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    children = []
    for role in Role:
        slots = _slots(settings, role, open_driver)
        if slots:
            token = settings.token(role)
        for slot in range(slots):
            worker = f"{name}/{role}-{slot}"
            workshop = SandboxWorkshop(
                sandbox=settings.sandbox,
                state=state,
                worker=worker,
                decode_image=settings.decode_image,
                decode_cases=settings.decode_cases,
                decode_wait_s=settings.decode_wait_s,
                image_cache_bytes=settings.image_cache_bytes,
                runtime=settings.sandbox_runtime,
                faults=settings.faults(),
            )
            context = jobs.WorkContext(
                api=PlatformApi(settings.platform_url, token),
                queue=settings.queue(role),
                worker=worker,
                state=state,
                cache_bytes=settings.cache_bytes,
                workshop=workshop,
                faults=settings.faults(),
                score_processes=max(1, len(os.sched_getaffinity(0)) // settings.score_slots),
                facts=WorkerFacts(
                    version=version("proctor"),
                    role=role,
                    slots=slots,
                    sandbox=settings.sandbox,
                    host=socket.gethostname()[:120],
                    cache_bytes=settings.cache_bytes,
                ),
                problems=tuple if role is Role.SCORE else _problems,
            )
            children.append(Child(worker, _queue_work(settings, context, workshop, open_driver)))
    if settings.runs_models:
        children.append(Child(f"{name}/sweep", lambda: sweep(settings)))
    return children


class Supervisor:
    """Keeps children alive until a signal says otherwise."""

    def __init__(self, children: list[Child], drain_s: float) -> None:
        self._children = children
        self._drain_s = drain_s

    def run(self) -> int:
        """Return 0 once every child has ended after a signal to stop."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
        # What is loaded stays: a child that looked through it would copy every page of it.
        gc.collect()
        gc.freeze()
        try:
            while True:
                self._start_due()
                received = signal.sigtimedwait(_WATCHED, _LOOK_S)
                self._reap()
                if received is not None and received.si_signo != signal.SIGCHLD:
                    break
            self._drain()
            return 0
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _start_due(self) -> None:
        for child in self._children:
            if not child.pid and time.monotonic() >= child.start_at:
                child.started_at = time.monotonic()
                child.pid = fork_bound(_live(child))
                _log.info("process_started", process=child.name, pid=child.pid)

    def _reap(self) -> None:
        for child in self._children:
            if not child.pid:
                continue
            pid, status = os.waitpid(child.pid, os.WNOHANG)
            if not pid:
                continue
            lived_s = time.monotonic() - child.started_at
            child.pause_s = (
                _FIRST_PAUSE_S
                if lived_s >= _HEALTHY_S
                else min(2 * child.pause_s, _LONGEST_PAUSE_S)
            )
            child.start_at = time.monotonic() + child.pause_s
            child.pid = 0
            _log.warning("process_ended", process=child.name, status=status, lived_s=lived_s)

    def _drain(self) -> None:
        _log.info("worker_draining", drain_s=self._drain_s)
        self._send(signal.SIGTERM)
        if self._wait(self._drain_s):
            return
        self._send(signal.SIGUSR1)
        if not self._wait(_GIVE_BACK_S):
            self._send(signal.SIGKILL)
            self._wait(_GIVE_BACK_S)

    def _send(self, number: signal.Signals) -> None:
        for child in self._children:
            if child.pid:
                os.kill(child.pid, number)

    def _wait(self, limit_s: float) -> bool:
        deadline = time.monotonic() + limit_s
        while any(child.pid for child in self._children):
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return False
            signal.sigtimedwait({signal.SIGCHLD}, min(left_s, _LOOK_S))
            self._reap()
        return True


def sweep(settings: WorkerSettings) -> None:
    """Remove what dead processes of this worker left on the host, every few seconds."""
    # SIGTERM's default action ends this at once; the slot's lock goes with the process.
    state = settings.worker_state.resolve()
    sandbox = choose(settings.sandbox, state, settings.decode_image)
    while True:
        try:
            sandbox.sweep()
        except PlatformError as error:
            _log.warning("sweep_failed", detail=error.detail)
        sweep_scratch(state / "scratch")
        time.sleep(settings.sweep_s)


def _problems() -> tuple[str, ...]:
    return Slots().told_aside()


def _slots(settings: WorkerSettings, role: Role, open_driver: OpenDriver) -> int:
    slots = settings.slots(role)
    if not slots or settings.queue(role) is not Queue.RUN_GPU:
        return slots
    try:
        found = count_gpus(open_driver)
    except GpuLostError as error:
        raise SettingsError(f"a worker for {Queue.RUN_GPU} needs GPUs: {error}") from error
    if found < settings.gpus_per_run:
        raise SettingsError(
            f"a worker for {Queue.RUN_GPU} needs {settings.gpus_per_run} GPUs for each process"
            f" (PROCTOR_GPUS_PER_RUN); this host has {found}"
        )
    return settings.run_slots or found // settings.gpus_per_run


def _queue_work(
    settings: WorkerSettings,
    context: jobs.WorkContext,
    workshop: SandboxWorkshop,
    open_driver: OpenDriver,
) -> Callable[[], None]:
    def work() -> None:
        able = context
        if context.queue is Queue.RUN_GPU:
            try:
                gpus = hold(open_driver, shared_folder(), settings.gpus_per_run)
            except PlatformError as error:
                # The supervisor starts this process again, after growing pauses.
                _log.error("no_gpu_held", detail=error.detail)
                return
            able = replace(context, gpus=gpus, workshop=replace(workshop, gpus=gpus))
        if context.queue is Queue.SCORE:
            # Once, here: what does the work is forked from this process.
            prepare()
        jobs.CONTEXT.set(able)
        _ask_or_listen(settings, able)

    return work


def _ask_or_listen(settings: WorkerSettings, context: jobs.WorkContext) -> None:
    """Listen to Redis; without one, or as long as it is away, ask the platform itself."""
    if settings.redis_url is None or context.queue is Queue.HOST:
        AskingProcess(context).work()
        return
    # A restart of Redis is bridged; longer, and the platform is asked instead.
    retry = Retry(ExponentialBackoff(cap=1.0, base=0.1), 3)
    connection = Redis.from_url(settings.redis_url, retry=retry)
    if _answers(connection):
        QueueProcess(context, connection, settings.poll_s).work(logging_level="WARNING")
        return
    _log.warning("redis_unreachable", instead="asking the platform until Redis answers")
    AskingProcess(context, enough=lambda: _answers(connection)).work()


def _answers(connection: Redis) -> bool:
    try:
        connection.ping()
    except RedisError:
        return False
    return True


def _live(child: Child) -> Callable[[], NoReturn]:
    def live() -> NoReturn:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)
        child.work()
        os._exit(0)

    return live
