"""Reads a ``model.json`` that anybody may have written, and says of each problem where it is.

A card is at most 1 MiB and nested at most 200 deep; numbers are finite, and no field is there
twice: of two that are, programs take different ones. What is wrong is told as a
path in the document, what was expected there, and what was found.
"""

from __future__ import annotations

import codecs
import difflib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, from_json

from proctor.spec.base import field_path
from proctor.spec.model import ModelCard

MOST_BYTES = 1 << 20
_MOST_FOUND = 60
_MOST_PROBLEMS = 50


class CardProblem(NamedTuple):
    """What is wrong at one place of a card; the path is empty when it is the whole file."""

    path: str
    message: str

    def __str__(self) -> str:
        """Return it on one line."""
        return f"{self.path}: {self.message}" if self.path else self.message


class CardError(ValueError):
    """A card is no card."""

    def __init__(self, problems: Sequence[CardProblem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = tuple(problems)


def read_json(data: bytes) -> object:
    """Return what a strange JSON file holds.

    Raises:
        CardError: It is too large, is no JSON, is nested too deep, or holds NaN.
    """
    if len(data) > MOST_BYTES:
        raise CardError([CardProblem("", f"it has more than {MOST_BYTES} bytes")])
    if data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise CardError([CardProblem("", "it begins with a byte order mark; save it as UTF-8")])
    try:
        return from_json(data, allow_inf_nan=False)
    except ValueError as error:
        raise CardError([CardProblem("", f"it is not JSON: {error}")]) from error


def read_card(data: bytes) -> ModelCard:
    """Return the card in ``data``.

    Raises:
        CardError: It is no JSON, or a field is wrong; every problem is told.
    """
    document = read_json(data)
    json.loads(data, object_pairs_hook=_once)
    if not isinstance(document, dict):
        raise CardError([CardProblem("", f"expected an object, found {_found(document)}")])
    try:
        return ModelCard.model_validate(document)
    except ValidationError as error:
        raise CardError(problems_of(error)) from error


def read_card_file(path: Path) -> ModelCard:
    """Return the card in the file at ``path``.

    Raises:
        CardError: It is no card.
        OSError: It cannot be read.
    """
    # Opening a pipe would wait for somebody to write to it.
    if path.exists() and not path.is_file():
        raise CardError([CardProblem("", "it is not a regular file")])
    with path.open("rb") as stream:
        return read_card(stream.read(MOST_BYTES + 1))


def _once(pairs: list[tuple[str, object]]) -> None:
    """Refuse an object that has a field twice."""
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise CardError([CardProblem("", f"the field {_found(name)} is there twice")])
        seen.add(name)


def problems_of(error: ValidationError, model: type[BaseModel] = ModelCard) -> list[CardProblem]:
    """Return what is wrong, each with its place, what was expected and what was found."""
    told = [
        CardProblem(_place(entry["loc"]), _message(entry, model))
        for entry in error.errors(include_url=False)[: _MOST_PROBLEMS + 1]
    ]
    if len(told) > _MOST_PROBLEMS:
        told[-1] = CardProblem("", f"there are more than {_MOST_PROBLEMS} problems")
    return told


def _place(location: tuple[int | str, ...]) -> str:
    return field_path(location[:-2] if location[-1:] == ("[key]",) else location)


def _message(entry: ErrorDetails, model: type[BaseModel]) -> str:
    location, kind = entry["loc"], entry["type"]
    if kind == "extra_forbidden":
        return f"there is no such field{_guess(str(location[-1]), location[:-1], model)}"
    if kind == "missing":
        return "it is required"
    if location[-1:] == ("[key]",):
        if location[0] == "claimed_scores":
            what = "is no score's name; give a metric's id, task/metric or task/metric/label"
        else:
            what = entry["msg"].replace("String should match pattern", "is no name that matches")
        return f"{_found(entry['input'], quote=repr)} {what}"
    if kind == "value_error":
        return entry["msg"].removeprefix("Value error, ")
    said = entry["msg"].replace("Input should be", "expected").replace("should match", "must match")
    return f"{said[:1].lower()}{said[1:]}, found {_found(entry['input'])}"


def _guess(name: str, place: Sequence[int | str], model: type[BaseModel]) -> str:
    known = _fields_at(model, place)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""


def _fields_at(model: type[BaseModel], place: Sequence[int | str]) -> list[str]:
    """Return the fields of the model that stands at a place of a card."""
    for part in place:
        if part not in model.model_fields:
            continue
        inner = next(_models(model.model_fields[str(part)].annotation), None)
        if inner is None:
            return []
        model = inner
    return list(model.model_fields)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


def _found(value: object, quote: Callable[[object], str] = json.dumps) -> str:
    match value:
        case dict():
            return "an object"
        case list() | tuple():
            return "a list"
        case None:
            return "null"
    text = quote(value)
    return text if len(text) <= _MOST_FOUND else f"{text[:_MOST_FOUND]}…"
