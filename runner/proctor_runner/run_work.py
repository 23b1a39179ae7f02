"""A run: every case of an order through the sandbox, then through decoding, each reported once.

Cases are answered in the order of their aliases, which are random, while a thread decodes what the
model left so far. Only decoding gives a case its good report; a case that crashed has its own at
once. A model that serves is asked in one session; a few of its cases are answered once more through
``case`` and reported last. Nothing here knows HTTP, leases or references.
"""

from __future__ import annotations

import math
import shutil
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from operator import attrgetter
from pathlib import Path

from proctor.spec.model import Protocol
from proctor.spec.outcomes import Code, ParticipantError, ProctorError
from proctor.spec.work import CaseReport, OrderCase, RunOrder
from proctor_runner import agreement
from proctor_runner.canonical import RawCase
from proctor_runner.case_verdict import all_failed, judge
from proctor_runner.contracts.choose import contract_of
from proctor_runner.contracts.interface import Reading
from proctor_runner.decoding import DecodedCase, decode
from proctor_runner.desk import RunDesk, StoppedError
from proctor_runner.faults import FaultPoint, Faults
from proctor_runner.sandbox.interface import (
    Program,
    Sandbox,
    SandboxJob,
    SandboxResult,
    Session,
)


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
        model_s: Wall-clock seconds of the model, those of earlier attempts included; of the cases
            that were compared, only the answer that counts.
    """

    code: Code
    detail: str
    model_s: float
    protocol: Protocol = Protocol.CASE


@dataclass(frozen=True)
class _Answered:
    """An answer that is still to be decoded.

    Attributes:
        id: The case's alias, or another name when the same case is decoded twice.
        reading: How the declared outputs are made of what it left; None if they are that.
    """

    id: str
    case: OrderCase
    job: SandboxJob
    result: SandboxResult
    folder: Path
    reading: Reading | None


@dataclass(frozen=True)
class _Pair:
    """A case through both protocols; ``again`` is None when only ``served`` answered."""

    served: _Answered
    again: _Answered | None
    why_not: str


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
        self._contract = contract_of(order.content)
        serves = Protocol.SERVE in program.protocols
        self._protocol = Protocol.SERVE if serves else Protocol.CASE
        self._compared = agreement.compared_aliases(order) if serves else frozenset()
        self._held: list[_Answered] = []

    def run(self) -> RunOutcome:
        batches: list[Future[None]] = []
        cases = sorted(self._order.cases, key=attrgetter("alias"))
        with ThreadPoolExecutor(1, thread_name_prefix="decode") as pool:
            try:
                with self._runner() as runner:
                    for number, case in enumerate(cases):
                        answered = self._answer(case, runner)
                        if number == 0 and self._no_model(answered):
                            return self._failed(Code.START_FAILED, self._reported[0].detail)
                        if answered is not None:
                            self._wait_for_decoding(answered)
                        if self._batch_is_due():
                            batches.append(pool.submit(self._decode_batch, self._take_batch()))
                pairs = [self._answer_again(served) for served in self._held]
            except StoppedError:
                # Why it stopped may be a failed batch, which says more.
                _raise_first(batches)
                raise
            _raise_first(batches)
        try:
            self._decode_batch(self._take_batch(), pairs)
        except ParticipantError as error:
            return self._failed(error.code, error.detail)
        return self._outcome()

    @contextmanager
    def _runner(self) -> Iterator[Sandbox | Session]:
        """Give what cases are run by: a session for a model that serves, else the sandbox."""
        if self._protocol is Protocol.SERVE:
            with closing(self._bench.sandbox.session()) as session:
                yield session
        else:
            yield self._bench.sandbox

    def _answer(self, case: OrderCase, runner: Sandbox | Session) -> _Answered | None:
        """Let the model answer ``case``; None when that already decided its outcome."""
        self._stop_if_told()
        left_s = self._order.limits.total_s - self._model_s
        if left_s <= 0:
            self._report(case, Code.TOTAL_TIMEOUT, "The run's time was used up before this case.")
            return None
        files = {name: self._desk.fetch(file) for name, file in case.files.items()}
        self._bench.faults.reached(FaultPoint.FETCH)
        folder = self._bench.scratch / case.alias
        (folder / "raw").mkdir(parents=True)
        asked = self._contract.prepare(self._order.task, case, files, folder)
        job = SandboxJob(
            work=self._order.id,
            fence=self._order.fence,
            part=case.alias,
            program=self._program,
            documents=asked.documents,
            inputs=asked.inputs,
            outputs=asked.outputs,
            destination=folder / "raw",
            limits=self._order.limits,
            timeout_s=min(self._order.limits.case_s, left_s),
            seed=self._order.task.seed,
            protocol=self._protocol,
            left_s=left_s,
            ended=lambda: self._bench.faults.reached(FaultPoint.RUN),
        )
        self._bench.faults.reached(FaultPoint.CREATE)
        # A sandbox asks for the first time when the program has started.
        result = runner.run(job, self._bench.faults.before_first(FaultPoint.START, self._must_stop))
        self._bench.faults.reached(FaultPoint.COLLECT)
        self._model_s += result.start_s + result.seconds
        code, detail = judge(result, left_s - result.start_s < self._order.limits.case_s)
        if code is Code.OK:
            return _Answered(case.alias, case, job, result, folder, asked.reading)
        self._report(case, code, detail, result)
        shutil.rmtree(folder)
        return None

    def _answer_again(self, served: _Answered, name: str = "again") -> _Pair:
        """Have a served case answered through ``case``, which loads the model within its limit."""
        self._stop_if_told()
        done = self._done_before + len(self._reported)
        self._desk.progress("comparing", done, self._order.cases_total)
        folder = self._bench.scratch / f"{served.id}-{name}"
        (folder / "raw").mkdir(parents=True)
        job = replace(
            served.job,
            destination=folder / "raw",
            timeout_s=self._order.limits.start_s + self._order.limits.case_s,
            protocol=Protocol.CASE,
            left_s=math.inf,
        )
        result = self._bench.sandbox.run(job, self._must_stop)
        code, detail = judge(result, by_total=False)
        if code is not Code.OK:
            shutil.rmtree(folder)
            return _Pair(served, None, detail)
        again = replace(served, id=folder.name, job=job, result=result, folder=folder)
        return _Pair(served, again, "")

    def _no_model(self, answered: _Answered | None) -> bool:
        """Tell whether the first case of the run showed that the model cannot start."""
        if answered is not None or self._done_before:
            return False
        return self._reported[0].outcome is Code.START_FAILED

    def _wait_for_decoding(self, answered: _Answered) -> None:
        if answered.id in self._compared:
            self._held.append(answered)
            return
        if not self._waiting:
            self._waiting_since = time.monotonic()
        self._waiting.append(answered)

    def _batch_is_due(self) -> bool:
        full = len(self._waiting) >= self._bench.decode_cases
        late = time.monotonic() - self._waiting_since >= self._bench.decode_wait_s
        return bool(self._waiting) and (full or late)

    def _take_batch(self) -> list[_Answered]:
        batch, self._waiting = self._waiting, []
        return batch

    def _decode_batch(self, batch: list[_Answered], pairs: Sequence[_Pair] = ()) -> None:
        """Decode answers and report them; of ``pairs``, those whose two answers are the same.

        Raises:
            ParticipantError: PROTOCOLS_DISAGREE, two are not.
        """
        answers = [
            *batch,
            *(pair.served for pair in pairs),
            *(pair.again for pair in pairs if pair.again is not None),
        ]
        if not answers:
            return
        try:
            with self._decoded(answers) as decoded:
                self._bench.faults.reached(FaultPoint.DECODE)
                for answered in batch:
                    self._report_decoded(answered, decoded)
                for pair in pairs:
                    self._compare(pair, decoded)
                    self._report_decoded(pair.served, decoded)
        except BaseException:
            self._decoding_failed.set()
            raise

    def _compare(self, pair: _Pair, decoded: Mapping[str, DecodedCase]) -> None:
        """Raise when a case is answered otherwise through ``case``; a third answer tells why.

        Raises:
            ParticipantError: PROTOCOLS_DISAGREE.
        """
        served, case_id = decoded[pair.served.id], pair.served.case.id
        if served.outcome is not Code.OK:
            return
        again = None if pair.again is None else decoded[pair.again.id]
        if again is None or again.outcome is not Code.OK:
            why_not = pair.why_not if again is None else again.detail
            raise agreement.disagreement(agreement.not_answered(case_id, why_not))
        if agreement.same_predictions(served.predictions, again.predictions):
            return
        third = self._answer_again(pair.served, "third").again
        if third is not None:
            with self._decoded([third]) as found:
                if agreement.same_predictions(again.predictions, found[third.id].predictions):
                    raise agreement.disagreement(agreement.state_is_kept(case_id))
        raise agreement.disagreement(agreement.never_the_same(case_id))

    @contextmanager
    def _decoded(self, answers: Sequence[_Answered]) -> Iterator[dict[str, DecodedCase]]:
        """Give what answers decode to; afterwards nothing of either is left."""
        self._stop_if_told()
        destination = self._bench.scratch / f"decoded-{answers[0].id}"
        destination.mkdir()
        try:
            decoded = self._decode(answers, destination)
            self._stop_if_told()
            yield decoded
        finally:
            for folder in (destination, *(answered.folder for answered in answers)):
                shutil.rmtree(folder)

    def _decode(self, batch: Sequence[_Answered], destination: Path) -> dict[str, DecodedCase]:
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
        case, outputs = answered.case, self._order.task.outputs.values()
        grids = {output.grid for output in outputs if output.grid is not None}
        return RawCase(
            id=answered.id,
            items=case.items,
            files=answered.result.outputs,
            grids={name: self._desk.fetch(case.files[name]) for name in sorted(grids)},
            problems=answered.result.problems,
            reading=answered.reading,
        )

    def _report_decoded(self, answered: _Answered, decoded: Mapping[str, DecodedCase]) -> None:
        found = decoded[answered.id]
        self._report(answered.case, found.outcome, found.detail, answered.result, found.predictions)

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
            peak_gpu_memory_bytes=None if result is None else result.peak_gpu_memory_bytes,
            predictions={
                name: self._desk.store(path) for name, path in sorted((predictions or {}).items())
            },
            log=self._desk.store_bytes(result.log) if result is not None and result.log else None,
        )
        self._bench.faults.reached(FaultPoint.UPLOAD)
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
        all_bad = all(report.outcome is not Code.OK for report in self._reported)
        if all_bad and self._reported and not self._done_before:
            return self._failed(*all_failed(self._reported))
        return RunOutcome(Code.OK, "", self._model_s, self._protocol)

    def _failed(self, code: Code, detail: str) -> RunOutcome:
        return RunOutcome(code, detail[:2000], self._model_s, self._protocol)


def _raise_first(batches: list[Future[None]]) -> None:
    """Wait for every batch and raise the first failure that is more than having stopped."""
    errors = [error for batch in batches if (error := batch.exception()) is not None]
    for error in errors:
        if not isinstance(error, StoppedError):
            raise error
    if errors:
        raise errors[0]
