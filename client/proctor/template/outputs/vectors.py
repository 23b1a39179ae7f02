"""`vector`: a number for each item, in one row. Plain form: floats; an array for `.npy`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .asked import Asked, OutputError
from .kind import Kind
from .tables import cell_of
from .writing import write_array, write_csv


def _check(value: object, asked: Asked) -> object:
    numbers = value.tolist() if hasattr(value, "tolist") else value
    if not isinstance(numbers, Sequence) or isinstance(numbers, (str, bytes)):
        raise OutputError(f"a vector of numbers was expected, not {type(value).__name__}")
    if numbers and isinstance(numbers[0], Sequence):
        shape = getattr(value, "shape", None) or f"({len(numbers)}, {len(numbers[0])}, ...)"
        raise OutputError(f"a vector has one axis; this has the shape {shape}")
    if asked.items and len(numbers) != len(asked.items):
        raise OutputError(f"{len(numbers)} numbers for {len(asked.items)} items")
    plain = [cell_of(number, index, asked) for index, number in enumerate(numbers)]
    if not asked.suffix.endswith(".npy"):
        return plain
    import numpy as np

    single = getattr(value, "dtype", None) == np.float32
    return np.asarray(plain, dtype=np.float32 if single else np.float64)


def _write(plain: Any, asked: Asked, path: Path) -> None:
    if asked.suffix.endswith(".npy"):
        write_array(plain, path)
    else:
        write_csv(["value"], ([number] for number in plain), path)


KIND = Kind(_check, _write, ("item",))
