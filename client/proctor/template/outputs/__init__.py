"""Checks what a model answered, and writes it all or nothing.

Each output is written under a temporary name; only when every one has been checked and written
are they renamed. A model that fails halfway leaves no half answer to be scored.

| type | what a model may return |
|---|---|
| `label_list` | a class for each item, by number or name, or a ranking |
| `table` | (items, columns) array or nested list, a list of dicts by column name, or a ranking |
| `vector` | a number for each item: an array or a list |
| `text` | a string for each item; the string alone where there is one item |
| `boxes` | rows of item, label, score and place: an array, a nested list, or dicts by name |
| `contour` | outlines: a list of points, a list of such lists, or a list of {label, points} |
| `mask_image` | whole numbers or booleans, of the shape of its grid input |
| `instances` | the number of each voxel's object, of the shape of its grid input |
| `image`, `heatmap` | numbers, of the shape of its grid input |
| `custom` | as its file ends: `.npy` an array, `.json` anything JSON has, else text |
| any | bytes, or the `pathlib.Path` of a file that the model wrote itself |

A ranking is for each item a list of {label, probability}, the list alone where there is one item.
A type is a `Kind`: a check that turns an answer into one plain form, and a writer of that form.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from . import boxes, contours, custom, label_lists, tables, texts, vectors, voxels
from .asked import Asked, OutputError
from .kind import Kind

if TYPE_CHECKING:
    from ..case import Case, OutputFile
    from ..inputs import Loaded

KINDS: Mapping[str, Kind] = {
    "label_list": label_lists.KIND,
    "table": tables.KIND,
    "vector": vectors.KIND,
    "text": texts.KIND,
    "boxes": boxes.KIND,
    "contour": contours.KIND,
    "mask_image": voxels.MASK,
    "instances": voxels.INSTANCES,
    "image": voxels.IMAGE,
    "heatmap": voxels.HEATMAP,
    "custom": custom.KIND,
}


def check_names(answer: Mapping[str, object], outputs: Mapping[str, OutputFile]) -> None:
    """Compare the names that were answered with those that are asked for.

    Raises:
        OutputError: An output is missing or unknown.
    """
    expected = ", ".join(repr(name) for name in outputs)
    for name in answer:
        if name not in outputs:
            raise OutputError(f"it answered {name!r}, which this case does not ask for: {expected}")
    for name in outputs:
        if name not in answer:
            raise OutputError(f"the output {name!r} is missing; this case asks for {expected}")


def with_columns(output: OutputFile, value: object) -> OutputFile:
    """Give a table or boxes whose columns nobody declared those that the answer has.

    Raises:
        OutputError: The answer is nothing that columns could be read off.
    """
    found = {"table": tables.found_columns, "boxes": boxes.found_columns}.get(output.type)
    if output.columns or found is None:
        return output
    with _told_of(output):
        return replace(output, columns=found(value))


def check(value: object, asked: Asked) -> object:
    """Return an answer in the plain form of its type.

    Raises:
        OutputError: It is something else, of another shape, or holds no finite number.
    """
    with _told_of(asked.output):
        return KINDS.get(asked.output.type, custom.KIND).check(value, asked)


@contextmanager
def _told_of(output: OutputFile) -> Iterator[None]:
    """Name the output in what is raised about it.

    A model may answer any object at all. What Python or numpy makes of one that no check thought of
    is still an answer of the wrong form, not a failure of the engine.
    """
    try:
        yield
    except OutputError as error:
        raise OutputError(f"output {output.name!r}: {error}") from error
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        raise OutputError(
            f"output {output.name!r}: no {output.type} can be made of it ({error})"
        ) from error


def write_outputs(
    answer: Mapping[str, object], case: Case, inputs: Mapping[str, Loaded], folder: Path
) -> None:
    """Write the answer of a model: every output of the case, or none.

    Raises:
        OutputError: An output is missing, unknown, of the wrong shape or not a finite number.
    """
    check_names(answer, case.outputs)
    folder.mkdir(parents=True, exist_ok=True)
    written: list[tuple[Path, Path]] = []
    try:
        for name, output in case.outputs.items():
            part = folder / f".part-{output.file}"
            written.append((part, folder / output.file))
            _write(answer[name], Asked(output, case.items, inputs), part)
        for part, final in written:
            os.replace(part, final)
    finally:
        for part, _ in written:
            part.unlink(missing_ok=True)


def _write(value: object, asked: Asked, path: Path) -> None:
    if isinstance(value, bytes):
        path.write_bytes(value)
        return
    if isinstance(value, Path):
        if not value.is_file():
            raise OutputError(
                f"output {asked.output.name!r}: the model returned the path {value}, but no file "
                "is there"
            )
        shutil.copyfile(value, path)
        return
    plain = check(value, asked)
    with _told_of(asked.output):
        KINDS.get(asked.output.type, custom.KIND).write(plain, asked, path)
