"""The files in which numbers are written: `.npy`, and rows of CSV below a header."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any


def write_array(plain: Any, path: Path) -> None:
    """Write an array as `.npy`."""
    import numpy as np

    with path.open("wb") as stream:
        np.save(stream, plain, allow_pickle=False)


def write_csv(header: Sequence[str], rows: Iterable[Sequence[object]], path: Path) -> None:
    """Write rows of numbers below their header, each number as it is read again."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([repr(cell) for cell in row] for row in rows)
