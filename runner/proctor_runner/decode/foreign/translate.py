"""From what a foreign model left to the file that the task declares, for every type of output."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from proctor_runner.decode.array import ARRAY_SUFFIX
from proctor_runner.decode.errors import InvalidOutputError
from proctor_runner.decode.foreign.answers import (
    Rule,
    max_values,
    modelhub_values,
    read_json,
    socket_values,
)
from proctor_runner.decode.foreign.classes import class_of, row_of, text_of
from proctor_runner.decode.foreign.places import (
    array_of,
    boxes_of,
    marks_of,
    nifti,
    outlines_of,
)
from proctor_runner.decode.image import OF_NUMBERS
from proctor_runner.decode.on_grid import FlatGrid, open_grid, shape_on
from proctor_runner.decode.text import PLAIN_SUFFIX

_ON_A_GRID = ("mask_image", "instances", *OF_NUMBERS)
_SNIFFED_BYTES = 1024
_TIFF = (b"II*\x00", b"MM\x00*")


def translated(output: dict[str, Any], items: int, source: Path) -> dict[str, Any]:
    """Return the entry of an output that is read like any model's file.

    Raises:
        InvalidOutputError: What the model answered cannot be made into it.
    """
    rule: Rule = output["foreign"]
    if rule["how"] == "socket" and output["type"] in _ON_A_GRID:
        return output | {"name": _image_name(source / output["file"], rule["left"])}
    document = read_json(source / output["file"], rule["left"])
    if rule["how"] == "socket":
        values = socket_values(document, rule, items)
    elif rule["of"] == "modelhub":
        values = modelhub_values(document, rule, items, output["type"], source)
    else:
        values = max_values(document, rule, items)
    suffix, content = _file(output, rule, values, source)
    return output | {
        "file": _in_memory(content),
        "name": f"the answer, as {output['name']}{suffix}",
    }


def _file(
    output: dict[str, Any], rule: Rule, values: list[object], source: Path
) -> tuple[str, bytes]:
    """Return the content of the file that the task declares, and what its name lacks."""
    kind = output["type"]
    if kind in ("table", "vector"):
        rows = [row_of(value, output["columns"], rule) for value in values]
        if output["name"].endswith(ARRAY_SUFFIX):
            return "", _npy(np.array(rows, dtype=np.float64))
        return "", _csv([output["columns"], *([repr(cell) for cell in row] for row in rows)])
    if kind == "label_list":
        classes = [class_of(value, output["labels"], rule) for value in values]
        return "", _csv([["label"], *([one] for one in classes)])
    if kind == "text":
        texts = [text_of(value, rule) for value in values]
        plain = output["name"].endswith(PLAIN_SUFFIX) and len(texts) == 1
        return "", (texts[0] if plain else json.dumps(texts)).encode(errors="surrogatepass")
    if kind == "boxes":
        columns = output["columns"]
        read = marks_of if rule["how"] == "socket" else boxes_of
        rows_of_boxes = [
            row
            for item, value in enumerate(values)
            for row in read(value, item, columns, output["labels"], rule)
        ]
        if output["name"].endswith(".json"):
            named = [dict(zip(columns, row, strict=True)) for row in rows_of_boxes]
            return "", json.dumps(named).encode()
        return "", _csv([columns, *rows_of_boxes])
    if len(values) != 1:
        raise InvalidOutputError(f"The answer is of {len(values)} items; a grid has one.")
    if kind == "contour":
        return "", json.dumps(outlines_of(values[0])).encode()
    grid = open_grid(source / output["grid_file"], output["grid_file"])
    array = array_of(values[0], shape_on(grid, of_numbers=kind in OF_NUMBERS), rule)
    lacks = "" if output["name"].endswith(ARRAY_SUFFIX) else f" in an array{ARRAY_SUFFIX}"
    if not lacks or isinstance(grid, FlatGrid):
        single = array.dtype == np.float32
        return lacks, _npy(array.astype(np.float32 if single else np.float64))
    return " in NIfTI.nii", nifti(array, grid.affine)


def _in_memory(content: bytes) -> str:
    """Put bytes into a file without a name on any disk, and return its path in this process."""
    descriptor = os.memfd_create("translated")
    with os.fdopen(os.dup(descriptor), "wb") as stream:
        stream.write(content)
    return f"/proc/self/fd/{descriptor}"


def _image_name(path: Path, left: str) -> str:
    """Return a name whose suffix says what an image file is: its own is of the model's choice."""
    with path.open("rb") as stream:
        start = stream.read(_SNIFFED_BYTES)
    if start.startswith(_TIFF):
        raise InvalidOutputError(f"{left} is a TIFF file; a grid takes .mha, .nii or .nrrd.")
    if start.startswith(b"NRRD"):
        return f"{left}.nrrd"
    if start.startswith(b"\x1f\x8b") or start[344:348] in (b"n+1\x00", b"n+2\x00"):
        return f"{left}.nii.gz"
    return f"{left}.mha"


def _csv(rows: list[list[Any]]) -> bytes:
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue().encode()


def _npy(array: np.ndarray[Any, Any]) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, allow_pickle=False)
    return stream.getvalue()
