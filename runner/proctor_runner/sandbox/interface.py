"""The seam between the worker and every sandbox: a job goes in, a result comes out.

The hard part is blame. A result describes what the *program* did and is charged to its owner;
whatever is our own fault (the daemon went away, a limit could not be set, the machine has no disk
space) is raised as ``PlatformError`` and must never become a result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from proctor.spec.limits import Limits
from proctor.spec.model import Protocol as ContainerProtocol
from proctor.spec.outcomes import Code, PlatformError
from proctor.spec.work import Environment


class Ending(StrEnum):
    """How a program ended, or one case of a program that serves.

    ``ANSWERED``: it answered and goes on. ``FAILED``: it said that it could not answer, ended
    before it did, or broke the protocol; ``detail`` says which.
    """

    EXITED = "exited"
    ANSWERED = "answered"
    FAILED = "failed"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    OUT_OF_GPU_MEMORY = "out_of_gpu_memory"
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
class Places:
    """Where a container finds what a job brings; by default where the native contract says.

    Attributes:
        mounts: Further files and folders of ours, read-only, by their place.
        scratch: Further folders that it may write to, in memory, as large as /tmp.
        low_ports: Let it listen on ports below 1024 of its own loopback.
    """

    input: str = "/input"
    output: str = "/output"
    model: str = "/model"
    mounts: Mapping[str, Path] = field(default_factory=dict)
    scratch: tuple[str, ...] = ()
    low_ports: bool = False


@dataclass(frozen=True)
class Program:
    """What is run: an image by id, a model folder, or a folder on an image.

    Attributes:
        image_id: ``sha256:…`` as the Docker daemon knows it; empty for the process sandbox.
        model_folder: Mounted read-only at /model as it is: the job runs under a user id of its own,
            so folders must be 0755 and files readable by everybody.
        module: The Python module that the process sandbox runs in place of an image's entrypoint.
        protocols: The protocols it declares.
        command: Replaces the image's entrypoint and command, for probes of our own on an image of
            our own, and where a contract wants it; the process sandbox knows none.
        places: Where a container finds things; the process sandbox knows none but the native ones.
        environment: Variables beside the image's own; those of the sandbox come before them.
        start_hint: A sentence that follows when it cannot be started.
    """

    image_id: str = ""
    model_folder: Path | None = None
    module: str = "proctor.template"
    command: tuple[str, ...] = ()
    protocols: frozenset[ContainerProtocol] = frozenset({ContainerProtocol.CASE})
    places: Places = Places()
    environment: Mapping[str, str] = field(default_factory=dict)
    start_hint: str = ""


@dataclass(frozen=True)
class SandboxJob:
    """One execution.

    Attributes:
        work: Id of the run or evaluation this belongs to.
        fence: The attempt's fence.
        part: Which part of the work it is, such as a case's alias; in a session, the id that the
            program is asked by, and the folder of the case in /input and /output.
        documents: Small files made for this job, such as ``case.json``, by their path in /input.
        inputs: Files of the case, by their path in /input. A file that already is 0444 and has the
            fixed time of ``slot_folder`` is linked, any other copied; neither is changed.
        outputs: The paths of the files that are collected from /output; nothing else is looked
            at. ``/*`` at the end of one stands for the only file of that folder.
        destination: An existing folder of the caller's that receives the collected files.
        timeout_s: Wall-clock limit; the worker sets it to the smaller of ``limits.case_s`` and
            what is left of ``limits.total_s``.
        left_s: What is left of ``limits.total_s``; in a session a start counts against it too.
        gpus: The GPUs that the program gets, by UUID; see ``gpus.sandbox``.
        ended: Told that the program has ended, or answered, and that nothing is collected yet.
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
    left_s: float = math.inf
    gpus: tuple[str, ...] = ()
    ended: Callable[[], None] = lambda: None

    def require_gpus(self) -> None:
        """Refuse to go on without the GPUs that the phase asks for.

        Raises:
            PlatformError: SANDBOX_FAILED, nobody handed any in.
        """
        if self.limits.gpu is not None and not self.gpus:
            raise PlatformError(
                Code.SANDBOX_FAILED, "The phase asks for GPUs; this worker offers none."
            )


@dataclass(frozen=True)
class SandboxResult:
    """What the program did.

    Attributes:
        exit_code: None when it was killed by us or never started; negative never occurs.
        seconds: Wall-clock seconds from its start to its end; of a served case, from the question
            to the answer.
        peak_memory_bytes: Of all its processes together, None where it cannot be known; of a
            served case, since the program started.
        log: What it printed, both streams, without control characters, valid UTF-8, at most
            ``limits.log_bytes`` from the end.
        outputs: The collected files by their paths in /output, in the job's destination under
            ``outputs.flat_name`` of it; whatever the ending was.
            Of a served case that the program did not outlive, none.
        missing: The names of ``job.outputs`` that are not there.
        problems: Why a file was there and not collected, by name: a phrase such as
            ``is a symbolic link``.
        detail: One sentence for the participant when ``ending`` is neither EXITED nor ANSWERED.
        peak_gpu_memory_bytes: Of its GPUs together, while this job ran; None without GPUs.
        start_s: Seconds that a served case waited for the program to start, not in ``seconds``.
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
    start_s: float = 0.0
    peak_gpu_memory_bytes: int | None = None


class NotStartedError(Exception):
    """A program cannot be started, for a reason that lies in itself; no sandbox lets it out."""


@dataclass(frozen=True)
class Inside:
    """How its own operator gets into a sandbox beside a program that serves.

    Attributes:
        container_id: Where the program is a container; else empty.
        environment: That the program has.
        folder: Where the program's own files are written, without a container.
    """

    container_id: str
    environment: Mapping[str, str]
    folder: Path | None = None


class Session(Protocol):
    """A program that is started once and answers one case after the other.

    It starts with the first case, is paused while nothing is asked, and is started anew for the
    case after one that it did not outlive. Two starts in a row that fail end its chances: every
    further case ends with START_FAILED.
    """

    def start(self, job: SandboxJob, cancelled: Callable[[], bool]) -> SandboxResult | None:
        """Make the program ready before the first case; return why it is not, None when it is.

        Raises:
            PlatformError: SANDBOX_FAILED.
        """
        ...

    def run(self, job: SandboxJob, cancelled: Callable[[], bool]) -> SandboxResult:
        """Have one case answered, and collect it while the program is paused.

        Args:
            job: Of the same program and limits as all others of this session.

        Raises:
            PlatformError: SANDBOX_FAILED, the failure is ours: nobody is charged.
        """
        ...

    def inside(self) -> Inside | None:
        """Say how to get to the program, which is not paused from now on; None without one.

        Raises:
            PlatformError: SANDBOX_FAILED.
        """
        ...

    def close(self) -> None:
        """End the program and leave nothing of it behind. Safe to call twice."""
        ...


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

    def session(self) -> Session:
        """Return a session, to be closed before anything else is run here."""
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
