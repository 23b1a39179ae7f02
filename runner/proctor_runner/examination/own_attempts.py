"""Lets a model answer its own samples, where no challenge asks anything.

What goes in is the engine's `request.json`, through each protocol that the model declares: outputs
are what its card declares, and nobody holds them against a reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from proctor.spec.base import FileRef
from proctor.spec.digests import canonical_json
from proctor.spec.limits import Limits
from proctor.spec.model import Protocol
from proctor.spec.outcomes import Code
from proctor.spec.work import CaseReport
from proctor.template.card import read_card
from proctor.template.rest.backend import ANSWER_FILE, Answer, AnswerError, Wish
from proctor.template.rest.failures import RefusedError
from proctor_runner.case_verdict import all_failed, judge
from proctor_runner.examination.attempts import COMPARED_CASES, Attempt, plan
from proctor_runner.examination.own_samples import Sample
from proctor_runner.examination.subject import Subject
from proctor_runner.local import LocalDesk, LocalReport, Progress, image_bytes
from proctor_runner.local_model import prepare
from proctor_runner.measuring import measure
from proctor_runner.sandbox.interface import Program, SandboxJob, SandboxResult
from proctor_runner.serving.exchange import NativeExchange
from proctor_runner.serving.shown import shown_folder
from proctor_runner.workshop import RunTools, SandboxWorkshop

TASK = "own-samples"
_WORK = "examination"

Run = Callable[[SandboxJob], SandboxResult]


def attempts_on_samples(
    subject: Subject, samples: Sequence[Sample], limits: Limits, sandbox: str, progress: Progress
) -> list[Attempt]:
    """Let a model answer its samples twice through each protocol; see `attempts`."""
    with ExitStack() as stack:
        state = Path(stack.enter_context(TemporaryDirectory(prefix="proctor-")))
        (state / "cases").mkdir()
        tools = stack.enter_context(SandboxWorkshop(sandbox, state, "local").open(state / "cases"))
        desk = LocalDesk({}, state / "stored", progress)
        desk.progress("preparing", 0, len(samples))
        content, program = prepare(subject.model, subject.weights, desk, tools, state / "model")
        folder = shown_folder(program, tools.shelf, state / "shown")
        asker = _Asker(tools, desk, program, NativeExchange(read_card(folder)), limits)
        made: list[Attempt] = []
        for protocol, turn in plan(program.protocols):
            if made and not any(case.outcome is Code.OK for case in made[0].report.cases):
                break
            asked = samples[:COMPARED_CASES] if made else samples
            made.append(Attempt(protocol, turn, asker.attempt(protocol, turn, asked)))
        (state / "described").mkdir()
        metadata = measure(
            program,
            content,
            tools.bench.sandbox,
            limits,
            state / "described",
            work=_WORK,
            image_bytes=image_bytes(program, tools),
        )
        made[0] = replace(made[0], report=replace(made[0].report, metadata=metadata))
        return made


class _Asker:
    """Asks one program about samples."""

    def __init__(
        self,
        tools: RunTools,
        desk: LocalDesk,
        program: Program,
        exchange: NativeExchange,
        limits: Limits,
    ) -> None:
        self._tools = tools
        self._sandbox = tools.bench.sandbox
        self._desk = desk
        self._program = program
        self._exchange = exchange
        self._limits = limits

    def attempt(self, protocol: Protocol, turn: int, samples: Sequence[Sample]) -> LocalReport:
        """Ask about each sample once through one protocol."""
        cases: list[CaseReport] = []
        logs: dict[str, bytes] = {}
        with self._runner(protocol) as run:
            for number, sample in enumerate(samples):
                self._desk.progress("running", number, len(samples))
                part = f"{protocol.value}-{turn}-{number}"
                report, logs[sample.name] = self._asked(run, protocol, part, sample)
                cases.append(report)
        failed = all(case.outcome is not Code.OK for case in cases)
        outcome, detail = all_failed(cases) if failed else (Code.OK, "")
        return LocalReport(
            task=TASK,
            outcome=outcome,
            detail=detail,
            model_s=sum(case.seconds or 0.0 for case in cases),
            cases=tuple(cases),
            logs=logs,
            scores=None,
            environment=self._tools.environment,
            declared=self._program.protocols,
            enforced=self._sandbox.enforces,
        )

    @contextmanager
    def _runner(self, protocol: Protocol) -> Iterator[Run]:
        if protocol is not Protocol.SERVE:
            yield lambda job: self._sandbox.run(job, _goes_on)
            return
        with closing(self._sandbox.session()) as session:
            yield lambda job: session.run(job, _goes_on)

    def _asked(
        self, run: Run, protocol: Protocol, part: str, sample: Sample
    ) -> tuple[CaseReport, bytes]:
        asked = self._exchange.ask(part, sample.inputs, Wish())
        destination = self._tools.bench.scratch / part
        destination.mkdir()
        starting_s = 0.0 if protocol is Protocol.SERVE else self._limits.start_s
        result = run(
            SandboxJob(
                work=_WORK,
                fence=1,
                part=part,
                program=self._program,
                documents=asked.documents,
                inputs=asked.inputs,
                outputs=asked.outputs,
                destination=destination,
                limits=self._limits,
                timeout_s=starting_s + self._limits.case_s,
                protocol=protocol,
            )
        )
        code, detail = judge(result, by_total=False)
        predictions: Mapping[str, FileRef] = {}
        if code is Code.OK:
            code, detail, predictions = self._read(result, sample)
        report = CaseReport(
            fence=1,
            case=sample.name,
            outcome=code,
            detail=detail[:2000],
            exit_code=result.exit_code,
            seconds=result.seconds,
            peak_memory_bytes=result.peak_memory_bytes,
            predictions=dict(predictions),
        )
        return report, result.log

    def _read(
        self, result: SandboxResult, sample: Sample
    ) -> tuple[Code, str, Mapping[str, FileRef]]:
        text = result.outputs.get(ANSWER_FILE)
        if text is None:
            return (
                Code.MISSING_OUTPUT,
                "It answers cases of a challenge alone: its image holds no engine of Proctor's, or"
                " an older one. Name a challenge with --challenge.",
                {},
            )
        files = {name: path for name, path in result.outputs.items() if name != ANSWER_FILE}
        try:
            answer = self._exchange.read(text.read_bytes(), files, sample.inputs, result.seconds)
        except RefusedError as error:
            return Code.CRASH, f"Its own card refuses it: {error}", {}
        except AnswerError as error:
            return Code.INVALID_OUTPUT, f"What was written is no answer: {error}.", {}
        return Code.OK, "", self._kept(answer)

    def _kept(self, answer: Answer) -> dict[str, FileRef]:
        """Return of each output what is the same if and only if the output is."""
        return {
            part.name: self._desk.store_bytes(
                canonical_json(
                    {
                        "type": part.type,
                        "shape": list(part.shape),
                        "dtype": part.dtype,
                        "value": part.value,
                        "file": part.file and self._desk.store(part.file).digest,
                    }
                )
            )
            for part in answer.parts
        }


def _goes_on() -> bool:
    """Tell a sandbox that nobody stopped it; Ctrl-C ends an examination."""
    return False
