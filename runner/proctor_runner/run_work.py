"""A run: every case of an order through the sandbox, then through decoding, each reported once.

Cases are answered in the order of their aliases, which are random, while a thread decodes what the
model left so far. Only decoding gives a case its good report; a case that crashed has its own at
once. Nothing here knows HTTP, leases or references.
"""

from __future__ import annotations

import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import assert_never

from proctor.spec.outcomes import OUTCOMES, Code, ProctorError
from proctor.spec.work import CaseReport, OrderCase, RunOrder
from proctor_runner.contracts.native import CASE_FILE, PreparedCase, prepare
from proctor_runner.decoding import DecodedCase, RawCase, decode
from proctor_runner.desk import RunDesk, StoppedError
from proctor_runner.faults import FaultPoint, Faults
from proctor_runner.sandbox.interface import Ending, Program, Sandbox, SandboxJob, SandboxResult


@dataclass(frozen=True)
class Bench:
    """What a run needs of this machine.

    Attributes:
        sandbox: Runs the model.
        decoder: Another slot, so that decoding goes on while the model answers the next case.
        scratch: An empty folder of this attempt's own.
        decode_cases: Cases decoded together.
        decode_wait_s: A case waits for others to be decoded with at most this long.
    """

    sandbox: Sandbox
    decoder: Sandbox
    decode_program: Program
    scratch: Path
    decode_cases: int = 8
    decode_wait_s: float = 10.0
    faults: Faults = field(default_factory=Faults)


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended: OK with or without missing cases, or the participant's failure.

    Attributes:
        model_s: Wall-clock seconds of the model, those of earlier attempts included.
    """

    code: Code
    detail: str
    model_s: float


@dataclass(frozen=True)
class _Answered:
    case: OrderCase
    prepared: PreparedCase
    result: SandboxResult
    folder: Path


def run_cases(order: RunOrder, program: Program, desk: RunDesk, bench: Bench) -> RunOutcome:
    """Run and decode every case of ``order`` and report each.

    Raises:
        StoppedError: the desk said stop.
        PlatformError: something of ours failed; reports made so far stand.
    """
    return _Attempt(order, program, desk, bench).run()


class _Attempt:
    def __init__(self, order: RunOrder, program: Program, desk: RunDesk, bench: Bench) -> None:
        self._order = order
        self._program = program
        self._desk = desk
        self._bench = bench
        self._model_s = order.seconds_used
        self._done_before = order.cases_total - len(order.cases)
        self._lock = threading.Lock()
        self._reported: list[CaseReport] = []
        self._waiting: list[_Answered] = []
        self._waiting_since = 0.0
        self._decoding_failed = threading.Event()

    def run(self) -> RunOutcome:
        batches: list[Future[None]] = []
        with ThreadPoolExecutor(1, thread_name_prefix="decode") as pool:
            try:
                for case in sorted(self._order.cases, key=lambda case: case.alias):
                    answered = self._answer(case)
                    if answered is not None:
                        self._wait_for_decoding(answered)
                    if self._no_model(answered, case):
                        return self._never_started()
                    if self._batch_is_due():
                        batches.append(pool.submit(self._decode_batch, self._take_batch()))
                if self._waiting:
                    batches.append(pool.submit(self._decode_batch, self._take_batch()))
            except StoppedError:
                # Why it stopped may be a failed batch, which says more.
                _raise_first(batches)
                raise
            _raise_first(batches)
        return self._outcome()

    def _answer(self, case: OrderCase) -> _Answered | None:
        """Let the model answer ``case``; None when that already decided its outcome."""
        self._stop_if_told()
        left_s = self._order.limits.total_s - self._model_s
        if left_s <= 0:
            self._report(case, Code.TOTAL_TIMEOUT, "The run's time was used up before this case.")
            return None
        prepared = prepare(self._order.task, case)
        inputs = {name: self._desk.fetch(file) for name, file in prepared.inputs.items()}
        self._bench.faults.reached(FaultPoint.FETCH)
        folder = self._bench.scratch / case.alias
        (folder / "raw").mkdir(parents=True)
        job = SandboxJob(
            work=self._order.id,
            fence=self._order.fence,
            part=case.alias,
            program=self._program,
            documents={CASE_FILE: prepared.document},
            inputs=inputs,
            outputs=prepared.outputs,
            destination=folder / "raw",
            limits=self._order.limits,
            timeout_s=min(self._order.limits.case_s, left_s),
            seed=self._order.task.seed,
        )
        self._bench.faults.reached(FaultPoint.CREATE)
        result = self._bench.sandbox.run(job, self._must_stop)
        self._bench.faults.reached(FaultPoint.RUN)
        self._model_s += result.seconds
        code, detail = self._judge(result, by_total=left_s < self._order.limits.case_s)
        if code is Code.OK:
            return _Answered(case, prepared, result, folder)
        self._report(case, code, detail, result)
        shutil.rmtree(folder)
        return None

    def _judge(self, result: SandboxResult, by_total: bool) -> tuple[Code, str]:
        match result.ending:
            case Ending.EXITED if result.exit_code == 0:
                return Code.OK, ""
            case Ending.EXITED:
                return Code.CRASH, f"The model ended with {exit_words(result.exit_code)}."
            case Ending.TIMEOUT:
                return (Code.TOTAL_TIMEOUT if by_total else Code.TIMEOUT), result.detail
            case Ending.OUT_OF_MEMORY:
                return Code.OOM, result.detail
            case Ending.OUTPUT_LIMIT:
                return Code.OUTPUT_LIMIT, result.detail
            case Ending.START_FAILED:
                return Code.START_FAILED, result.detail
            case Ending.CANCELLED:
                raise StoppedError
            case _ as unreachable:
                assert_never(unreachable)

    def _no_model(self, answered: _Answered | None, case: OrderCase) -> bool:
        """Tell whether the very first case of the run showed that the model cannot start."""
        if answered is not None or self._done_before or len(self._reported) != 1:
            return False
        return not self._waiting and self._reported[0].outcome is Code.START_FAILED

    def _never_started(self) -> RunOutcome:
        return RunOutcome(Code.START_FAILED, self._reported[0].detail, self._model_s)

    def _wait_for_decoding(self, answered: _Answered) -> None:
        if not self._waiting:
            self._waiting_since = time.monotonic()
        self._waiting.append(answered)

    def _batch_is_due(self) -> bool:
        if not self._waiting:
            return False
        full = len(self._waiting) >= self._bench.decode_cases
        return full or time.monotonic() - self._waiting_since >= self._bench.decode_wait_s

    def _take_batch(self) -> list[_Answered]:
        batch, self._waiting = self._waiting, []
        return batch

    def _decode_batch(self, batch: list[_Answered]) -> None:
        try:
            self._stop_if_told()
            destination = self._bench.scratch / f"decoded-{batch[0].case.alias}"
            destination.mkdir()
            decoded = self._decode(batch, destination)
            self._stop_if_told()
            for answered in batch:
                found = decoded[answered.case.alias]
                self._report(
                    answered.case, found.outcome, found.detail, answered.result, found.predictions
                )
                shutil.rmtree(answered.folder)
            shutil.rmtree(destination)
            self._bench.faults.reached(FaultPoint.DECODE)
        except BaseException:
            self._decoding_failed.set()
            raise

    def _decode(self, batch: list[_Answered], destination: Path) -> dict[str, DecodedCase]:
        try:
            return decode(
                self._bench.decoder,
                self._bench.decode_program,
                self._order.task,
                [self._raw(answered) for answered in batch],
                destination,
                self._must_stop,
                self._order.id,
                self._order.fence,
            )
        except ProctorError:
            # A decode that was killed because we were told to stop is no failure.
            self._stop_if_told()
            raise

    def _raw(self, answered: _Answered) -> RawCase:
        task, case = self._order.task, answered.case
        grids = {output.grid for output in task.outputs.values() if output.grid is not None}
        return RawCase(
            id=case.alias,
            items=case.items,
            files=answered.result.outputs,
            grids={name: self._desk.fetch(case.files[name]) for name in sorted(grids)},
            problems=answered.result.problems,
        )

    def _report(
        self,
        case: OrderCase,
        code: Code,
        detail: str,
        result: SandboxResult | None = None,
        predictions: Mapping[str, Path] | None = None,
    ) -> None:
        report = CaseReport(
            fence=self._order.fence,
            case=case.id,
            outcome=code,
            detail=detail[:2000],
            exit_code=None if result is None else result.exit_code,
            seconds=None if result is None else result.seconds,
            peak_memory_bytes=None if result is None else result.peak_memory_bytes,
            predictions={
                name: self._desk.store(path) for name, path in sorted((predictions or {}).items())
            },
            log=self._desk.store_bytes(result.log) if result is not None and result.log else None,
        )
        self._desk.report_case(report)
        with self._lock:
            self._reported.append(report)
            done = self._done_before + len(self._reported)
        self._desk.progress("running", done, self._order.cases_total)

    def _must_stop(self) -> bool:
        return self._decoding_failed.is_set() or self._desk.stopped()

    def _stop_if_told(self) -> None:
        if self._must_stop():
            raise StoppedError

    def _outcome(self) -> RunOutcome:
        codes = Counter(report.outcome for report in self._reported)
        if codes[Code.OK] or self._done_before or not codes:
            return RunOutcome(Code.OK, "", self._model_s)
        code, count = codes.most_common(1)[0]
        first = next(report for report in self._reported if report.outcome is code)
        alike = " alike" if count == len(self._reported) else f", {count} of them like this one"
        detail = f"All {len(self._reported)} cases failed{alike}: " + (
            first.detail or OUTCOMES[code].message
        )
        return RunOutcome(code, detail[:2000], self._model_s)


def exit_words(exit_code: int | None) -> str:
    """Say what an exit status means.

    >>> exit_words(3), exit_words(139)
    ('exit status 3', 'exit status 139 (signal SIGSEGV)')
    """
    number = (exit_code or 0) - 128
    if number in {item.value for item in signal.Signals}:
        return f"exit status {exit_code} (signal {signal.Signals(number).name})"
    return f"exit status {exit_code}"


def _raise_first(batches: list[Future[None]]) -> None:
    """Wait for every batch and raise the first failure that is more than having stopped."""
    errors = [error for batch in batches if (error := batch.exception()) is not None]
    for error in errors:
        if not isinstance(error, StoppedError):
            raise error
    if errors:
        raise errors[0]
