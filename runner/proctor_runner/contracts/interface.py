"""The seam between a run and every contract: what a container finds, and how its answer is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from proctor.spec.task import TaskSpec
from proctor.spec.work import OrderCase
from proctor_runner.sandbox.interface import Places, Program

ANSWER = "answer"
"""How an output is read: from the JSON document that the driver left."""

SOCKET = "socket"
"""How an output is read: from the file of a Grand Challenge socket."""

NATIVE = "native"
"""How an output is read: as the task declares it, from a file of another name."""


@dataclass(frozen=True)
class Reading:
    """How the outputs that a task declares are made of what a foreign model left.

    Attributes:
        files: By output the file it is read from; without it the case has no such output.
        rules: By output what the decoder is told; ``how`` is one of the words above.
        more: Further files that may be there and are read with them.
    """

    files: Mapping[str, str]
    rules: Mapping[str, dict[str, object]]
    more: tuple[str, ...] = ()


@dataclass(frozen=True)
class AskedCase:
    """What one container finds and is asked for.

    Attributes:
        documents: Small files made for it, by their path in its input folder.
        inputs: The input files on this host, by their path there.
        outputs: What is collected from its output folder.
        reading: None when outputs are as the task declares them.
    """

    documents: Mapping[str, bytes]
    inputs: Mapping[str, Path]
    outputs: tuple[str, ...]
    reading: Reading | None = None


@dataclass(frozen=True)
class ImageFacts:
    """What an image declares of itself."""

    id: str
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    size_bytes: int | None = None

    @property
    def own_command(self) -> tuple[str, ...]:
        """Return what an engine would start."""
        return (*self.entrypoint, *self.command)

    def command_with(
        self, entrypoint: tuple[str, ...], command: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Return what an engine starts when it is given these; empty for the image's own."""
        if not (entrypoint or command):
            return ()
        # Another entrypoint goes without the image's own command.
        rest = command or (() if entrypoint else self.command)
        return (*(entrypoint or self.entrypoint), *rest)


class CaseContract(Protocol):
    """Turns a case of an order into what one container sees."""

    def prepare(
        self, task: TaskSpec, case: OrderCase, files: Mapping[str, Path], folder: Path
    ) -> AskedCase:
        """Return what the container of ``case`` finds and is asked for.

        Args:
            files: The case's input files on this host, by input name.
            folder: An existing folder of the case's own, for files that have to be made.

        Raises:
            ParticipantError: IMAGE_REJECTED, the contract cannot be kept for this task.
        """
        ...


class ForeignAdapter(CaseContract, Protocol):
    """A contract of another system, and how an image that keeps it is started."""

    @property
    def places(self) -> Places:
        """Where its container finds things, but for files of ours."""
        ...

    def program(self, image: ImageFacts, weights: Path | None, folder: Path) -> Program:
        """Return the image as a program.

        Args:
            weights: The folder that was submitted beside the image.
            folder: A folder to make for files of ours that the container needs.
        """
        ...
