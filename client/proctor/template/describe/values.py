"""Values as JSON has them: bounded, finite, and sound text, whatever a model holds."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Mapping
from typing import Dict, Union  # noqa: UP035

# Built when this is imported, in Pythons of before 3.9 and 3.10 too.
Scalar = Union[bool, int, float, str, None]  # noqa: UP007
Entry = Dict[str, object]  # noqa: UP006
"""A JSON object of the document."""

MOST_LETTERS = 1000
MOST_WORD = 200
_MOST_INTEGER = 2**63
_UNKNOWN = object()


def word(value: object, most: int = MOST_WORD) -> str:
    """Return text that any reader of JSON takes, at most ``most`` letters long."""
    text = value if isinstance(value, str) else str(value)
    sound = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return sound if len(sound) <= most else sound[: most - 1] + "\u2026"


def scalar(value: object) -> Scalar:
    """Return a setting as JSON has it; what is no number, truth or text as Python prints it."""
    if value is None or isinstance(value, (bool, str)):
        return word(value, MOST_LETTERS) if isinstance(value, str) else value
    if isinstance(value, (int, float)):
        return _number(value)
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "shape", None) == ():
        inner = item()
        if isinstance(inner, (bool, int, float, str)):
            return scalar(inner)
    if inspect.isclass(value) or inspect.isroutine(value):
        return word(getattr(value, "__name__", value), MOST_LETTERS)
    return word(repr(value), MOST_LETTERS)


def count(value: object) -> int | None:
    """Return a number of things; None when it is none."""
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "shape", None) == ():
        value = item()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    whole = int(value) if math.isfinite(value) else -1
    return whole if 0 <= whole < _MOST_INTEGER else None


def shape(lengths: Iterable[object]) -> list[int | None]:
    """Return a shape, None where a length varies."""
    return [count(length) for length in list(lengths)[:16]]


def settings(
    values: Mapping[str, object], defaults: Mapping[str, object] | None = None, most: int = 300
) -> list[Entry]:
    """Return settings in their order, each beside what its class has by default."""
    made: list[Entry] = []
    for name, value in list(values.items())[:most]:
        entry: Entry = {"name": word(name), "value": scalar(value)}
        default = (defaults or {}).get(name, _UNKNOWN)
        if default is not _UNKNOWN:
            entry["default"] = scalar(default)
            entry["is_default"] = entry["default"] == entry["value"]
        made.append(entry)
    return made


def defaults_of(kind: type) -> dict[str, object]:
    """Return the settings that a class has when none are given."""
    try:
        parameters = inspect.signature(kind).parameters.values()
    except (TypeError, ValueError):
        return {}
    return {one.name: one.default for one in parameters if one.default is not one.empty}


def _number(value: float) -> Scalar:
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return value if -_MOST_INTEGER <= value < _MOST_INTEGER else word(value, MOST_LETTERS)
