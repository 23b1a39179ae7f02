"""`vector`: a number for each item, in one row. Plain form: floats; an array for `.npy`."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .asked import Asked, OutputError
from .kind import Kind
from .tables import cell_of


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
        import numpy as np

        with path.open("wb") as stream:
            np.save(stream, plain, allow_pickle=False)
        return
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["value"])
        writer.writerows([repr(number)] for number in plain)


KIND = Kind(_check, _write, ("item",))
