"""Runs a job as ordinary processes of this user: for a machine without Docker and one's own models.

It promises what a watchdog can see: time, memory, outputs, log, and that nothing lives on. It does
not promise that a program stays away from the network, the disk or this user's other files, so a
platform refuses it for other people's submissions.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import IO

from proctor.spec.outcomes import Code, PlatformError
from proctor.spec.work import Environment
from proctor_runner.sandbox import hardware
from proctor_runner.sandbox.full_disk import raise_if_disk_is_blamed
from proctor_runner.sandbox.interface import Ending, Guard, SandboxJob, SandboxResult, Session
from proctor_runner.sandbox.logs import sanitize
from proctor_runner.sandbox.outputs import collect
from proctor_runner.sandbox.process_program import ServingProcess
from proctor_runner.sandbox.process_start import Places, Watch, shell_exit_code, start_process
from proctor_runner.sandbox.processes import kill_all
from proctor_runner.sandbox.sentences import sentence
from proctor_runner.sandbox.session import ServingProgram, ServingSession
from proctor_runner.sandbox.slot_folder import SlotFolder, fill_input
from proctor_runner.sandbox.slots import Slots

_LOOK_EVERY_S = 0.03
_ASK_EVERY_S = 0.2
_LIBRARIES = ("numpy", "scipy", "scikit-learn", "nibabel")


class ProcessSandbox:
    """Child processes of this one; see the module for what it does not promise."""

    name = "process"
    enforces = frozenset(
        {
            Guard.WALL_CLOCK,
            Guard.MEMORY,
            Guard.OUTPUT_BYTES,
            Guard.OUTPUT_FILES,
            Guard.LOG_BYTES,
            Guard.PLAIN_OUTPUTS,
            Guard.NO_LEFTOVERS,
        }
    )

    def __init__(self, state: Path, slots: Slots) -> None:
        if not Path("/proc/self/environ").exists():
            raise PlatformError(
                Code.SANDBOX_FAILED, "The process sandbox needs Linux with /proc; use Docker here."
            )
        self._slots = slots
        self._state = state
        self._slot = slots.take()
        self._mark = _mark(slots, self._slot.number)
        self._folder = SlotFolder(state, self._slot.number)
        kill_all(self._mark)
        self._folder.clear()

    def describe(self, worker: str) -> Environment:
        """Return where runs are made: hardware, kernel, Python and its libraries."""
        libraries = {"python": sys.version.split()[0]}
        for name in _LIBRARIES:
            try:
                libraries[name] = metadata.version(name)
            except metadata.PackageNotFoundError:
                continue
        return hardware.environment(worker, self.name, libraries=libraries)

    def run(self, job: SandboxJob, cancelled: Callable[[], bool]) -> SandboxResult:
        """Run ``job`` in new processes and end them all.

        Raises:
            PlatformError: SANDBOX_FAILED, also for an image without a model folder and where the
                disk was full.
        """
        _refuse_images(job)
        job.require_gpus()
        input_folder, output_folder, scratch = self._folder.make("input", "output", "tmp")
        try:
            fill_input(input_folder, job.documents, job.inputs)
            places = Places(input_folder, output_folder, scratch)
            child = start_process(job, places, self._mark)
            log = _LogTail(child.stdout, job.limits.log_bytes)
            watch = Watch(job.limits, self._mark, child.pid, output_folder)
            started = time.monotonic()
            try:
                stopped_for = _until_end(child, job.timeout_s, watch, cancelled, started)
                seconds = time.monotonic() - started
            finally:
                gone = kill_all(self._mark, child.pid)
                exit_code = child.wait()
            if not gone:
                raise PlatformError(Code.SANDBOX_FAILED, "A process could not be killed.")
            job.ended()
            watch.raise_if_disk_was_full()
            result = self._result(job, output_folder, watch, stopped_for, exit_code, seconds, log)
            raise_if_disk_is_blamed(result)
            return result
        except OSError as error:
            raise PlatformError(
                Code.SANDBOX_FAILED, f"The process sandbox failed: {error}."
            ) from error
        finally:
            self._folder.clear()

    def session(self) -> Session:
        """Return a session, whose processes are stopped between cases."""
        return ServingSession(self._start_serving, raise_if_disk_is_blamed)

    def sweep(self) -> None:
        """End the processes of dead workers that shared this one's state folder."""
        for path in (self._state / "sandbox").glob("slot-*"):
            number = path.name.removeprefix("slot-")
            if not number.isdecimal():
                continue
            with self._slots.if_free(int(number)) as slot:
                if slot is not None:
                    kill_all(_mark(self._slots, int(number)))
                    SlotFolder(self._state, int(number)).clear()

    def close(self) -> None:
        """Give the slot back."""
        self._slot.release()

    def _start_serving(self, job: SandboxJob) -> ServingProgram:
        _refuse_images(job)
        job.require_gpus()
        return ServingProcess(job, self._folder, self._mark)

    def _result(
        self,
        job: SandboxJob,
        output_folder: Path,
        watch: Watch,
        stopped_for: Ending | None,
        exit_code: int,
        seconds: float,
        log: _LogTail,
    ) -> SandboxResult:
        collected = collect(output_folder, job.outputs, job.destination, job.limits.output_bytes)
        ending = stopped_for or (Ending.OUTPUT_LIMIT if watch.is_output_over() else Ending.EXITED)
        return SandboxResult(
            ending=ending,
            exit_code=shell_exit_code(exit_code) if stopped_for is None else None,
            seconds=seconds,
            peak_memory_bytes=watch.peak_bytes or None,
            log=sanitize(log.read(), job.limits.log_bytes),
            outputs=collected.outputs,
            missing=tuple(collected.missing),
            problems=collected.problems,
            detail=sentence(ending, job),
        )


def _refuse_images(job: SandboxJob) -> None:
    if job.program.image_id and job.program.model_folder is None:
        raise PlatformError(
            Code.SANDBOX_FAILED, "The process sandbox runs folders; an image needs Docker."
        )


def _until_end(
    child: subprocess.Popen[bytes],
    timeout_s: float,
    watch: Watch,
    cancelled: Callable[[], bool],
    started: float,
) -> Ending | None:
    """Watch until the job ends (None) or must be ended."""
    ask_at = started
    while True:
        try:
            child.wait(_LOOK_EVERY_S)
        except subprocess.TimeoutExpired:
            pass
        else:
            # At once: ending what it started takes a while, and the disk may have room by then.
            watch.look_at_disk()
            return None
        ending = watch.look()
        if ending is Ending.OUT_OF_MEMORY:
            return ending
        now = time.monotonic()
        if now - started >= timeout_s:
            return Ending.TIMEOUT
        if ending is not None:
            return ending
        if now >= ask_at:
            ask_at = now + _ASK_EVERY_S
            if cancelled():
                return Ending.CANCELLED


class _LogTail:
    """Reads what is printed as it comes and keeps the end of it."""

    def __init__(self, stream: IO[bytes] | None, most_bytes: int) -> None:
        self._stream = stream
        self._most_bytes = most_bytes
        self._tail = b""
        self._thread = threading.Thread(target=self._follow, name="log", daemon=True)
        self._thread.start()

    def read(self) -> bytes:
        """Return the end of the log; whoever printed has ended."""
        self._thread.join(5.0)
        return self._tail

    def _follow(self) -> None:
        if self._stream is None:
            return
        with self._stream as stream:
            while chunk := os.read(stream.fileno(), 65_536):
                # Control characters are taken out later, so more is kept than is shown.
                self._tail = (self._tail + chunk)[-2 * self._most_bytes - 65_536 :]


def _mark(slots: Slots, number: int) -> str:
    return f"{slots.id}-{number}"
