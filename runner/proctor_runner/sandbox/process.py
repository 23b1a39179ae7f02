"""Runs a job as ordinary processes of this user: for a machine without Docker and one's own models.

It promises what a watchdog can see: time, memory, outputs, log, and that nothing lives on. It does
not promise that a program stays away from the network, the disk or this user's other files, so a
platform refuses it for other people's submissions.
"""

from __future__ import annotations

import os
import resource
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
from proctor_runner.sandbox import hardware, settings
from proctor_runner.sandbox.interface import Ending, Guard, SandboxJob, SandboxResult
from proctor_runner.sandbox.logs import sanitize
from proctor_runner.sandbox.outputs import collect
from proctor_runner.sandbox.processes import MARK_VARIABLE, kill_all, marked, memory_bytes
from proctor_runner.sandbox.sentences import sentence
from proctor_runner.sandbox.slot_folder import SlotFolder, fill_input
from proctor_runner.sandbox.slots import Slots

_LOOK_EVERY_S = 0.03
_ASK_EVERY_S = 0.2
_OPEN_FILES = 4_096
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
            PlatformError: SANDBOX_FAILED, also for an image without a model folder.
        """
        if job.program.image_id and job.program.model_folder is None:
            raise PlatformError(
                Code.SANDBOX_FAILED,
                "The process sandbox runs folders; an image needs Docker.",
            )
        input_folder, output_folder, scratch = self._folder.make("input", "output", "tmp")
        try:
            fill_input(input_folder, job.documents, job.inputs)
            child = self._start(job, input_folder, output_folder, scratch)
            log = _LogTail(child.stdout, job.limits.log_bytes)
            watch = _Watch(job, self._mark, child.pid, output_folder)
            started = time.monotonic()
            try:
                stopped_for = watch.until_end(child, cancelled, started)
                seconds = time.monotonic() - started
            finally:
                gone = kill_all(self._mark, child.pid)
                exit_code = child.wait()
            if not gone:
                raise PlatformError(Code.SANDBOX_FAILED, "A process could not be killed.")
            return self._result(job, output_folder, watch, stopped_for, exit_code, seconds, log)
        except OSError as error:
            raise PlatformError(
                Code.SANDBOX_FAILED, f"The process sandbox failed: {error}."
            ) from error
        finally:
            self._folder.clear()

    def sweep(self) -> None:
        """End the processes of dead workers that shared this one's state folder."""
        for path in (self._state / "sandbox").glob("slot-*"):
            number = path.name.removeprefix("slot-")
            if not number.isdecimal():
                continue
            with self._slots.if_free(int(number)) as free:
                if free:
                    kill_all(_mark(self._slots, int(number)))
                    SlotFolder(self._state, int(number)).clear()

    def close(self) -> None:
        """Give the slot back."""
        self._slot.release()

    def _start(
        self, job: SandboxJob, input_folder: Path, output_folder: Path, scratch: Path
    ) -> subprocess.Popen[bytes]:
        environment = {
            **settings.environment(job.protocol.value, job.seed, job.limits.cpus),
            "PATH": os.defpath,
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": str(scratch),
            "TMPDIR": str(scratch),
            "PROCTOR_INPUT": str(input_folder),
            "PROCTOR_OUTPUT": str(output_folder),
            "PROCTOR_MODEL": str(job.program.model_folder or ""),
            MARK_VARIABLE: self._mark,
        }
        del environment["LD_PRELOAD"]
        child = subprocess.Popen(
            [sys.executable, "-m", job.program.module],
            cwd=scratch,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        for kind, value in (
            (resource.RLIMIT_FSIZE, max(job.limits.output_bytes, job.limits.tmp_bytes) + 4096),
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_NOFILE, _OPEN_FILES),
        ):
            try:
                resource.prlimit(child.pid, kind, (value, value))
            except ProcessLookupError:
                break
        return child

    def _result(
        self,
        job: SandboxJob,
        output_folder: Path,
        watch: _Watch,
        stopped_for: Ending | None,
        exit_code: int,
        seconds: float,
        log: _LogTail,
    ) -> SandboxResult:
        collected = collect(output_folder, job.outputs, job.destination, job.limits.output_bytes)
        ending = stopped_for or (Ending.OUTPUT_LIMIT if watch.is_output_over() else Ending.EXITED)
        return SandboxResult(
            ending=ending,
            exit_code=_exit_code(exit_code) if stopped_for is None else None,
            seconds=seconds,
            peak_memory_bytes=watch.peak_bytes or None,
            log=sanitize(log.read(), job.limits.log_bytes),
            outputs=collected.outputs,
            missing=tuple(collected.missing),
            problems=collected.problems,
            detail=sentence(ending, job),
        )


class _Watch:
    """Looks at a running job from outside until it ends or must be ended."""

    def __init__(self, job: SandboxJob, mark: str, session: int, output_folder: Path) -> None:
        self._job = job
        self._mark = mark
        self._session = session
        self._output_folder = output_folder
        self.peak_bytes = 0

    def until_end(
        self, child: subprocess.Popen[bytes], cancelled: Callable[[], bool], started: float
    ) -> Ending | None:
        ask_at = started
        while True:
            try:
                child.wait(_LOOK_EVERY_S)
            except subprocess.TimeoutExpired:
                pass
            else:
                return None
            limits, now = self._job.limits, time.monotonic()
            pids = marked(self._mark, self._session)
            self.peak_bytes = max(self.peak_bytes, memory_bytes(pids, limits.memory_bytes))
            if self.peak_bytes > limits.memory_bytes:
                return Ending.OUT_OF_MEMORY
            if now - started >= self._job.timeout_s:
                return Ending.TIMEOUT
            if self.is_output_over():
                return Ending.OUTPUT_LIMIT
            if now >= ask_at:
                ask_at = now + _ASK_EVERY_S
                if cancelled():
                    return Ending.CANCELLED

    def is_output_over(self) -> bool:
        """Add up what lies in the output folder, as far as the limits reach."""
        files, size_bytes = 0, 0
        folders = [self._output_folder]
        while folders:
            try:
                entries = list(os.scandir(folders.pop()))
            except OSError:
                continue
            for entry in entries:
                files += 1
                try:
                    size_bytes += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(Path(entry.path))
                except OSError:
                    continue
            if files > self._job.limits.output_files:
                return True
        return size_bytes > self._job.limits.output_bytes + files * 4096


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


def _exit_code(status: int) -> int:
    """Return the status as a shell and a container engine say it."""
    return status if status >= 0 else 128 - status
