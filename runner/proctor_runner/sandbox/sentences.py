"""What a participant is told about an ending, in one sentence with the numbers in it."""

from __future__ import annotations

from proctor_runner.sandbox.interface import Ending, SandboxJob

_MIB = 1 << 20


def sentence(ending: Ending, job: SandboxJob, said: str = "") -> str:
    """Return the sentence for ``ending``; ``said`` is what an engine answered."""
    limits = job.limits
    match ending:
        case Ending.EXITED:
            return ""
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
            return f"The container did not start: {' '.join(said.split())[:300]}"
        case Ending.CANCELLED:
            return "It was cancelled."
