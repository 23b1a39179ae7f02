"""What a case consists of, and its files, which are asked for once."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import streamlit as st
from PIL import Image, ImageSequence

from proctor.client import Client
from proctor.client.api import CasePart
from proctor.plots.numbers import number
from proctor.spec.api import CaseFiles, CaseView
from proctor.spec.task import InputType, OutputSpec, ReferenceSpec, TaskSpec
from proctor_dashboard.text import plain
from proctor_dashboard.volumes import (
    Array,
    Pages,
    Volume,
    VolumeError,
    pages_of,
    read_prediction,
    read_volume,
    refuse_other_grid,
)

ARRAY_SUFFIX = ".npy"
"""How the name of an array ends."""

_MOST_NUMBERS = 200_000_000


class Masks(NamedTuple):
    """What masks are drawn on, and reference and answer on its grid; None without an answer.

    On a volume masks are of its shape, on pages of their shape without colors.
    """

    ground: Volume | Pages
    reference: Array
    prediction: Array | None


@dataclass(frozen=True, eq=False)
class Parts:
    """One case of a run, and which of its answers is looked at."""

    api: Client
    submission: str
    task: TaskSpec
    files: CaseFiles
    case: CaseView
    output: str

    @property
    def answer(self) -> OutputSpec:
        """What is declared of the answer."""
        return self.task.outputs[self.output]

    @property
    def reference_name(self) -> str:
        """The reference that the answer is held against."""
        for metric in self.task.metrics:
            if metric.output == self.output:
                return metric.reference
        return next(iter(self.task.reference))

    @property
    def reference(self) -> ReferenceSpec:
        """What is declared of it."""
        return self.task.reference[self.reference_name]

    @property
    def answered(self) -> bool:
        """Whether there is an answer."""
        return self.output in self.files.predictions

    def volume(self, part: CasePart, name: str) -> Volume:
        """Read a volume of the organizer's.

        Raises:
            VolumeError: it cannot be drawn.
        """
        digest = getattr(self.files, part)[name].digest
        return _read_volume(self.api, self.submission, self.files, part, name, digest)

    def masks_on(self, name: str) -> Masks:
        """Read an input, and reference and answer on its grid.

        Raises:
            VolumeError: one cannot be drawn, or lies on another grid.
        """
        if self.task.inputs[name].type is not InputType.VOLUME:
            return self._masks_on_pages(name)
        volume = self.volume("inputs", name)
        reference = self.volume("reference", self.reference_name).array
        refuse_other_grid("reference", reference, volume)
        prediction = None
        if self.answered:
            prediction = read_prediction(self.content("predictions", self.output), volume)
        return Masks(volume, reference, prediction)

    def _masks_on_pages(self, name: str) -> Masks:
        reference = self.numbers("reference", self.reference_name, self.reference.file)
        ground = pages_of(
            self.numbers("inputs", name, self.task.inputs[name].file), reference.shape, "input"
        )
        prediction = None
        if self.answered:
            answer = self.array("predictions", self.output)
            prediction = pages_of(answer, reference.shape, "prediction").array
        return Masks(ground, pages_of(reference, reference.shape, "reference").array, prediction)

    def numbers(self, part: CasePart, name: str, file: str) -> Array:
        """Read an array or a picture; the end of ``file`` tells which.

        Raises:
            VolumeError: it cannot be drawn.
        """
        if file.endswith(ARRAY_SUFFIX):
            return self.array(part, name)
        return read_picture(self.content(part, name), name)

    def content(self, part: CasePart, name: str) -> bytes:
        """Read a file."""
        digest = getattr(self.files, part)[name].digest
        return _read(self.api, self.submission, self.files, part, name, digest)

    def array(self, part: CasePart, name: str) -> Array:
        """Read an array.

        Raises:
            VolumeError: it is none, or too large.
        """
        return read_array(self.content(part, name), name)

    def choose_ground(self) -> str | None:
        """Return the input that masks are drawn on; asked where there are several."""
        under = self.answer.grid
        if under is not None and self.task.inputs[under].type is not InputType.VOLUME:
            return under
        return self.choose_input(InputType.VOLUME)

    def inputs(self, *kinds: InputType) -> list[str]:
        """Return the names of inputs of some kinds, the one first whose grid the answer is on."""
        names = [name for name, spec in self.task.inputs.items() if spec.type in kinds]
        return sorted(names, key=lambda name: name != self.answer.grid)

    def choose_input(self, *kinds: InputType) -> str | None:
        """Return the input to draw; asked where there are several, none where there is none."""
        names = self.inputs(*kinds)
        if len(names) > 1:
            return st.selectbox("Input", names)
        return names[0] if names else None


def read_array(content: bytes, name: str) -> Array:
    """Read a ``.npy`` file.

    Raises:
        VolumeError: it is none, or too large.
    """
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        header = np.lib.format.read_array_header_1_0
        if version != (1, 0):
            header = np.lib.format.read_array_header_2_0
        shape, _, _ = header(stream)
        if int(np.prod(shape, dtype=np.float64)) > _MOST_NUMBERS:
            raise VolumeError(f"{name} of shape {shape} is too large to be drawn here.")
        stream.seek(0)
        found: Array = np.lib.format.read_array(stream, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        if isinstance(error, VolumeError):
            raise
        raise VolumeError(f"{name} cannot be read as an array ({error}).") from error
    return found


def read_picture(content: bytes, name: str) -> Array:
    """Read a PNG, TIFF or JPEG file of the organizer's, every page of a TIFF.

    Raises:
        VolumeError: it is none, or too large.
    """
    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "TIFF", "JPEG")) as image:
            pages = getattr(image, "n_frames", 1)
            if image.width * image.height * pages * len(image.getbands()) > _MOST_NUMBERS:
                raise VolumeError(f"{name} of {image.width} x {image.height} is too large to draw.")
            found = [np.asarray(page) for page in ImageSequence.Iterator(image)]
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        if isinstance(error, VolumeError):
            raise
        raise VolumeError(f"{name} cannot be read as a picture ({error}).") from error
    return found[0] if pages == 1 else np.stack(found)


def draw_scores(case: CaseView) -> None:
    """Draw the scores of a case, a row a label and a column a metric."""
    if not case.scores:
        return
    metrics = list(dict.fromkeys(key.split("/", 1)[0] for key in case.scores))
    labels = list(dict.fromkeys(key.split("/", 1)[1] for key in case.scores))
    rows = [
        (label, [number(case.scores.get(f"{metric}/{label}")) for metric in metrics])
        for label in labels
    ]
    st.html(facts_table("Label", metrics, rows))


def facts_table(first: str, head: list[str], rows: list[tuple[str, list[str]]]) -> str:
    """Return a table of numbers by name."""
    body = "".join(
        f"<tr><th>{plain(name)}</th>"
        + "".join(f'<td class="pr-number">{plain(cell)}</td>' for cell in cells)
        + "</tr>"
        for name, cells in rows
    )
    titles = "".join(f"<th>{plain(title)}</th>" for title in head)
    return (
        f'<div class="pr-scroll"><table class="pr-facts"><thead><tr><th>{plain(first)}</th>'
        f"{titles}</tr></thead><tbody>{body}</tbody></table></div>"
    )


# The list of files was asked for with the visitor's token just before: who has no right to them
# does not come this far, so what is kept may be shared.
@st.cache_resource(max_entries=8, ttl=900, show_spinner="Reading the volume")
def _read_volume(
    _api: Client, submission: str, _files: CaseFiles, part: CasePart, name: str, digest: str
) -> Volume:
    return read_volume(_api.case_file(submission, _files, part, name))


@st.cache_resource(max_entries=16, ttl=900)
def _read(
    _api: Client, submission: str, _files: CaseFiles, part: CasePart, name: str, digest: str
) -> bytes:
    return _api.case_file(submission, _files, part, name)
