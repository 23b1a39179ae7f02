"""What a worker process does with one id: claim it, do it under a lease, report how it ended.

``execute`` is the only function that may be called from the queue. This is the boundary at which
every failure is caught and given to its owner: a participant's ends the run, an organizer's and
ours go back to the platform, and a lost lease makes all of it silent.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import NoReturn, assert_never

import structlog

from proctor.spec.base import FileRef
from proctor.spec.card.detected import DetectedMetadata
from proctor.spec.outcomes import Code, OrganizerError, ParticipantError, PlatformError
from proctor.spec.work import (
    AnyOrder,
    CaseReport,
    Claim,
    HostOrder,
    PredictionsContent,
    Queue,
    RunOrder,
    RunReport,
    ScoreOrder,
    ScoreReport,
    WorkerFacts,
)
from proctor_runner.cache import BlobCache
from proctor_runner.desk import RunDesk, StoppedError, StopReason
from proctor_runner.faults import FaultPoint, Faults
from proctor_runner.gpus.held import HeldGpus
from proctor_runner.lease import Lease
from proctor_runner.measuring import measure
from proctor_runner.model_program import model_program
from proctor_runner.platform_api import LeaseLostError, OrderApi, PlatformApi
from proctor_runner.predictions_work import decode_predictions
from proctor_runner.run_work import RunOutcome, run_cases
from proctor_runner.sandbox.interface import Program
from proctor_runner.score_work import score_run
from proctor_runner.scratch import scratch_folder
from proctor_runner.serving.host import host
from proctor_runner.workshop import RunTools, Workshop

_MOST_PROBLEMS = 16

_log = structlog.get_logger()


@dataclass(frozen=True)
class WorkContext:
    """What a worker process knows besides the id it was given."""

    api: PlatformApi
    queue: Queue
    worker: str
    state: Path
    cache_bytes: int
    workshop: Workshop
    faults: Faults
    facts: WorkerFacts | None = None
    gpus: HeldGpus | None = None
    score_processes: int = 1
    problems: Callable[[], tuple[str, ...]] = tuple

    def claim(self, wait_s: float = 0.0) -> Claim:
        """Return the question for work, with what this process has at this moment.

        Raises:
            PlatformError: SANDBOX_FAILED, a GPU that it holds does not answer.
        """
        facts = self.facts
        if facts is not None and self.gpus is not None:
            facts = facts.model_copy(update={"gpus": self.gpus.facts()})
        if facts is not None and (problems := self.problems()):
            facts = facts.model_copy(update={"problems": problems[:_MOST_PROBLEMS]})
        return Claim(queue=self.queue, worker=self.worker, facts=facts, wait_s=wait_s)


CONTEXT: ContextVar[WorkContext] = ContextVar("worker_context")
"""Set once by the worker process before it takes work; a forked child has it too."""


def execute(work_id: str) -> None:
    """Claim whatever the platform says is next, and do it.

    ``work_id`` is what the bell was rung for: a reason to ask, and no claim to be first.
    """
    context = CONTEXT.get()
    order = context.api.claim(context.claim())
    if order is None:
        # Bells are rung more than once; whoever came first has the work.
        _log.info("nothing_to_claim", bell=work_id)
        return
    carry_out(order, context)


def carry_out(order: AnyOrder, context: WorkContext) -> None:
    """Do claimed work to its end, whatever that is."""
    context.faults.reached(FaultPoint.CLAIM)
    log = _log.bind(work=order.id, fence=order.fence)
    api = context.api.of_order(order)
    try:
        with Lease(api.heartbeat, order.lease_s, _cases_of(order)) as lease, _drained_into(lease):
            try:
                report = _do(order, context, api, lease)
                context.faults.reached(FaultPoint.COMPLETE)
                if lease.stop_reason is StopReason.LEASE_LOST:
                    raise LeaseLostError("the lease ended before the report was sent")
                api.complete(report)
                context.faults.reached(FaultPoint.PUBLISH)
                log.info("work_completed", outcome=getattr(report, "outcome", Code.OK))
            except StoppedError:
                _stopped(api, lease)
                log.info("work_stopped", reason=lease.stop_reason)
            except (OrganizerError, ParticipantError, PlatformError) as error:
                _tell_failure(api, lease, error.code, error.detail)
                # What an organizer's metric printed follows, and it has seen the reference.
                told = error.detail.partition("\n")[0]
                log.warning("work_failed", code=error.code, detail=told)
            except LeaseLostError:
                raise
            except Exception as error:
                log.exception("work_failed", code=Code.INTERNAL)
                _tell_failure(api, lease, Code.INTERNAL, f"unexpected {type(error).__name__}")
    except LeaseLostError as error:
        log.warning("lease_lost", detail=str(error))
    except PlatformError as error:
        # Not even the failure could be told. The lease lapses and the work is done anew.
        log.warning("platform_unreachable", detail=error.detail)
    finally:
        api.close()


def _do(
    order: AnyOrder, context: WorkContext, api: OrderApi, lease: Lease
) -> RunReport | ScoreReport:
    with scratch_folder(context.state / "scratch", f"{order.id}-{order.fence}") as scratch:
        files = scratch / "files"
        files.mkdir()
        cache = BlobCache(context.state / "cache", context.cache_bytes)
        desk = HttpDesk(api, lease, cache, files)
        match order:
            case RunOrder():
                return _run(order, context, desk, scratch)
            case ScoreOrder():
                opened = partial(_tools, context.workshop, scratch / "metrics")
                return score_run(order, desk, opened, context.faults, context.score_processes)
            case HostOrder():
                return _host(order, context, desk, api, lease, scratch)
            case _ as unreachable:
                assert_never(unreachable)


def _cases_of(order: AnyOrder) -> int:
    return 0 if isinstance(order, HostOrder) else len(order.cases)


@contextmanager
def _tools(workshop: Workshop, scratch: Path) -> Iterator[RunTools]:
    scratch.mkdir()
    with workshop.open(scratch) as tools:
        yield tools


def _run(order: RunOrder, context: WorkContext, desk: RunDesk, scratch: Path) -> RunReport:
    desk.progress("preparing", order.cases_total - len(order.cases), order.cases_total)
    cases = scratch / "cases"
    cases.mkdir()
    metadata = None
    with context.workshop.open(cases) as tools:
        images = tools.bench.sandbox.name != "process"
        try:
            if isinstance(order.content, PredictionsContent):
                outcome = decode_predictions(order, order.content, desk, tools.bench)
            else:
                program = model_program(order, desk, tools.shelf, scratch / "model", images)
                outcome = run_cases(order, program, desk, tools.bench)
                if order.measure and outcome.code is Code.OK:
                    metadata = _measured(order, program, desk, tools, scratch / "described")
        except ParticipantError as error:
            outcome = RunOutcome(error.code, error.detail, order.seconds_used)
        return RunReport(
            fence=order.fence,
            outcome=outcome.code,
            detail=outcome.detail[:2000],
            seconds=outcome.model_s,
            environment=tools.environment,
            protocol=outcome.protocol,
            metadata=metadata,
        )


def _host(
    order: HostOrder,
    context: WorkContext,
    desk: RunDesk,
    api: OrderApi,
    lease: Lease,
    scratch: Path,
) -> NoReturn:
    with _tools(context.workshop, scratch / "cases") as tools:
        host(order, desk, tools, api, scratch, lambda: lease.stop(StopReason.CANCELLED))


def _measured(
    order: RunOrder, program: Program, desk: RunDesk, tools: RunTools, folder: Path
) -> DetectedMetadata | None:
    """Return what the model is made of; that it cannot be found out costs the run nothing."""
    content = order.content
    if isinstance(content, PredictionsContent):
        return None
    folder.mkdir()
    desk.progress("measuring", order.cases_total, order.cases_total)
    image = order.runtime.image if order.runtime is not None else None
    try:
        return measure(
            program,
            content,
            tools.bench.sandbox,
            order.limits,
            folder,
            work=order.id,
            fence=order.fence,
            image_bytes=None if image is None else sum(layer.size for layer in image.layers),
            cancelled=desk.stopped,
        )
    except PlatformError as error:
        _log.warning("model_not_measured", work=order.id, code=error.code, detail=error.detail)
        return None


class HttpDesk:
    """A desk whose files and reports go over HTTP under the order's token."""

    def __init__(self, api: OrderApi, lease: Lease, cache: BlobCache, files: Path) -> None:
        self._api = api
        self._lease = lease
        self._cache = cache
        self._files = files

    def fetch(self, file: FileRef) -> Path:
        """Return the file from the cache, downloaded first where it must be."""
        return self._cache.take(file, self._files, lambda stream: self._api.download(file, stream))

    def store(self, path: Path) -> FileRef:
        """Upload the file."""
        return self._api.upload(path)

    def store_bytes(self, content: bytes) -> FileRef:
        """Upload the bytes."""
        return self._api.upload_bytes(content)

    def progress(self, stage: str, cases_done: int, cases_total: int) -> None:
        """Leave it for the next heartbeat."""
        self._lease.progress(stage, cases_done, cases_total)

    def stopped(self) -> bool:
        """Ask the lease."""
        return self._lease.stop_reason is not None

    def intake_passed(self) -> None:
        """Tell the platform."""
        self._api.intake_passed()

    def report_case(self, report: CaseReport) -> None:
        """Tell the platform, unless the lease is gone."""
        if self._lease.stop_reason is StopReason.LEASE_LOST:
            raise StoppedError
        self._api.report_case(report)


def _stopped(api: OrderApi, lease: Lease) -> None:
    match lease.stop_reason:
        case StopReason.CANCELLED:
            api.fail(Code.CANCELLED, "")
        case StopReason.DRAINED:
            api.fail(Code.WORKER_LOST, "The worker was shut down and gave the work back.")
        case StopReason.LEASE_LOST | None:
            return
        case _ as unreachable:
            assert_never(unreachable)


def _tell_failure(api: OrderApi, lease: Lease, code: Code, detail: str) -> None:
    if lease.stop_reason is not StopReason.LEASE_LOST:
        api.fail(code, detail)


@contextmanager
def _drained_into(lease: Lease) -> Iterator[None]:
    """Make SIGTERM give the work back; only the main thread of a process may ask for that."""

    def drain(_signal: int, _frame: FrameType | None) -> None:
        lease.stop(StopReason.DRAINED)

    before = signal.signal(signal.SIGTERM, drain)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
