"""Reads a custom output: any JSON document, brought into one spelling.

It becomes its own bytes in an array: keys sorted, no white space, ASCII. Two files that say the
same have the same bytes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from proctor_runner.decode.csv_rows import short
from proctor_runner.decode.errors import InvalidOutputError
from proctor_runner.decode.guarded_json import loads

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_DOCUMENT_BYTES = 4 * 1024 * 1024
"""The longest file, and the longest spelling of what it says."""

MOST_DOCUMENT_DEPTH = 100
"""How many lists and objects may lie in one another: who scores must be able to read it too."""


def read_document(path: Path, name: str) -> NDArray[np.uint8]:
    """Return what a file says as bytes of JSON, uint8 of shape (bytes,).

    Raises:
        InvalidOutputError: It is no JSON, too long or too deep, or holds a number without an end or
            half a character.
    """
    try:
        document = loads(path.read_bytes(), MOST_DOCUMENT_BYTES)
        _check_depth(document)
        # Half a surrogate pair has no bytes: whoever writes it down fails.
        json.dumps(document, ensure_ascii=False).encode()
        said = json.dumps(document, allow_nan=False, separators=(",", ":"), sort_keys=True)
    except ValueError as error:
        raise InvalidOutputError(f"{name} is no JSON: {short(str(error))}.") from None
    if len(said) > MOST_DOCUMENT_BYTES:
        raise InvalidOutputError(
            f"{name} takes {len(said)} bytes in ASCII; expected at most {MOST_DOCUMENT_BYTES}."
        )
    return np.frombuffer(said.encode("ascii"), dtype=np.uint8)


def _check_depth(document: object) -> None:
    level = [document]
    for _ in range(MOST_DOCUMENT_DEPTH + 1):
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return
    raise ValueError(f"it is nested more than {MOST_DOCUMENT_DEPTH} deep")


def document_of(array: NDArray[np.uint8]) -> object:
    """Return what the canonical array of a custom output says."""
    return json.loads(array.tobytes())
