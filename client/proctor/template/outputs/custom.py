"""`custom`: whatever a model and its readers agreed on. Plain form: an array, JSON, or text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .asked import Asked, OutputError
from .kind import Kind
from .writing import write_array


def plain_json(value: object) -> object:
    """Return a value as JSON has it, numpy's numbers and arrays as Python's.

    Raises:
        OutputError: It has no such form, or holds a number that is not finite.
    """
    return json.loads(_json(value))


def write_json(value: object, path: Path) -> None:
    """Write a value as one line of JSON.

    Raises:
        OutputError: As `plain_json`.
    """
    path.write_text(_json(value) + "\n", encoding="utf-8")


def _json(value: object) -> str:
    try:
        return json.dumps(value, allow_nan=False, default=_plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise OutputError(str(error)) from error


def _plain(item: Any) -> object:
    if hasattr(item, "tolist"):
        return item.tolist()
    raise TypeError(f"{type(item).__name__} has no form in JSON")


def _check(value: object, asked: Asked) -> object:
    if asked.suffix.endswith(".npy"):
        import numpy as np

        array = np.asarray(value)
        if array.dtype.hasobject:
            raise OutputError("an array of numbers was expected, not of Python objects")
        return array
    if asked.suffix.endswith(".json"):
        return plain_json(value)
    if isinstance(value, str):
        return value
    raise OutputError(
        f"the engine cannot write {type(value).__name__} as {asked.output.file}; return bytes, or "
        "the pathlib.Path of a file that you wrote"
    )


def _write(plain: Any, asked: Asked, path: Path) -> None:
    if asked.suffix.endswith(".npy"):
        write_array(plain, path)
    elif asked.suffix.endswith(".json"):
        write_json(plain, path)
    else:
        path.write_text(plain, encoding="utf-8")


KIND = Kind(_check, _write)
