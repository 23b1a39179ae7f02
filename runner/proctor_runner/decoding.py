"""Decoding, seen from the host: raw outputs go into a sandbox, canonical arrays come out.

Nothing a participant wrote is parsed in this process. What comes back from the decode step is
distrusted as well: its report is read with guards, and of every array only the header is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from proctor.spec.challenge import TaskSpec
from proctor.spec.outcomes import Code
from proctor_runner.sandbox.interface import Program, Sandbox


@dataclass(frozen=True)
class RawCase:
    """The outputs one case left.

    Attributes:
        id: The alias of the case.
        items: How many rows a table must have.
        files: The collected files by their name in /output; a missing one is simply not here.
        grids: For each input that a mask's grid names: the input file on this host.
        problems: Why a file was not collected, by name, as the sandbox said it.
    """

    id: str
    items: int
    files: Mapping[str, Path]
    grids: Mapping[str, Path] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DecodedCase:
    """One case after decoding: OK, MISSING_OUTPUT or INVALID_OUTPUT.

    Attributes:
        detail: One sentence for the participant when it is not OK.
        predictions: The canonical ``.npy`` by output name, when it is OK.
    """

    outcome: Code
    detail: str = ""
    predictions: Mapping[str, Path] = field(default_factory=dict)


def decode(
    sandbox: Sandbox,
    program: Program,
    task: TaskSpec,
    cases: Iterable[RawCase],
    destination: Path,
    cancelled: Callable[[], bool],
    work: str,
    fence: int,
) -> dict[str, DecodedCase]:
    """Decode ``cases`` in one sandbox job and return each by its id.

    Args:
        program: The decode image; the process sandbox runs ``decode_program()``'s module.
        destination: An existing folder that receives the canonical arrays.

    Raises:
        PlatformError: DECODE_FAILED when decoding as a whole failed, SANDBOX_FAILED likewise.
    """
    raise NotImplementedError


def decode_program(image_id: str = "") -> Program:
    """Return the program that decodes; without an image only the process sandbox can run it."""
    return Program(image_id=image_id, module="proctor_runner.decode")
