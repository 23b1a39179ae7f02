"""One case at a time through a program that serves, whatever kind of sandbox it lives in.

The hard part is what a case costs. Whatever a program does while a case is asked (crashes, hangs,
says the wrong thing, fills its output) costs that case and, where the program is not to be trusted
any further, its life; the next case gets a new one. Between two cases it is paused.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

from proctor_runner.sandbox.conversation import Answer, Conversation
from proctor_runner.sandbox.interface import (
    Ending,
    Inside,
    NotStartedError,
    SandboxJob,
    SandboxResult,
)
from proctor_runner.sandbox.outputs import Collected
from proctor_runner.sandbox.sentences import CANNOT_RUN_CODES, exit_words, sentence

_LOOK_EVERY_S = 0.02
_ASK_EVERY_S = 0.2
_STARTS_IN_A_ROW = 2


class ProgramEnd(NamedTuple):
    """How a serving program ended: EXITED, or why it was stopped or killed."""

    ending: Ending
    exit_code: int | None


class Harvest(NamedTuple):
    """What a paused program left of one case.

    Attributes:
        ending: OUT_OF_MEMORY or OUTPUT_LIMIT when one of its processes was killed or a limit was
            reached, although it answered.
        is_clean: Whether nothing of the case is left in its folders.
    """

    collected: Collected
    ending: Ending | None
    is_clean: bool


class ServingProgram(Protocol):
    """A program that was started to serve, in one kind of sandbox."""

    @property
    def conversation(self) -> Conversation:
        """What it says."""
        ...

    @property
    def peak_memory_bytes(self) -> int | None:
        """Return the highest memory use since it was started."""
        ...

    def ask(self, job: SandboxJob) -> float:
        """Put the case of ``job`` before it, let it go on, and ask; return when, monotonic."""
        ...

    def look(self) -> Ending | None:
        """Look from outside, every few hundredths of a second; return why it must be ended."""
        ...

    def has_ended(self) -> bool:
        """Tell whether it has ended, all that it said being heard."""
        ...

    def harvest(self, job: SandboxJob) -> Harvest:
        """Pause it, collect the outputs of the case, and remove inputs and outputs."""
        ...

    def rest(self) -> None:
        """Bring it to a standstill until it is asked."""
        ...

    def rouse(self) -> None:
        """Let it go on although nothing is asked."""
        ...

    def inside(self) -> Inside:
        """Say how to get to it."""
        ...

    def end(self, stopped_for: Ending | None) -> ProgramEnd:
        """Kill it if it has not ended by itself, and judge why it ended."""
        ...

    def discard(self) -> None:
        """Kill it if it lives and leave nothing behind. Safe to call twice."""
        ...


class ServingSession:
    """A session; see ``interface.Session``.

    Args:
        start: Starts the program of a job, and does not wait until it is ready; raises
            NotStartedError.
        check: Looks at every result before it is given, and raises where this machine is to blame.
    """

    def __init__(
        self,
        start: Callable[[SandboxJob], ServingProgram],
        check: Callable[[SandboxResult], None] = lambda _: None,
    ) -> None:
        self._start_program = start
        self._check = check
        self._program: ServingProgram | None = None
        self._given_up = ""
        self._is_awake = False

    def start(self, job: SandboxJob, cancelled: Callable[[], bool]) -> SandboxResult | None:
        """Make the program ready, to stand still until it is asked; return why it is not.

        Raises:
            PlatformError: SANDBOX_FAILED.
        """
        try:
            if self._program is not None:
                return None
            failed = self._start(job, cancelled)
            if failed is not None:
                self._check(failed)
            if self._program is not None and not self._is_awake:
                self._program.rest()
            return failed
        except BaseException:
            self.close()
            raise

    def run(self, job: SandboxJob, cancelled: Callable[[], bool]) -> SandboxResult:
        """Have one case answered.

        Raises:
            PlatformError: SANDBOX_FAILED.
        """
        try:
            result = self._run(job, cancelled)
            self._check(result)
            return result
        except BaseException:
            self.close()
            raise

    def inside(self) -> Inside | None:
        """Say how to get to the program, and keep it awake.

        Raises:
            PlatformError: SANDBOX_FAILED.
        """
        self._is_awake = True
        if self._program is None:
            return None
        self._program.rouse()
        return self._program.inside()

    def close(self) -> None:
        """End the program. Safe to call twice."""
        program, self._program = self._program, None
        if program is not None:
            program.discard()

    def _run(self, job: SandboxJob, cancelled: Callable[[], bool]) -> SandboxResult:
        began = time.monotonic()
        if self._program is None:
            failed = self._start(job, cancelled)
            if failed is not None:
                return failed
        program = self._program
        if program is None:
            raise AssertionError("a started session has a program")
        start_s = time.monotonic() - began
        asked = program.ask(job)
        limit_s = min(job.timeout_s, job.left_s - start_s)
        stopped_for = _wait(program, limit_s, cancelled)
        seconds = time.monotonic() - asked
        if stopped_for is None and program.conversation.answer and not program.conversation.problem:
            return self._answered(program, job, seconds, start_s)
        return self._lost(program, job, stopped_for, seconds, start_s)

    def _start(self, job: SandboxJob, cancelled: Callable[[], bool]) -> SandboxResult | None:
        """Make a program ready; return what the case ends with when that fails."""
        began = time.monotonic()
        log = b""
        for _ in range(0 if self._given_up else _STARTS_IN_A_ROW):
            left_s = job.left_s - (time.monotonic() - began)
            try:
                program = self._program = self._start_program(job)
            except NotStartedError as error:
                self._given_up = sentence(Ending.START_FAILED, job, str(error))
                continue
            stopped_for = _wait(program, min(job.limits.start_s, left_s), cancelled)
            if program.conversation.is_ready and not program.conversation.problem:
                self._given_up = ""
                return None
            why = self._why_not_ready(program, job, stopped_for)
            # Its last words may only be heard once it is gone.
            self.close()
            log = program.conversation.take_log()
            start_s = time.monotonic() - began
            if stopped_for is Ending.CANCELLED or start_s >= job.left_s:
                ending = Ending.TIMEOUT if stopped_for is None else stopped_for
                return _nothing(job, ending, log, sentence(ending, job), start_s)
            self._given_up = why
        start_s = time.monotonic() - began
        return _nothing(job, Ending.START_FAILED, log, self._given_up, start_s)

    def _why_not_ready(
        self, program: ServingProgram, job: SandboxJob, stopped_for: Ending | None
    ) -> str:
        if stopped_for is None and program.conversation.problem:
            return program.conversation.problem
        end = program.end(stopped_for)
        if end.ending is Ending.TIMEOUT:
            return f"It was not ready after {job.limits.start_s:g} s (start_s)."
        if end.ending is Ending.EXITED:
            hint = job.program.start_hint if end.exit_code in CANNOT_RUN_CODES else ""
            said = f"It ended with {exit_words(end.exit_code)} before it was ready."
            return f"{said} {hint}".rstrip()
        return f"It was not ready yet. {sentence(end.ending, job)}"

    def _answered(
        self, program: ServingProgram, job: SandboxJob, seconds: float, start_s: float
    ) -> SandboxResult:
        job.ended()
        harvest = program.harvest(job)
        conversation = program.conversation
        ending, detail = Ending.ANSWERED, ""
        if harvest.ending is not None:
            ending, detail = harvest.ending, sentence(harvest.ending, job)
        elif conversation.problem:
            ending, detail = Ending.FAILED, conversation.problem
        elif conversation.answer is Answer.ERROR:
            ending, detail = Ending.FAILED, "The model answered with an error."
        conversation.hear_out()
        result = SandboxResult(
            ending=ending,
            exit_code=None,
            seconds=seconds,
            peak_memory_bytes=program.peak_memory_bytes,
            log=conversation.take_log(),
            outputs=harvest.collected.outputs,
            missing=tuple(harvest.collected.missing),
            problems=harvest.collected.problems,
            detail=detail,
            start_s=start_s,
        )
        killed = harvest.ending is Ending.OUT_OF_MEMORY
        if killed or conversation.problem or not harvest.is_clean or program.has_ended():
            self.close()
        elif self._is_awake:
            program.rouse()
        return result

    def _lost(
        self,
        program: ServingProgram,
        job: SandboxJob,
        stopped_for: Ending | None,
        seconds: float,
        start_s: float,
    ) -> SandboxResult:
        problem = program.conversation.problem
        exit_code = None
        if stopped_for is None and problem:
            ending, detail = Ending.FAILED, problem
        else:
            ending, exit_code = program.end(stopped_for)
            detail = sentence(ending, job)
        if ending is Ending.EXITED:
            ending = Ending.FAILED
            detail = f"The model ended with {exit_words(exit_code)} before it answered."
        peak = program.peak_memory_bytes
        self.close()
        return SandboxResult(
            ending=ending,
            exit_code=exit_code,
            seconds=seconds,
            peak_memory_bytes=peak,
            log=program.conversation.take_log(),
            missing=job.outputs,
            detail=detail,
            start_s=start_s,
        )


def _wait(program: ServingProgram, limit_s: float, cancelled: Callable[[], bool]) -> Ending | None:
    """Wait until the program says what is expected or ends (None), or must be ended."""
    began = ask_at = time.monotonic()
    while not program.conversation.wait(_LOOK_EVERY_S):
        ending = program.look()
        if ending is not None:
            return ending
        if program.has_ended():
            return None
        now = time.monotonic()
        if now - began >= limit_s:
            return Ending.TIMEOUT
        if now >= ask_at:
            ask_at = now + _ASK_EVERY_S
            if cancelled():
                return Ending.CANCELLED
    return None


def _nothing(
    job: SandboxJob, ending: Ending, log: bytes, detail: str, start_s: float
) -> SandboxResult:
    return SandboxResult(
        ending=ending,
        exit_code=None,
        seconds=0.0,
        peak_memory_bytes=None,
        log=log,
        missing=job.outputs,
        detail=detail,
        start_s=start_s,
    )
