"""Grand Challenge: an algorithm container finds sockets below /input and writes some to /output.

It is started once a case, by its own command. A volume is a MetaImage in a folder of its socket,
a JSON value is in a file and in ``inputs.json`` as well, anything else is a file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from proctor.spec.contract import Contract, GrandChallengeContract, SocketAnswer, SocketSpec
from proctor.spec.digests import canonical_json
from proctor.spec.task import InputSpec, InputType, OutputSpec, OutputType, TaskSpec
from proctor.spec.work import OrderCase
from proctor_runner.contracts.interface import SOCKET, AskedCase, ImageFacts, Reading
from proctor_runner.contracts.meta_image import write_meta_image
from proctor_runner.contracts.native import suffix
from proctor_runner.contracts.refusing import refusal, refuse_unknown_names
from proctor_runner.sandbox.interface import Places, Program
from proctor_runner.sandbox.outputs import ANY_FILE

_INPUTS_FILE = "inputs.json"
_NIFTI, _AS_THEY_ARE = (".nii", ".nii.gz"), (".mha", ".tif", ".tiff")
_ON_A_GRID = (
    OutputType.MASK_IMAGE,
    OutputType.INSTANCES,
    OutputType.IMAGE,
    OutputType.HEATMAP,
)


class GrandChallengeAdapter:
    """Asks an algorithm container; weights are what Grand Challenge calls its model."""

    places = Places(model="/opt/ml/model")

    def __init__(self, said: GrandChallengeContract) -> None:
        self._said = said

    def program(self, image: ImageFacts, weights: Path | None, folder: Path) -> Program:
        """Return the image as it is."""
        return Program(image.id, weights, places=self.places)

    def prepare(
        self, task: TaskSpec, case: OrderCase, files: Mapping[str, Path], folder: Path
    ) -> AskedCase:
        """Return the sockets of a case, and which hold the outputs.

        Raises:
            ParticipantError: IMAGE_REJECTED.
        """
        said = self._said
        refuse_unknown_names(Contract.GRAND_CHALLENGE, "input", said.inputs, task.inputs)
        refuse_unknown_names(Contract.GRAND_CHALLENGE, "output", said.outputs, task.outputs)
        sockets: list[dict[str, object]] = []
        inputs: dict[str, Path] = {}
        for name, path in files.items():
            place, given, socket = self._given(name, task.inputs[name], path, folder)
            sockets.append(socket)
            inputs[place] = given
        answers = {name: self._answer(name, output) for name, output in task.outputs.items()}
        read = {name: place for name, (place, _) in answers.items()}
        return AskedCase(
            documents={_INPUTS_FILE: canonical_json(sockets)},
            inputs=inputs,
            outputs=tuple(dict.fromkeys(read.values())),
            reading=Reading(
                files=read,
                rules={
                    name: {"how": SOCKET, **answer.model_dump(mode="json")}
                    for name, (_, answer) in answers.items()
                },
            ),
        )

    def _given(
        self, name: str, declared: InputSpec, path: Path, folder: Path
    ) -> tuple[str, Path, dict[str, object]]:
        """Return where an input lies, its file here, and its entry in ``inputs.json``."""
        said = self._said.inputs.get(name, SocketSpec())
        slug = said.slug or slug_of(name)
        ending = suffix(declared.file)
        if declared.type is InputType.VOLUME:
            relative = said.relative_path or f"images/{slug}"
            file = f"{name}{ending if ending in _AS_THEY_ARE else '.mha'}"
            given = self._as_image(name, ending, path, folder)
            value: dict[str, object] = {"image": {"name": file}}
            kind = said.kind or "Image"
            return f"{relative}/{file}", given, _entry(slug, relative, kind, "Image", value)
        relative = said.relative_path or f"{slug}{ending}"
        if ending == ".json":
            value = {"value": json.loads(path.read_text(encoding="utf-8"))}
            kind = said.kind or "Anything"
            return relative, path, _entry(slug, relative, kind, "Value", value)
        kind = said.kind or "File"
        return relative, path, _entry(slug, relative, kind, "File", {"file": relative})

    def _as_image(self, name: str, ending: str, path: Path, folder: Path) -> Path:
        if ending in _AS_THEY_ARE:
            return path
        if ending not in _NIFTI:
            raise refusal(
                Contract.GRAND_CHALLENGE,
                f"volumes are given as .mha, and input {name} is {ending}, which is not turned"
                " into it.",
            )
        target = folder / f"{name}.mha"
        try:
            write_meta_image(path, target)
        except ValueError as error:
            raise refusal(Contract.GRAND_CHALLENGE, f"input {name}: {error}.") from error
        return target

    def _answer(self, name: str, output: OutputSpec) -> tuple[str, SocketAnswer]:
        """Return the file that an output is read from, and what is said of it."""
        said = self._said.outputs.get(name, SocketAnswer())
        slug = said.socket.slug or slug_of(name)
        if output.type in _ON_A_GRID:
            return f"{said.socket.relative_path or f'images/{slug}'}/{ANY_FILE}", said
        return said.socket.relative_path or f"{slug}.json", said


def _entry(
    slug: str, relative: str, kind: str, super_kind: str, value: Mapping[str, object]
) -> dict[str, object]:
    socket = {
        "title": slug,
        "slug": slug,
        "kind": kind,
        "super_kind": super_kind,
        "relative_path": relative,
    }
    empty: dict[str, object] = {"file": None, "image": None, "value": None}
    return {**empty, **value, "interface": socket, "socket": socket}


def slug_of(name: str) -> str:
    """Return the slug of a socket that is named like an input or an output."""
    return name.lower().replace("_", "-")
