"""The seam between the worker and every sandbox: a job goes in, a result comes out.

The hard part is blame. A result describes what the *program* did and is charged to its owner;
whatever is our own fault (the daemon went away, a limit could not be set, the machine has no disk
space) is raised as ``PlatformError`` and must never become a result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from proctor.spec.limits import Limits
from proctor.spec.model import Protocol as ContainerProtocol
from proctor.spec.work import Environment


class Ending(StrEnum):
    """How a program ended."""

    EXITED = "exited"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    OUTPUT_LIMIT = "output_limit"
    START_FAILED = "start_failed"
    CANCELLED = "cancelled"


class Guard(StrEnum):
    """One promise of a sandbox; each has a row in the conformance list."""

    WALL_CLOCK = "wall_clock"
    MEMORY = "memory"
    PROCESSES = "processes"
    OUTPUT_BYTES = "output_bytes"
    OUTPUT_FILES = "output_files"
    LOG_BYTES = "log_bytes"
    PLAIN_OUTPUTS = "plain_outputs"
    NO_LEFTOVERS = "no_leftovers"
    NO_NETWORK = "no_network"
    READ_ONLY_WORLD = "read_only_world"
    NO_PRIVILEGES = "no_privileges"
    SYSTEM_CALLS = "system_calls"
    OWN_VIEW = "own_view"


@dataclass(frozen=True)
class Program:
    """What is run: an image by id, a model folder, or a folder on an image.

    Attributes:
        image_id: ``sha256:…`` as the Docker daemon knows it; empty for the process sandbox.
        model_folder: Mounted read-only at /model as it is: the job runs under a user id of its own,
            so folders must be 0755 and files readable by everybody.
        module: The Python module that the process sandbox runs in place of an image's entrypoint.
    """

    image_id: str = ""
    model_folder: Path | None = None
    module: str = "proctor.template"


@dataclass(frozen=True)
class SandboxJob:
    """One execution.

    Attributes:
        work: Id of the run or evaluation this belongs to.
        fence: The attempt's fence.
        part: Which part of the work it is, such as a case's alias; appears in no path inside.
        documents: Small files made for this job, such as ``case.json``, by their name in /input.
        inputs: Files of the case, by their name in /input. A file that already is 0444 and has the
            fixed time of ``slot_folder`` is linked, any other copied; neither is changed.
        outputs: The file names that are collected from /output; nothing else is looked at.
        destination: An existing folder of the caller's that receives the collected files.
        timeout_s: Wall-clock limit; the worker sets it to the smaller of ``limits.case_s`` and
            what is left of ``limits.total_s``.
    """

    work: str
    fence: int
    part: str
    program: Program
    documents: Mapping[str, bytes]
    inputs: Mapping[str, Path]
    outputs: tuple[str, ...]
    destination: Path
    limits: Limits
    timeout_s: float
    seed: int = 0
    protocol: ContainerProtocol = ContainerProtocol.CASE


@dataclass(frozen=True)
class SandboxResult:
    """What the program did.

    Attributes:
        exit_code: None when it was killed by us or never started; negative never occurs.
        seconds: Wall-clock seconds from its start to its end.
        peak_memory_bytes: Of all its processes together, None where it cannot be known.
        log: What it printed, both streams, without control characters, valid UTF-8, at most
            ``limits.log_bytes`` from the end.
        outputs: The collected files by name, in the job's destination; whatever the ending was.
        missing: The names of ``job.outputs`` that are not there.
        problems: Why a file was there and not collected, by name: a phrase such as
            ``is a symbolic link``.
        detail: One sentence for the participant when ``ending`` is not EXITED; else empty.
    """

    ending: Ending
    exit_code: int | None
    seconds: float
    peak_memory_bytes: int | None
    log: bytes
    outputs: Mapping[str, Path] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    problems: Mapping[str, str] = field(default_factory=dict)
    detail: str = ""


class Sandbox(Protocol):
    """Runs one job at a time; a worker process owns one sandbox, and with it one slot."""

    @property
    def name(self) -> str:
        """``docker`` or ``process``."""
        ...

    @property
    def enforces(self) -> frozenset[Guard]:
        """The promises this sandbox keeps; the others are reported as not enforced."""
        ...

    def describe(self, worker: str) -> Environment:
        """Return where runs are made: hardware, kernel, engine."""
        ...

    def run(self, job: SandboxJob, cancelled: Callable[[], bool]) -> SandboxResult:
        """Run ``job`` to its end, collect its outputs and leave nothing of it behind.

        Args:
            cancelled: Asked several times a second; once it says True the program is killed.

        Raises:
            PlatformError: SANDBOX_FAILED, the failure is ours: nobody is charged.
        """
        ...

    def sweep(self) -> None:
        """Remove what dead workers of this host left behind; cheap enough for every few seconds.

        Raises:
            PlatformError: SANDBOX_FAILED, the daemon did not answer.
        """
        ...

    def close(self) -> None:
        """Give the slot back. Safe to call twice."""
        ...
