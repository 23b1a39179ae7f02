"""Reads classes out of an answer: probabilities by name, the likeliest, numbers in order, texts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from proctor_runner.decode.csv_rows import short
from proctor_runner.decode.errors import InvalidOutputError
from proctor_runner.decode.foreign.answers import Rule

_NAMES, _NUMBERS = ("label", "label_id"), ("probability", "score", "confidence")
_NO_TEXTS = ("label_id", "index", "id")


def row_of(value: object, columns: Sequence[str], rule: Rule) -> list[float]:
    """Return the numbers of one item in the order of ``columns``.

    Numbers without names are in that order already. Of a list of labels, such as the five
    likeliest, a class that is not in it has probability 0; an object must have them all.

    Raises:
        InvalidOutputError: It is none of these, or a name is unknown.
    """
    if isinstance(value, np.ndarray):
        value = value.ravel().tolist()
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict | list):
        only = value[0]
        if isinstance(only, list) or not _is_label(only):
            value = only
    if isinstance(value, dict):
        named = _by_class(_numbers(value), columns, rule)
        missing = [column for column in columns if column not in named]
        if missing:
            raise InvalidOutputError(
                f"The answer has no {missing[0]!r}; it has {short(', '.join(value))}. Say under"
                " labels what it calls the task's classes."
            )
        return [named[column] for column in columns]
    if isinstance(value, list) and value and all(map(_is_label, value)):
        named = _by_class(dict(map(_label, value)), columns, rule)
        return [named.get(column, 0.0) for column in columns]
    numbers = value if isinstance(value, list) else [value]
    if len(numbers) != len(columns):
        raise InvalidOutputError(
            f"The answer has {len(numbers)} numbers for {len(columns)} columns."
        )
    return [_number(one) for one in numbers]


def class_of(value: object, known: Collection[str], rule: Rule) -> str:
    """Return the class of one item: its name or number, or the likeliest, the first of equals.

    Raises:
        InvalidOutputError: It names none.
    """
    if isinstance(value, list) and len(value) == 1 and not _is_label(value[0]):
        value = value[0]
    if isinstance(value, dict) and not _is_label(value):
        named = _numbers(value)
    elif isinstance(value, list) and value and all(map(_is_label, value)):
        named = dict(map(_label, value))
    elif isinstance(value, str | int) and not isinstance(value, bool):
        return class_name(str(value), known, rule) or str(value)
    else:
        raise InvalidOutputError(f"The answer names no class: {short(str(value))!r}.")
    for name in sorted(named, key=lambda one: -named[one]):
        found = class_name(name, known, rule)
        if found is not None:
            return found
    raise InvalidOutputError("The answer names no class that the task knows.")


def text_of(value: object, rule: Rule) -> str:
    """Return the text of one item: a string, or that of the first entry.

    Raises:
        InvalidOutputError: There is none, or it is not clear which.
    """
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict):
        texts = {
            key: text
            for key, text in value.items()
            if isinstance(text, str) and key not in _NO_TEXTS
        }
        if rule["at"] in texts:
            return texts[rule["at"]]
        if len(texts) != 1:
            raise InvalidOutputError(
                f"The answer has the texts {short(', '.join(texts)) or 'none'}; say under at which."
            )
        (value,) = texts.values()
    if not isinstance(value, str):
        raise InvalidOutputError(f"The answer is no text: {short(str(value))!r}.")
    return value


def class_name(name: str, known: Collection[str], rule: Rule) -> str | None:
    """Return what the task calls a class of the answer; None where it is left out.

    Raises:
        InvalidOutputError: The task has no such class.
    """
    called: Mapping[str, str] = rule["labels"]
    found = called.get(name, name)
    if found in known:
        return found
    if rule["others"] == "ignore":
        return None
    raise InvalidOutputError(
        f"The answer names the class {short(name)!r}; the task knows"
        f" {short(', '.join(known))}. Say under labels what it is, or others: ignore."
    )


def _by_class(named: Mapping[str, float], columns: Sequence[str], rule: Rule) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, number in named.items():
        column = class_name(name, columns, rule)
        if column is not None:
            # Several of its classes may be one of the task's.
            found[column] = found.get(column, 0.0) + number
    return found


def _is_label(entry: object) -> bool:
    return isinstance(entry, dict) and any(name in entry for name in _NAMES)


def _label(entry: Mapping[str, object]) -> tuple[str, float]:
    name = next(str(entry[key]) for key in _NAMES if key in entry)
    for key in _NUMBERS:
        if key in entry:
            return name, _number(entry[key])
    raise InvalidOutputError(f"The answer gives {short(name)!r} no probability.")


def _numbers(value: Mapping[str, object]) -> dict[str, float]:
    return {
        name: _number(one)
        for name, one in value.items()
        if isinstance(one, int | float) and not isinstance(one, bool)
    }


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidOutputError(f"The answer holds {short(str(value))!r}; expected a number.")
    return float(value)
