"""Judges how a model answered: whether it starts, answers through each protocol, and the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from proctor.spec.card.examination import AnsweredCase, Check
from proctor.spec.limits import Limits
from proctor.spec.model import Protocol
from proctor.spec.outcomes import OUTCOMES, Code
from proctor_runner.examination.attempts import Attempt
from proctor_runner.examination.verdicts import Question

_STARTS = Question("starts", "It starts and loads", modelhub=True)
_OUTPUTS = Question("outputs", "Its answers are what is declared", modelhub=True)
_TWICE = Question("same_twice", "It answers the same twice")
_THROUGH_ALL = Question("same_through_all", "It answers the same through every protocol")
_TIME = Question("time", "A case takes well less than it may")
_MEMORY = Question("memory", "It uses well less memory than it may")

_NEAR = 0.8
_WRONG_OUTPUT = frozenset({Code.MISSING_OUTPUT, Code.INVALID_OUTPUT, Code.OUTPUT_LIMIT})
_NO_START = frozenset({Code.START_FAILED, Code.IMAGE_REJECTED, Code.FOLDER_REJECTED})
_SEED = "Seed whatever it draws with the seed of case.json; a re-run must give the same."


def answer_checks(
    attempts: Sequence[Attempt],
    cases: Sequence[AnsweredCase],
    limits: Limits,
) -> Iterator[Check]:
    """Judge all attempts of one model on one task."""
    declared = attempts[0].report.declared - {Protocol.DESCRIBE}
    yield _starts(attempts)
    for protocol in sorted(declared):
        yield _speaks(protocol, attempts)
    yield _outputs(cases)
    yield _twice(attempts, cases)
    if len(declared) > 1:
        yield _through_all(attempts, cases)
    yield _time(cases, limits)
    yield _memory(cases, limits)


def _starts(attempts: Sequence[Attempt]) -> Check:
    first = attempts[0].report
    failure = next((case for case in first.cases if case.outcome in _NO_START), None)
    if first.outcome in _NO_START or failure is not None:
        code = first.outcome if first.outcome in _NO_START or failure is None else failure.outcome
        detail = first.detail or (failure.detail if failure else "")
        return _STARTS.failed(f"{OUTCOMES[code].message} {detail}".strip(), OUTCOMES[code].hint)
    return _STARTS.passed()


def _speaks(protocol: Protocol, attempts: Sequence[Attempt]) -> Check:
    question = Question(protocol.value, f"It answers every case through {protocol.value}")
    tried = [one for one in attempts if one.protocol is protocol]
    if not tried:
        return question.skipped("It answered no case before.")
    lost = [case for one in tried for case in one.report.cases if case.outcome is not Code.OK]
    ended = next((one.report for one in tried if one.report.outcome is not Code.OK), None)
    if ended is not None and ended.outcome is Code.PROTOCOLS_DISAGREE:
        return question.failed(
            f"{ended.outcome.value}: {ended.detail}", OUTCOMES[ended.outcome].hint
        )
    if lost:
        total = sum(len(one.report.cases) for one in tried)
        first = lost[0]
        return question.failed(
            f"{len(lost)} of {total} answers are missing. {first.case}: {first.outcome.value}:"
            f" {first.detail}",
            _hint(first.outcome),
        )
    if ended is not None:
        return question.failed(f"{ended.outcome.value}: {ended.detail}", _hint(ended.outcome))
    return question.passed(f"{len(tried[0].report.cases)} cases.")


def _outputs(cases: Sequence[AnsweredCase]) -> Check:
    wrong = next((case for case in cases if case.outcome in _WRONG_OUTPUT), None)
    if wrong is not None:
        return _OUTPUTS.failed(
            f"{wrong.case}: {wrong.outcome.value}: {wrong.detail}", _hint(wrong.outcome)
        )
    if not any(case.outcome is Code.OK for case in cases):
        return _OUTPUTS.skipped("It answered no case.")
    return _OUTPUTS.passed("Number, types and shapes are.")


def _twice(attempts: Sequence[Attempt], cases: Sequence[AnsweredCase]) -> Check:
    first = attempts[0].protocol
    again = [c for c in cases if c.turn > 1 and c.protocol is first and c.same is not None]
    if any(one.report.outcome is Code.PROTOCOLS_DISAGREE for one in attempts):
        return _TWICE.failed("It answers differently when the same is asked again.", _SEED)
    differ = next((case for case in again if not case.same), None)
    if differ is not None:
        return _TWICE.failed(f"It answers differently the second time, first {differ.case}.", _SEED)
    if not again:
        return _TWICE.skipped("It did not answer twice.")
    return _TWICE.passed(f"{len(again)} cases, byte by byte.")


def _through_all(attempts: Sequence[Attempt], cases: Sequence[AnsweredCase]) -> Check:
    first = attempts[0].protocol
    others = [c for c in cases if c.protocol is not first and c.turn == 1 and c.same is not None]
    differ = next((case for case in others if not case.same), None)
    if differ is not None:
        return _THROUGH_ALL.failed(
            f"{differ.case} is answered otherwise through {differ.protocol.value} than through"
            f" {first.value}.",
            OUTCOMES[Code.PROTOCOLS_DISAGREE].hint,
        )
    if not others:
        return _THROUGH_ALL.skipped("It did not answer through all.")
    return _THROUGH_ALL.passed(f"{len(others)} cases, byte by byte.")


def _time(cases: Sequence[AnsweredCase], limits: Limits) -> Check:
    timed_out = next((case for case in cases if case.outcome is Code.TIMEOUT), None)
    if timed_out is not None:
        return _TIME.failed(f"{timed_out.case}: {timed_out.detail}", _hint(Code.TIMEOUT))
    known = [case.seconds for case in cases if case.seconds is not None]
    if not known:
        return _TIME.skipped("Nothing was timed.")
    longest = max(known)
    words = f"At most {longest:.3g} s a case; the limit case_s is {limits.case_s:g} s."
    if longest > _NEAR * limits.case_s:
        return _TIME.warned(words, "A busier machine may take longer: make it faster.")
    return _TIME.passed(words)


def _memory(cases: Sequence[AnsweredCase], limits: Limits) -> Check:
    over = next((case for case in cases if case.outcome in (Code.OOM, Code.CUDA_OOM)), None)
    if over is not None:
        return _MEMORY.failed(f"{over.case}: {over.detail}", _hint(over.outcome))
    known = [case.peak_memory_bytes for case in cases if case.peak_memory_bytes is not None]
    if not known:
        return _MEMORY.skipped("The sandbox does not tell how much it uses.")
    words = f"At most {_mib(max(known))} MiB; the limit is {_mib(limits.memory_bytes)} MiB."
    if max(known) > _NEAR * limits.memory_bytes:
        return _MEMORY.warned(words, "A larger case may need more: take smaller batches.")
    return _MEMORY.passed(words)


def _hint(code: Code) -> str:
    # A hint to run this very command would lead in a circle.
    hint = OUTCOMES[code].hint
    return "The log says more." if "`proctor model test`" in hint else hint


def _mib(count: int) -> int:
    return round(count / 2**20)
