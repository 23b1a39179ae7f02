"""Finds in the answers of a server the value that an output has for each item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from proctor_runner.decode import guarded_json
from proctor_runner.decode.csv_rows import short
from proctor_runner.decode.errors import InvalidOutputError

MOST_JSON_BYTES = 256 << 20

_AS_GOOD = {
    "table": ("label_list", "vector"),
    "vector": ("label_list",),
    "instances": ("mask_image", "image"),
    "mask_image": ("image",),
    "image": ("heatmap", "mask_image"),
    "heatmap": ("image",),
}
"""Which types of ModelHub an output may be made of where it has none of the type itself."""

Rule = Mapping[str, Any]
"""What the host says of an output: the contract's own words, and where its files lie."""


def read_json(path: Path, name: str) -> object:
    """Return what a JSON file says.

    Raises:
        InvalidOutputError: It is none.
    """
    try:
        return guarded_json.loads(path.read_bytes(), MOST_JSON_BYTES)
    except ValueError as error:
        raise InvalidOutputError(f"{name} is not JSON: {short(str(error))}.") from None


def max_values(document: object, rule: Rule, items: int) -> list[object]:
    """Return the value of each item in the answers of a MAX server: one an item, or one for all.

    Raises:
        InvalidOutputError: An answer is not of its form, or there are too few.
    """
    answers = _answers(document)
    parts = [_prediction(answer, rule["at"]) for answer in answers]
    if len(parts) == 1 and items > 1:
        parts = list(_list(parts[0], "The answer"))
    if len(parts) != items:
        raise InvalidOutputError(f"The answer is of {len(parts)} items; the case has {items}.")
    return [_unwrapped(part) for part in parts]


def modelhub_values(
    document: object, rule: Rule, items: int, kind: str, source: Path
) -> list[object]:
    """Return the value of each item in the answers of a ModelHub model.

    Raises:
        InvalidOutputError: There is no output of that name, or it cannot be told which is meant.
    """
    values = []
    for answer in _answers(document):
        output = _modelhub_output(_list(_field(answer, "output"), "output"), rule, kind)
        value = _field(output, "prediction")
        if isinstance(value, dict) and set(value) == {"array"}:
            value = _array(str(value["array"]), rule, source)
        values.append(value)
    if len(values) == 1 and items > 1:
        found = values[0]
        values = list(found if isinstance(found, np.ndarray) else _list(found, "The answer"))
    if len(values) != items:
        raise InvalidOutputError(f"The answer is of {len(values)} items; the case has {items}.")
    return values


def socket_values(document: object, rule: Rule, items: int) -> list[object]:
    """Return the value of each item in the JSON of a socket.

    Raises:
        InvalidOutputError: It has no such key, or is of another number of items.
    """
    value = document
    for key in filter(None, rule["at"].split(".")):
        value = _field(value, key)
    if items == 1:
        return [value]
    values = list(_list(value, rule["left"]))
    if len(values) != items:
        raise InvalidOutputError(f"{rule['left']} is of {len(values)} items; the case has {items}.")
    return values


def _answers(document: object) -> Sequence[object]:
    return _list(_field(document, "answers"), "answer.json")


def _prediction(answer: object, at: str) -> object:
    if isinstance(answer, dict) and answer.get("status", "ok") != "ok":
        raise InvalidOutputError(f"The answer has the status {short(str(answer['status']))!r}.")
    if at and isinstance(answer, dict) and at in answer:
        return answer[at]
    return _field(answer, "predictions")


def _unwrapped(value: object) -> object:
    """Take off lists around a list: some MAX models answer [[{...}]] where others say [{...}]."""
    while isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        value = value[0]
    return value


def _modelhub_output(outputs: Sequence[object], rule: Rule, kind: str) -> object:
    named = {str(_field(one, "name")): one for one in outputs}
    wanted = rule["at"] or rule["name"]
    if wanted in named:
        return named[wanted]
    if rule["at"]:
        raise InvalidOutputError(
            f"The answer has no output {rule['at']!r}; it has {short(', '.join(named))}."
        )
    if len(outputs) == 1:
        return outputs[0]
    for type_ in (kind, *_AS_GOOD.get(kind, ())):
        alike = [one for one in outputs if _field(one, "type") == type_]
        if len(alike) == 1:
            return alike[0]
    raise InvalidOutputError(
        f"The answer has the outputs {short(', '.join(named))}; say under outputs.{rule['name']}.at"
        " which is meant."
    )


def _array(name: str, rule: Rule, source: Path) -> object:
    if name not in rule["more"]:
        raise InvalidOutputError(f"The answer speaks of {short(name)!r}, which is not there.")
    try:
        return np.load(source / rule["more"][name], allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InvalidOutputError(f"{name} of the answer is no readable array: {error}.") from None


def _field(value: object, key: str) -> object:
    if not isinstance(value, dict) or key not in value:
        has = ", ".join(map(str, value)) if isinstance(value, dict) else type(value).__name__
        raise InvalidOutputError(f"The answer has no {key!r}; it has {short(has) or 'nothing'}.")
    return value[key]


def _list(value: object, what: str) -> Sequence[object]:
    if not isinstance(value, list):
        raise InvalidOutputError(f"{what} holds a {type(value).__name__}; expected a list.")
    return value
