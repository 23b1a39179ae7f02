"""Checks what a model answered and writes it, all or nothing.

Each output is written under a temporary name; only when every one has been checked and written
are they renamed. A model that fails halfway leaves no half answer to be scored.

| type or suffix | what a model may return |
|---|---|
| `table` | (items, columns) array or nested list, or a list of dicts by column name |
| `label_list` | a class for each item, by its number or its name |
| `text` | a string for each item; the string alone where a case is one item |
| `boxes` | rows of item, label, score and place: an array, a nested list, or dicts by name |
| `instances` | the number of each voxel's object, of the shape of its grid input |
| `image` | numbers, of the shape of its grid input |
| `mask_image` | whole numbers or booleans, of the shape of its grid input |
| `.npy` / `.json` / `.txt` | an array / anything JSON has, numpy included / text |
| any | bytes, or the `pathlib.Path` of a file that the model wrote itself |
"""

from __future__ import annotations

import csv
import json
import math
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .inputs import Volume

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .case import Case, OutputFile


class OutputError(Exception):
    """The model answered, but not what the case asks for."""


def write_outputs(
    answer: Mapping[str, object], case: Case, inputs: Mapping[str, object], folder: Path
) -> None:
    """Write the answer of a model: every output of the case, or none.

    Raises:
        OutputError: An output is missing, unknown, of the wrong shape or not a finite number.
    """
    expected = ", ".join(repr(name) for name in case.outputs)
    for name in answer:
        if name not in case.outputs:
            raise OutputError(f"it answered {name!r}, which this case does not ask for: {expected}")
    for name in case.outputs:
        if name not in answer:
            raise OutputError(f"the output {name!r} is missing; this case asks for {expected}")
    folder.mkdir(parents=True, exist_ok=True)
    written: list[tuple[Path, Path]] = []
    try:
        for name, output in case.outputs.items():
            part = folder / f".part-{output.file}"
            written.append((part, folder / output.file))
            try:
                _write(answer[name], output, case, inputs, part)
            except OutputError as error:
                raise OutputError(f"output {name!r}: {error}") from error
        for part, final in written:
            os.replace(part, final)
    finally:
        for part, _ in written:
            part.unlink(missing_ok=True)


def _write(
    value: object, output: OutputFile, case: Case, inputs: Mapping[str, object], path: Path
) -> None:
    suffix = output.file.lower()
    if isinstance(value, bytes):
        path.write_bytes(value)
    elif isinstance(value, Path):
        _copy(value, path)
    elif output.type in ("mask_image", "instances"):
        _write_mask(value, output, inputs, path)
    elif output.type == "image":
        _write_image(value, output, inputs, path)
    elif output.type == "boxes":
        _write_boxes(value, output, case, path)
    elif output.type == "table" and suffix.endswith(".npy"):
        _write_table_array(value, output, case, path)
    elif output.type == "table":
        _write_table(value, output, case, path)
    elif output.type == "label_list":
        _write_label_list(value, case, path)
    elif output.type == "text":
        _write_texts(value, output, case, path)
    elif suffix.endswith(".npy"):
        _write_array(value, path)
    elif suffix.endswith(".json"):
        _write_json(value, path)
    elif isinstance(value, str):
        path.write_text(value, encoding="utf-8")
    else:
        raise OutputError(
            f"the engine cannot write {type(value).__name__} as {output.file}; return bytes, or "
            "the pathlib.Path of a file that you wrote"
        )


def _copy(source: Path, path: Path) -> None:
    if not source.is_file():
        raise OutputError(f"the model returned the path {source}, but no file is there")
    shutil.copyfile(source, path)


def _write_table(value: object, output: OutputFile, case: Case, path: Path) -> None:
    rows = [_row(row, output.columns) for row in _iterate(value, output)]
    if case.items and len(rows) != len(case.items):
        raise OutputError(f"{len(rows)} rows for {len(case.items)} items; row i answers item i")
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(output.columns)
        for number, row in enumerate(rows):
            writer.writerow([repr(_cell(cell, number, output)) for cell in row])
            if len(row) != len(output.columns):
                raise OutputError(
                    f"row {number} has {len(row)} values for {len(output.columns)} columns "
                    f"({', '.join(output.columns)})"
                )


def _iterate(value: object, output: OutputFile) -> Iterable[object]:
    rows = value.tolist() if hasattr(value, "tolist") else value
    if not isinstance(rows, Sequence) or isinstance(rows, (str, bytes)):
        raise OutputError(
            f"a table of {len(output.columns)} columns was expected, not {type(value).__name__}"
        )
    return rows


def _row(row: object, columns: tuple[str, ...]) -> Sequence[object]:
    """Bring one row in column order; a bare number is the row of a one-column table."""
    if isinstance(row, Mapping):
        unknown = sorted(str(name) for name in row if name not in columns)
        missing = [name for name in columns if name not in row]
        if unknown or missing:
            raise OutputError(f"columns missing: {missing or 'none'}, unknown: {unknown or 'none'}")
        return [row[name] for name in columns]
    row = row.tolist() if hasattr(row, "tolist") else row
    if isinstance(row, Sequence) and not isinstance(row, (str, bytes)):
        return row
    return [row]


def _cell(cell: object, row: int, output: OutputFile) -> float:
    try:
        number = float(cell)  # type: ignore[arg-type]  # what it cannot take, it raises on
    except (TypeError, ValueError) as error:
        raise OutputError(f"row {row} holds {cell!r}, which is not a number") from error
    if not math.isfinite(number):
        raise OutputError(f"row {row} of {output.file} holds {number}; every value must be finite")
    return number


def _write_boxes(value: object, output: OutputFile, case: Case, path: Path) -> None:
    """Write boxes as rows in CSV, or as objects by column in JSON."""
    written: list[list[object]] = []
    for number, given in enumerate(_iterate(value, output)):
        row = _row(given, output.columns)
        if len(row) != len(output.columns):
            raise OutputError(
                f"row {number} has {len(row)} values for {len(output.columns)} columns "
                f"({', '.join(output.columns)})"
            )
        item, label = _cell(row[0], number, output), row[1]
        label = label.item() if hasattr(label, "item") else label
        if item not in range(max(1, len(case.items))):
            raise OutputError(
                f"row {number} names item {row[0]}; this case has {len(case.items)}, from 0"
            )
        if not isinstance(label, str):
            label = _cell(label, number, output)
            if label != int(label):
                raise OutputError(f"row {number} holds the label {label}, which is no class")
            label = int(label)
        numbers = [_cell(cell, number, output) for cell in row[2:]]
        written.append([int(item), label, *numbers])
    if output.file.lower().endswith(".json"):
        _write_json(
            [{name: row[i] for i, name in enumerate(output.columns)} for row in written], path
        )
        return
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(output.columns)
        writer.writerows([*row[:2], *(repr(cell) for cell in row[2:])] for row in written)


def _write_table_array(value: object, output: OutputFile, case: Case, path: Path) -> None:
    import numpy as np

    rows = value
    if isinstance(value, Sequence) and value and isinstance(value[0], Mapping):
        rows = [_row(row, output.columns) for row in value]
    array = np.asarray(rows)
    if array.dtype.kind not in "fiub":
        raise OutputError(f"a table of numbers was expected, not of {array.dtype}")
    if array.ndim == 1:
        array = array[:, np.newaxis]
    expected = (len(case.items) or len(array), len(output.columns))
    if array.shape != expected:
        raise OutputError(f"the table has shape {array.shape}; {expected} was expected")
    if not np.isfinite(array).all():
        row = int(np.argwhere(~np.isfinite(array))[0][0])
        raise OutputError(f"row {row} of {output.file} holds no finite number")
    single = array.dtype == np.float32
    np.save(path, array.astype(np.float32 if single else np.float64), allow_pickle=False)


def _write_label_list(value: object, case: Case, path: Path) -> None:
    labels = value.tolist() if hasattr(value, "tolist") else value
    if not isinstance(labels, Sequence) or isinstance(labels, (str, bytes)):
        raise OutputError(f"a class for each item was expected, not {type(value).__name__}")
    if case.items and len(labels) != len(case.items):
        raise OutputError(f"{len(labels)} classes for {len(case.items)} items")
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["label"])
        for number, label in enumerate(labels):
            if hasattr(label, "item"):
                label = label.item()
            if isinstance(label, bool) or not isinstance(label, (int, str)):
                raise OutputError(f"row {number} holds {label!r}, no number or name of a class")
            writer.writerow([label])


def _write_texts(value: object, output: OutputFile, case: Case, path: Path) -> None:
    texts = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(texts, str):
        texts = [texts]
    if not isinstance(texts, Sequence) or isinstance(texts, bytes):
        raise OutputError(f"a text for each item was expected, not {type(value).__name__}")
    items = len(case.items) or 1
    if len(texts) != items:
        raise OutputError(f"{len(texts)} texts for {items} items")
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise OutputError(f"item {number} is {text!r}, which is no text")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise OutputError(f"item {number} is no Unicode text: {error}") from error
    if output.file.lower().endswith(".txt"):
        if items > 1:
            raise OutputError(f"{output.file} holds one text, and the case has {items} items")
        path.write_bytes(texts[0].encode())
        return
    path.write_text(json.dumps(list(texts), ensure_ascii=False) + "\n", encoding="utf-8")


def _write_array(value: object, path: Path) -> None:
    import numpy as np

    array = np.asarray(value)
    if array.dtype.hasobject:
        raise OutputError("an array of numbers was expected, not of Python objects")
    np.save(path, array, allow_pickle=False)


def _write_json(value: object, path: Path) -> None:
    def plain(item: object) -> object:
        if hasattr(item, "tolist"):
            return item.tolist()
        raise TypeError(f"{type(item).__name__} has no form in JSON")

    try:
        text = json.dumps(value, allow_nan=False, default=plain)
    except (TypeError, ValueError) as error:
        raise OutputError(str(error)) from error
    path.write_text(text + "\n", encoding="utf-8")


def _write_mask(
    value: object, output: OutputFile, inputs: Mapping[str, object], path: Path
) -> None:
    most = 2**32 - 1 if output.type == "instances" else 65535
    _write_volume(_labels(_data(value), most), output, inputs, path)


def _write_image(
    value: object, output: OutputFile, inputs: Mapping[str, object], path: Path
) -> None:
    import numpy as np

    array = np.asarray(_data(value))
    if array.dtype.kind not in "fiub":
        raise OutputError(f"an image of numbers was expected, not {array.dtype}")
    if not np.isfinite(array).all():
        place = tuple(int(index) for index in np.argwhere(~np.isfinite(array))[0])
        raise OutputError(f"it holds {array[place]} at {place}; every value must be finite")
    single = array.dtype.kind == "f" and array.dtype.itemsize <= 4
    image = array.astype(np.float32 if single else np.float64)
    if not output.file.lower().endswith(".npy"):
        _write_volume(image, output, inputs, path)
        return
    _refuse_another_shape(image, output, inputs)
    with path.open("wb") as stream:
        np.save(stream, image, allow_pickle=False)


def _write_volume(
    voxels: NDArray[np.generic], output: OutputFile, inputs: Mapping[str, object], path: Path
) -> None:
    if not output.file.lower().endswith((".nii", ".nii.gz")):
        raise OutputError(
            f"the engine writes volumes as NIfTI, and this case asks for {output.file}; return the "
            "pathlib.Path of a file that you wrote"
        )
    grid = inputs.get(output.grid or "")
    if not isinstance(grid, Volume):
        raise OutputError(
            f"its grid is input {output.grid!r}, which is no volume here; nibabel must be "
            "installed in the image"
        )
    import nibabel

    _refuse_another_shape(voxels, output, inputs)
    image = nibabel.Nifti1Image(voxels, grid.affine)  # type: ignore[no-untyped-call]  # nibabel
    image.header.set_xyzt_units("mm")  # type: ignore[no-untyped-call]  # is typed in part
    image.to_filename(path)


def _data(value: object) -> object:
    return value.data if isinstance(value, Volume) else value


def _refuse_another_shape(
    voxels: NDArray[np.generic], output: OutputFile, inputs: Mapping[str, object]
) -> None:
    expected = getattr(_data(inputs.get(output.grid or "")), "shape", None)
    if expected is not None and voxels.shape != expected:
        raise OutputError(
            f"shape {voxels.shape}, but the grid of input {output.grid!r} is {expected}"
        )


def _labels(value: object, most: int) -> NDArray[np.unsignedinteger]:
    import numpy as np

    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise OutputError(f"a mask of whole numbers was expected, not {array.dtype}")
    if array.dtype.kind == "f" and not np.array_equal(array, np.rint(array)):
        raise OutputError(f"a mask of whole numbers was expected; this {array.dtype} holds others")
    low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
    if low < 0 or high > most:
        raise OutputError(f"labels from {low} to {high}; they must lie in 0 to {most}")
    return array.astype(np.uint8 if high < 256 else np.uint16 if high < 65536 else np.uint32)
