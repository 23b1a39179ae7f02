"""The inputs that a model folder is tried with where no challenge has any: its own samples."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from proctor.spec.card.io import ModelIo
from proctor.template.rest.failures import RefusedError
from proctor.template.rest.samples import Samples
from proctor_runner.examination.made_up_inputs import made_up

_MOST_SAMPLES = 20
MADE_UP = "made-up"


_CASE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class NoSampleError(Exception):
    """There is nothing to try a model with; the text says why, and what to do."""


@dataclass(frozen=True)
class Sample:
    """The files of one question, by input.

    Attributes:
        name: As it is called in reports, fit to be the id of a case.
    """

    name: str
    inputs: Mapping[str, Path]


def own_samples(folder: Path, io: ModelIo, scratch: Path) -> tuple[Sample, ...]:
    """Return the samples of a model folder; made-up inputs where it has none.

    Args:
        scratch: An existing folder for what is made up.

    Raises:
        NoSampleError: A sample is not one of this model, or there are none and nobody could make
            up what the card declares.
    """
    found = Samples(folder, io.inputs)
    try:
        samples = [
            Sample(_case_id(name, number), found.inputs_of(name))
            for number, name in enumerate(found.names[:_MOST_SAMPLES], start=1)
        ]
    except RefusedError as error:
        raise NoSampleError(f"{folder}: {error}") from error
    if samples:
        return tuple(samples)
    try:
        inputs = {name: made_up(name, one, scratch) for name, one in io.inputs.items()}
    except ValueError as error:
        raise NoSampleError(
            f"{folder} has no samples that its io fits, and {error}. Put one in"
            f" {folder}/samples: a file, or of several inputs a folder with a file named after each"
        ) from error
    return (Sample(MADE_UP, inputs),)


def _case_id(name: str, number: int) -> str:
    return name if _CASE_ID.fullmatch(name) else f"sample-{number}"
