"""Reads a text output: one text for each item, as a JSON array of strings or one ``.txt`` file.

The canonical form is one flat array of bytes: the ends of all texts as little-endian int64, then
the texts themselves in UTF-8, one after the other. Nothing in it can be more than text.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from proctor_runner.decode import guarded_json
from proctor_runner.decode.csv_rows import short
from proctor_runner.decode.errors import InvalidOutputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

PLAIN_SUFFIX = ".txt"
"""A file of this suffix is the one text itself; any other is a JSON array."""

MOST_TEXT_BYTES = 64 * 1024
"""The most UTF-8 that one text may have."""

_MOST_BYTES = 16 * 1024 * 1024
_END = np.dtype("<i8")


def most_bytes(items: int) -> int:
    """Return the most UTF-8 that the texts of so many items may have together."""
    return min(items * MOST_TEXT_BYTES, _MOST_BYTES)


def most_packed_bytes(items: int) -> int:
    """Return the most bytes of the canonical form."""
    return items * _END.itemsize + most_bytes(items)


def read_texts(path: Path, name: str, items: int) -> NDArray[np.uint8]:
    """Return the texts in their canonical form.

    Args:
        name: What the file is called in sentences; its suffix tells the format.

    Raises:
        InvalidOutputError: No UTF-8, no array of as many strings as items, or too long a text.
    """
    # A string in JSON has two quotes and a comma, and may escape what it need not.
    most = most_bytes(items) + items * 8 + 1024
    if (size := path.stat().st_size) > most:
        raise InvalidOutputError(f"{name} has {size} bytes; {items} texts have at most {most}.")
    content = path.read_bytes()
    plain = name.endswith(PLAIN_SUFFIX)
    texts = [_plain(content, name)] if plain else _strings(content, name, most)
    if len(texts) != items:
        raise InvalidOutputError(f"{name} has {len(texts)} texts; expected {items}, one an item.")
    return pack_texts([_encoded(one, name, number + 1) for number, one in enumerate(texts)])


def pack_texts(texts: Sequence[bytes]) -> NDArray[np.uint8]:
    """Return texts in UTF-8 as one array."""
    ends = np.cumsum([len(text) for text in texts], dtype=_END)
    return np.frombuffer(ends.tobytes() + b"".join(texts), dtype=np.uint8)


def unpack_texts(packed: NDArray[np.uint8], items: int) -> tuple[str, ...]:
    """Return the texts of an array that ``pack_texts`` made.

    Raises:
        ValueError: It made no such array of so many texts.
    """
    content = packed.tobytes()
    start = items * _END.itemsize
    if len(content) < start:
        raise ValueError(f"{len(content)} bytes hold no {items} texts")
    ends = np.concatenate(([0], np.frombuffer(content[:start], dtype=_END))) + start
    if (np.diff(ends) < 0).any() or ends[-1] != len(content):
        raise ValueError(f"{len(content)} bytes are not cut into {items} texts")
    return tuple(content[first:last].decode() for first, last in itertools.pairwise(ends))


def _plain(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidOutputError(f"{name} is not UTF-8 text (byte {error.start}).") from None


def _strings(content: bytes, name: str, most: int) -> list[str]:
    try:
        found = guarded_json.loads(content, most)
    except ValueError as error:
        said = short(" ".join(str(error).split()))
        raise InvalidOutputError(f"{name} is no JSON: {said}.") from None
    if not isinstance(found, list):
        raise InvalidOutputError(
            f"{name} holds a JSON {_kind(found)}; expected an array of strings, one an item."
        )
    for number, one in enumerate(found):
        if not isinstance(one, str):
            raise InvalidOutputError(
                f"{name} item {number + 1} is a JSON {_kind(one)}; expected a string."
            )
    return found


def _kind(value: object) -> str:
    kinds = {dict: "object", list: "array", str: "string", bool: "true or false", int: "number"}
    return kinds.get(type(value), "number" if isinstance(value, float) else "null")


def _encoded(text: str, name: str, number: int) -> bytes:
    try:
        found = text.encode()
    except UnicodeEncodeError as error:
        raise InvalidOutputError(
            f"{name} item {number} holds half a surrogate pair (character {error.start});"
            " expected Unicode text."
        ) from None
    if len(found) > MOST_TEXT_BYTES:
        raise InvalidOutputError(
            f"{name} item {number} has {len(found)} bytes of UTF-8; expected at most"
            f" {MOST_TEXT_BYTES}."
        )
    return found
