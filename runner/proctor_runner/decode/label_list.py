"""Reads a label list: a CSV file with the one column ``label``, a class for each item."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from proctor_runner.decode.csv_rows import read_rows, short
from proctor_runner.decode.errors import InvalidOutputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

COLUMN = "label"

_MOST_BYTES_PER_CELL = 512


def read_label_list(
    path: Path, name: str, labels: Mapping[str, int], items: int
) -> NDArray[np.int64]:
    """Return the number of each item's class.

    Args:
        name: What the file is called in sentences.
        labels: The number of a class by how it may be written.

    Raises:
        InvalidOutputError: Another header or number of rows, or a cell that names no class.
    """
    rows = read_rows(path, name, (COLUMN,), items, _MOST_BYTES_PER_CELL)
    found = np.empty(items, dtype=np.int64)
    for number, (cell,) in enumerate(rows):
        if (value := labels.get(cell.strip())) is None:
            raise InvalidOutputError(
                f"{name} row {number + 1} holds {short(cell.strip())!r}; expected the number or"
                f" the name of one of the {len(set(labels.values()))} labels."
            )
        found[number] = value
    return found
