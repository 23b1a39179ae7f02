"""JSON from strangers: no duplicate keys, no NaN, no numbers of a million digits, no deep nests."""

from __future__ import annotations

import json

_MOST_DIGITS = 30


def loads(content: bytes, most_bytes: int) -> object:
    """Return what ``content`` says.

    Raises:
        ValueError: it is too long, is not UTF-8 JSON, or holds one of the above.
    """
    if len(content) > most_bytes:
        raise ValueError(f"it has more than {most_bytes} bytes")
    try:
        return json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_without_duplicates,
            parse_constant=_refuse,
            parse_int=_integer,
        )
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a key is given twice")
    return document


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not a JSON number")


def _integer(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"a number has {len(text)} digits")
    return int(text)
