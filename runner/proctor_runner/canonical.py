"""What an output of each type goes into the decode container as, and the array it comes out as.

The host never parses what a participant wrote, so it says beforehand what may come back: the shape
and the types of every canonical array. Of the array itself the header alone is read here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from proctor.spec.outcomes import Code, OrganizerError
from proctor.spec.task import OutputSpec, OutputType, TaskSpec, UnknownLabels
from proctor_runner.contracts.interface import NATIVE, SOCKET, Reading
from proctor_runner.contracts.native import suffix
from proctor_runner.decode.array import ARRAY_SUFFIX, ARRAY_TYPES
from proctor_runner.decode.contour import MOST_CONTOUR_BYTES
from proctor_runner.decode.document import MOST_DOCUMENT_BYTES
from proctor_runner.decode.errors import InvalidOutputError
from proctor_runner.decode.mask import mask_type
from proctor_runner.decode.on_grid import open_grid, shape_on
from proctor_runner.decode.text import most_bytes, most_packed_bytes
from proctor_runner.references import label_names
from proctor_runner.sandbox.outputs import ANY_FILE

_NPY_HEADER_BYTES = 4096


@dataclass(frozen=True)
class RawCase:
    """The outputs one case left.

    Attributes:
        id: The alias of the case.
        items: How many rows a table must have.
        files: The collected files by their name in /output; a missing one is simply not here.
        grids: For each input that a mask's grid names: the input file on this host.
        problems: Why a file was not collected, by name, as the sandbox said it.
        reading: How the task's outputs are made of files that another contract left.
    """

    id: str
    items: int
    files: Mapping[str, Path]
    grids: Mapping[str, Path] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    reading: Reading | None = None

    def file_of(self, name: str, output: OutputSpec) -> str:
        """Return which file an output is read from."""
        return output.file if self.reading is None else self.reading.files[name]


@dataclass(frozen=True)
class CanonicalArray:
    """One output as it goes in and the array it must come out as.

    Attributes:
        raw: The file that was collected.
        entry: What the decode container is told of it.
        target: What the array is called there.
        shape: The shape the array must have.
        dtypes: The types it may have.
        shorter: Whether its first axis may be shorter.
        more: Further files that it is read with, by their names there.
    """

    raw: Path
    entry: dict[str, object]
    target: str
    shape: tuple[int, ...]
    dtypes: tuple[np.dtype[Any], ...]
    shorter: bool = False
    more: Mapping[str, Path] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        """Return the most bytes that its values take."""
        return math.prod(self.shape) * max(dtype.itemsize for dtype in self.dtypes)


@dataclass(frozen=True)
class PreparedCase:
    """A case whose files are all there."""

    case: RawCase
    outputs: Mapping[str, CanonicalArray]
    grids: Mapping[str, Path]

    @property
    def size_bytes(self) -> int:
        """Return the most bytes that its arrays take as files."""
        return sum(output.size_bytes + _NPY_HEADER_BYTES for output in self.outputs.values())

    @property
    def elements(self) -> int:
        """Return the most values that its arrays hold."""
        return sum(math.prod(output.shape) for output in self.outputs.values())


def prepare(task: TaskSpec, case: RawCase, number: int) -> PreparedCase:
    """Say of every output of a case, all of whose files are there, how it is decoded.

    Args:
        number: The case's place in the job, which its files are named by.

    Raises:
        OrganizerError: CHALLENGE_INVALID, the input that an output's grid names is none.
    """
    outputs, grids = {}, {}
    for index, (name, output) in enumerate(task.outputs.items()):
        stem = f"{number}-{index}"
        entry: dict[str, object] = {
            "type": output.type.value,
            "name": output.file,
            "file": f"{stem}{suffix(output.file)}",
            "target": f"{stem}.npy",
        }
        match output.type:
            case OutputType.TABLE | OutputType.VECTOR:
                entry["columns"] = list(output.columns)
                shape: tuple[int, ...] = (case.items, len(output.columns))
                array = output.file.endswith(ARRAY_SUFFIX)
                dtypes: tuple[np.dtype[Any], ...] = ARRAY_TYPES if array else ARRAY_TYPES[:1]
            case OutputType.LABEL_LIST:
                entry["labels"] = label_names(task.labels)
                shape, dtypes = (case.items,), (np.dtype(np.int64),)
            case (
                OutputType.MASK_IMAGE
                | OutputType.INSTANCES
                | OutputType.IMAGE
                | OutputType.HEATMAP
                | OutputType.CONTOUR
            ):
                grid_name, shape = _grid(task, output, case)
                grid_file = f"{number}-grid-{grid_name}{suffix(task.inputs[grid_name].file)}"
                grids[grid_file] = case.grids[grid_name]
                entry |= {
                    "grid": grid_name,
                    "grid_file": grid_file,
                    "labels": sorted(task.labels),
                    "ignore_unknown": output.unknown_labels is UnknownLabels.IGNORE,
                    "voxels": math.prod(shape),
                }
                if output.type is OutputType.INSTANCES:
                    entry["class_divisor"] = output.class_divisor
                if output.type is OutputType.CONTOUR:
                    entry |= {"labels": label_names(task.labels), "bytes": MOST_CONTOUR_BYTES}
                dtypes = _voxel_types(task, output)
            case OutputType.TEXT:
                entry["bytes"] = most_bytes(case.items)
                shape, dtypes = (most_packed_bytes(case.items),), (np.dtype(np.uint8),)
            case OutputType.CUSTOM:
                entry["bytes"] = MOST_DOCUMENT_BYTES
                shape, dtypes = (MOST_DOCUMENT_BYTES,), (np.dtype(np.uint8),)
            case OutputType.BOXES:
                most = output.most_per_item or 0
                shape, dtypes = (case.items * most, len(output.columns)), ARRAY_TYPES[:1]
                entry |= {
                    "columns": list(output.columns),
                    "labels": label_names(task.labels),
                    "most_per_item": most,
                    "rows": case.items * most,
                }
        raw = case.files[case.file_of(name, output)]
        more = _foreign(name, output, case, stem, entry, raw)
        outputs[name] = CanonicalArray(
            raw=raw,
            entry=entry,
            target=f"{stem}.npy",
            shape=shape,
            dtypes=dtypes,
            shorter=output.type in (OutputType.TEXT, OutputType.BOXES, OutputType.CUSTOM),
            more=more,
        )
    return PreparedCase(case, outputs, grids)


def _foreign(
    name: str,
    output: OutputSpec,
    case: RawCase,
    stem: str,
    entry: dict[str, object],
    raw: Path,
) -> dict[str, Path]:
    """Tell the container how an output is made of what another contract left, if it is.

    Returns:
        The files that it is made of beside ``raw``, by their names there.
    """
    reading = case.reading
    if reading is None:
        return {}
    rule = reading.rules[name]
    if rule["how"] == NATIVE:
        entry["file"] = f"{stem}{suffix(reading.files[name])}"
        entry["name"] = reading.files[name]
        return {}
    left = reading.files[name]
    there = [file for file in reading.more if file in case.files]
    more = {f"{stem}-{file}": case.files[file] for file in there}
    # The suffix only says which library the decoder loads beforehand.
    image = rule["how"] == SOCKET and left.endswith(f"/{ANY_FILE}")
    entry["file"] = f"{stem}-foreign{'.mha' if image else ''}"
    entry["foreign"] = {
        **rule,
        "columns": list(output.columns),
        "left": left,
        "more": {file: f"{stem}-{file}" for file in there},
        "bytes": sum(path.stat().st_size for path in (raw, *more.values())),
    }
    return more


def _voxel_types(task: TaskSpec, output: OutputSpec) -> tuple[np.dtype[Any], ...]:
    match output.type:
        case OutputType.IMAGE | OutputType.HEATMAP:
            return ARRAY_TYPES
        case OutputType.INSTANCES:
            return (np.dtype(np.uint32),)
        case _:
            return (mask_type(task.labels),)


def is_canonical(path: Path, output: CanonicalArray) -> bool:
    """Compare the header and the length of an array with what they must be; read no more."""
    with path.open("rb") as stream:
        try:
            if np.lib.format.read_magic(stream) != (1, 0):
                return False
            shape, by_columns, dtype = np.lib.format.read_array_header_1_0(stream)
        except ValueError:
            return False
        size_bytes = path.stat().st_size - stream.tell()
    fits = shape == output.shape or (
        output.shorter and shape[1:] == output.shape[1:] and shape[:1] <= output.shape[:1]
    )
    right = fits and dtype in output.dtypes and not by_columns
    return right and size_bytes == math.prod(shape) * dtype.itemsize


def _grid(task: TaskSpec, output: OutputSpec, case: RawCase) -> tuple[str, tuple[int, ...]]:
    name = output.grid or ""
    path = case.grids[name]
    try:
        grid = open_grid(path, f"{name}{suffix(task.inputs[name].file)}")
        return name, shape_on(grid, of_numbers=output.type.of_numbers)
    except InvalidOutputError as error:
        raise OrganizerError(
            Code.CHALLENGE_INVALID, f"The input {name} of a case is no grid: {error}"
        ) from error
