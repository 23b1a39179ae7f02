"""What one case asks: `case.json` as the values a model gets to see.

It reads and checks the file that the platform wrote into the input folder. It opens no input;
`inputs` does that.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .held import HeldFile

CONTRACT = 1


class CaseError(Exception):
    """The case itself cannot be read. Not the model's fault: the text says where to look."""


@dataclass(frozen=True)
class InputFile:
    """A named input: its type and its file, absolute."""

    name: str
    type: str
    path: Path


class HeldInput(InputFile):
    """An input that is in memory; it becomes a file when somebody asks where it lies."""

    held: HeldFile

    def __init__(self, name: str, kind: str, held: HeldFile) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "type", kind)
        object.__setattr__(self, "held", held)

    @property
    def path(self) -> Path:
        """Where it lies from now on."""
        return self.held.path


@dataclass(frozen=True)
class OutputFile:
    """A named output that the case asks for.

    Attributes:
        file: What it is to be written as; of an output outside a case its end alone counts.
        columns: The header of a `table` or of `boxes`, in order; empty for other types.
        grid: The input whose voxel grid a mask, an image or a heatmap must lie on.
        labels: The names of the classes, where the model's card says them.
        units: The unit of its numbers, where the model's card says it.
    """

    name: str
    type: str
    file: str
    columns: tuple[str, ...] = ()
    grid: str | None = None
    labels: tuple[str, ...] = ()
    units: str = ""
    description: str = ""


@dataclass(frozen=True)
class Case:
    """One case as the model sees it: ids, declared inputs and outputs, public facts, a seed."""

    id: str
    items: tuple[str, ...]
    inputs: Mapping[str, InputFile]
    outputs: Mapping[str, OutputFile]
    meta: Mapping[str, object]
    seed: int


def read_case(folder: Path) -> Case:
    """Read `case.json` of an input folder.

    Raises:
        CaseError: The file is missing, is not JSON, or does not follow contract 1.
    """
    path = folder / "case.json"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise CaseError(
            f"No case at {path}: {error.strerror}. Mount a case there, or set PROCTOR_INPUT to "
            "the folder that holds case.json."
        ) from error
    try:
        document = json.loads(text)
    except ValueError as error:
        raise CaseError(f"{path} is not JSON: {error}.") from error
    if not isinstance(document, dict):
        raise CaseError(f"{path} holds {type(document).__name__}, not an object.")
    if document.get("contract") != CONTRACT:
        raise CaseError(
            f"{path} follows contract {document.get('contract')!r}; this engine speaks "
            f"{CONTRACT}. Use a runtime image of the platform's version."
        )
    try:
        return _case(document, folder)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CaseError(
            f"{path} does not follow contract {CONTRACT}: {type(error).__name__}: {error}."
        ) from error


def _case(document: Mapping[str, object], folder: Path) -> Case:
    return Case(
        id=str(document["case"]),
        items=tuple(str(item) for item in _list(document.get("items", []))),
        inputs={
            name: InputFile(
                name=name,
                type=str(_object(entry)["type"]),
                path=folder / _file_name(_object(entry)["file"]),
            )
            for name, entry in _object(document["inputs"]).items()
        },
        outputs={
            name: _output(name, _object(entry))
            for name, entry in _object(document["outputs"]).items()
        },
        meta=_object(document.get("meta", {})),
        seed=int(str(document.get("seed", 0))),
    )


def _output(name: str, entry: Mapping[str, object]) -> OutputFile:
    grid = entry.get("grid")
    return OutputFile(
        name=name,
        type=str(entry["type"]),
        file=_file_name(entry["file"]),
        columns=tuple(str(column) for column in _list(entry.get("columns") or [])),
        grid=None if grid is None else str(grid),
    )


def _object(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise TypeError(f"an object was expected, not {value!r}")
    return value


def _list(value: object) -> tuple[object, ...]:
    if not isinstance(value, list):
        raise TypeError(f"a list was expected, not {value!r}")
    return tuple(value)


def _file_name(value: object) -> str:
    if not isinstance(value, str) or value in ("", ".", "..") or "/" in value or "\0" in value:
        raise ValueError(f"a plain file name was expected, not {value!r}")
    return value
