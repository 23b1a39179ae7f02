"""A serving program as ordinary processes, stopped by signals while nothing is asked.

What is stopped here is what can be found; a process that hides goes on. This sandbox is for one's
own models.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import IO

from proctor.spec.outcomes import Code, PlatformError
from proctor_runner.sandbox.conversation import Conversation
from proctor_runner.sandbox.interface import Ending, Inside, SandboxJob
from proctor_runner.sandbox.output_area import remove_all
from proctor_runner.sandbox.outputs import collect_below
from proctor_runner.sandbox.process_start import (
    Places,
    Watch,
    environment_of,
    shell_exit_code,
    start_process,
)
from proctor_runner.sandbox.processes import kill_all, marked
from proctor_runner.sandbox.session import Harvest, ProgramEnd
from proctor_runner.sandbox.slot_folder import CaseSlot, SlotFolder
from proctor_runner.sandbox.waiting_to_write import wait_for_room

_HEARD_WITHIN_S = 5.0
_CHUNK_BYTES = 65_536


class ServingProcess:
    """The processes of one program that serves, started when this is made.

    Raises:
        PlatformError: SANDBOX_FAILED.
    """

    def __init__(self, job: SandboxJob, folder: SlotFolder, mark: str) -> None:
        self._folder = folder
        self._mark = mark
        self._job = job
        self._places = places = Places(*folder.make("input", "output", "tmp"))
        self._output_folder = places.output
        self._inputs = CaseSlot(places.input)
        self._conversation = Conversation(job.limits.log_bytes)
        try:
            self._child = start_process(job, places, mark, serves=True)
        except OSError as error:
            folder.clear()
            raise PlatformError(
                Code.SANDBOX_FAILED, f"The process sandbox failed: {error}."
            ) from error
        # The folder of the case is no file of the model's choice.
        limits = job.limits.model_copy(update={"output_files": job.limits.output_files + 1})
        self._watch = Watch(limits, mark, self._child.pid, places.output)
        self._listeners = [
            _listen(self._child.stdout, self._conversation.hear),
            _listen(self._child.stderr, self._conversation.print),
        ]

    @property
    def conversation(self) -> Conversation:
        """What it says."""
        return self._conversation

    @property
    def peak_memory_bytes(self) -> int | None:
        """Return the highest memory use since it was started."""
        return self._watch.peak_bytes or None

    def ask(self, job: SandboxJob) -> float:
        """Put the case into the input folder, let the processes go on, and ask; return when."""
        self._inputs.fill(job.part, job.documents, job.inputs)
        line = self._conversation.ask(job.part)
        self._signal(signal.SIGCONT)
        asked = time.monotonic()
        # Nobody reads: that it has ended is seen from outside, that it never answers by the clock.
        with suppress(OSError):
            if self._child.stdin is not None:
                wait_for_room(self._child.stdin.fileno())
                self._child.stdin.write(line)
        return asked

    def look(self) -> Ending | None:
        """Look at memory and output."""
        return self._watch.look()

    def has_ended(self) -> bool:
        """Ask for the first process; the others are of no use without it."""
        if self._child.poll() is None:
            return False
        kill_all(self._mark, self._child.pid)
        self._hear_out()
        return True

    def harvest(self, job: SandboxJob) -> Harvest:
        """Stop the processes and take what they left."""
        self._signal(signal.SIGSTOP)
        ending = self._watch.look()
        self._watch.raise_if_disk_was_full()
        try:
            collected = collect_below(
                self._output_folder,
                job.part,
                job.outputs,
                job.destination,
                job.limits.output_bytes,
            )
        except OSError as error:
            raise PlatformError(
                Code.SANDBOX_FAILED, f"Outputs cannot be collected: {error}."
            ) from error
        is_clean = remove_all(self._output_folder)
        self._inputs.empty()
        return Harvest(collected, ending, is_clean)

    def rest(self) -> None:
        """Stop the processes."""
        self._signal(signal.SIGSTOP)

    def rouse(self) -> None:
        """Continue the processes."""
        self._signal(signal.SIGCONT)

    def inside(self) -> Inside:
        """Return the environment and the folder of the processes."""
        return Inside("", environment_of(self._job, self._places, self._mark), self._places.scratch)

    def end(self, stopped_for: Ending | None) -> ProgramEnd:
        """Kill every process and say how the first one ended.

        Raises:
            PlatformError: SANDBOX_FAILED, a process cannot be killed, or the disk was full.
        """
        ended = self._end(stopped_for)
        self._watch.raise_if_disk_was_full()
        return ended

    def discard(self) -> None:
        """Kill every process and remove the folders."""
        try:
            self._end(None)
        finally:
            if self._child.stdin is not None:
                with suppress(OSError):
                    self._child.stdin.close()
            self._conversation.end()
            self._folder.clear()

    def _end(self, stopped_for: Ending | None) -> ProgramEnd:
        full = self._watch.is_output_over()
        if not kill_all(self._mark, self._child.pid):
            raise PlatformError(Code.SANDBOX_FAILED, "A process could not be killed.")
        status = self._child.wait()
        self._hear_out()
        if stopped_for is not None:
            return ProgramEnd(stopped_for, None)
        if full:
            return ProgramEnd(Ending.OUTPUT_LIMIT, None)
        return ProgramEnd(Ending.EXITED, shell_exit_code(status))

    def _hear_out(self) -> None:
        for listener in self._listeners:
            listener.join(_HEARD_WITHIN_S)

    def _signal(self, number: signal.Signals) -> None:
        for pid in marked(self._mark, self._child.pid):
            with suppress(OSError):
                os.kill(pid, number)


def _listen(stream: IO[bytes] | None, take: Callable[[bytes], None]) -> threading.Thread:
    def follow() -> None:
        if stream is None:
            return
        with stream:
            while chunk := os.read(stream.fileno(), _CHUNK_BYTES):
                take(chunk)

    thread = threading.Thread(target=follow, name="conversation", daemon=True)
    thread.start()
    return thread
