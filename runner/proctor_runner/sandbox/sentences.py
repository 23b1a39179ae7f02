"""What a participant is told about an ending, in one sentence with the numbers in it."""

from __future__ import annotations

import signal

from proctor_runner.sandbox.interface import Ending, SandboxJob

CANNOT_RUN_CODES = (126, 127)
"""How a shell, and an engine's first process, exit when a command cannot be run."""

_MIB = 1 << 20


def exit_words(exit_code: int | None) -> str:
    """Say what an exit status means.

    >>> exit_words(3), exit_words(139)
    ('exit status 3', 'exit status 139 (signal SIGSEGV)')
    """
    number = (exit_code or 0) - 128
    if number in {item.value for item in signal.Signals}:
        return f"exit status {exit_code} (signal {signal.Signals(number).name})"
    return f"exit status {exit_code}"


def sentence(ending: Ending, job: SandboxJob, said: str = "") -> str:
    """Return the sentence for ``ending``; ``said`` is what an engine answered."""
    limits = job.limits
    match ending:
        case Ending.EXITED | Ending.ANSWERED:
            return ""
        case Ending.FAILED | Ending.OUT_OF_GPU_MEMORY:
            return said
        case Ending.TIMEOUT:
            return f"It was stopped after {job.timeout_s:g} s."
        case Ending.OUT_OF_MEMORY:
            return (
                f"A process was killed because all of them together, /tmp and /dev/shm included,"
                f" needed more than {limits.memory_bytes / _MIB:.0f} MiB."
            )
        case Ending.OUTPUT_LIMIT:
            return (
                f"It wrote more than {limits.output_bytes} bytes or {limits.output_files} files"
                " to /output."
            )
        case Ending.START_FAILED:
            told = f"The container did not start: {' '.join(said.split())[:300]}"
            return f"{told} {job.program.start_hint}".rstrip()
        case Ending.CANCELLED:
            return "It was cancelled."
