"""Opens a ``.npy`` array of numbers without believing its header."""

from __future__ import annotations

import math
from collections.abc import Collection
from pathlib import Path
from tokenize import TokenError
from typing import TYPE_CHECKING, Any

import numpy as np

from proctor_runner.decode.csv_rows import short
from proctor_runner.decode.errors import InvalidOutputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


ARRAY_SUFFIX = ".npy"
"""What is in a file of this suffix is an array."""

ARRAY_TYPES = (np.dtype(np.float64), np.dtype(np.float32))
"""The types that an array of numbers may have."""

LABEL_TYPES = (
    np.dtype(np.bool_),
    *(np.dtype(f"{kind}{size}") for size in (1, 2, 4, 8) for kind in "ui"),
    *ARRAY_TYPES,
)
"""The types that an array of labels may have."""

_MOST_HEADER_BYTES = 64 * 1024


def open_array(
    path: Path,
    name: str,
    expected: tuple[int, ...],
    types: Collection[np.dtype[Any]] = ARRAY_TYPES,
) -> NDArray[Any]:
    """Return the array of a file, still on disk and in its own byte order.

    Args:
        name: What the file is called in sentences.
        types: Those that its numbers may have.

    Raises:
        InvalidOutputError: No array, another shape or type, or more than the array in the file.
    """
    most_bytes = _MOST_HEADER_BYTES + math.prod(expected) * ARRAY_TYPES[0].itemsize
    if path.stat().st_size > most_bytes:
        raise InvalidOutputError(
            f"{name} has {path.stat().st_size} bytes; an array of shape {expected} has at most"
            f" {most_bytes}."
        )
    try:
        # Mapped, so that a header which promises more than there is costs no memory.
        array = np.lib.format.open_memmap(path, mode="r")
    except (
        OSError,
        ValueError,
        EOFError,
        SyntaxError,
        TypeError,
        OverflowError,
        TokenError,
    ) as error:
        raise InvalidOutputError(
            f"{name} is no readable .npy array: {short(' '.join(str(error).split()))}."
        ) from None
    if array.shape != expected:
        raise InvalidOutputError(f"{name} has shape {array.shape}; expected {expected}.")
    if path.stat().st_size > array.offset + array.nbytes:
        raise InvalidOutputError(f"{name} goes on after its array; expected nothing more.")
    if array.dtype.newbyteorder("=") not in types:
        whole = "whole numbers, " if types is LABEL_TYPES else ""
        raise InvalidOutputError(
            f"{name} holds values of type {array.dtype}; expected {whole}float32 or float64."
        )
    return array
