"""What a model says of its inputs and outputs: the section `io` of its `model.json`.

    "io": {"inputs": {"photo": {"type": "image", "formats": ["image/png"], "form": "array",
                                "dim_limits": [{"max": 3}, {"min": 32, "max": 512}, {"min": 32}]}},
           "outputs": {"found": {"type": "label_list", "labels": ["cat", "dog"]}}}

A model without the section is asked as it always was: files are opened by their suffix and
nothing is checked. The rest of the card is the platform's to check.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .formats import FORMATS, TYPES, formats_named

FORMS = ("native", "array", "both")
OUTPUT_TYPES = (
    "label_list",
    "mask_image",
    "heatmap",
    "image",
    "vector",
    "contour",
    "boxes",
    "instances",
    "table",
    "text",
    "custom",
)

_NATIVE_BY_DEFAULT = ("table", "text", "json")


class CardError(Exception):
    """`model.json` cannot be used; the text begins with the place in it."""


@dataclass(frozen=True)
class Limit:
    """The least and the most that a length may be; None is no limit."""

    min: int | None = None
    max: int | None = None


@dataclass(frozen=True)
class InputRule:
    """What a model takes for one input.

    Attributes:
        type: One of `formats.TYPES`.
        formats: Names of `formats.FORMATS`; empty for all of the type.
        form: `native`, `array`, or `both`: native first, for `Model.preprocess_native`.
        dim_limits: Of an image (channels, rows, columns), of a volume (z, y, x), of a recording
            (channels, frames), of a table (rows, columns), of a text (characters), of an array
            its axes. Fewer limits than lengths are those of the last ones.
    """

    name: str
    type: str
    formats: tuple[str, ...] = ()
    form: str = "array"
    dim_limits: tuple[Limit, ...] = ()
    description: str = ""


@dataclass(frozen=True)
class OutputRule:
    """What a model answers for one output."""

    name: str
    type: str
    labels: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    units: str = ""
    description: str = ""


@dataclass(frozen=True)
class Card:
    """A model's card: the whole document, and its `io` as the engine uses it."""

    document: Mapping[str, object] = field(default_factory=dict)
    inputs: Mapping[str, InputRule] = field(default_factory=dict)
    outputs: Mapping[str, OutputRule] = field(default_factory=dict)


def read_card(folder: Path) -> Card:
    """Read `model.json` of a model folder; a folder without one has an empty card.

    Raises:
        CardError: It is no JSON object, or its `io` holds something else than described above.
    """
    path = folder / "model.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Card()
    except (OSError, ValueError, RecursionError) as error:
        raise CardError(f"{path} cannot be read as JSON: {error}") from error
    try:
        return parse_card(document)
    except CardError as error:
        raise CardError(f"{path}: {error}") from None


def parse_card(document: object) -> Card:
    """Return the card that a JSON document is.

    Raises:
        CardError: It is no object, or its `io` holds something else than described above.
    """
    whole = _object(document, "$")
    io = _object(whole.get("io", {}), "io")
    inputs = _object(io.get("inputs", {}), "io.inputs")
    outputs = _object(io.get("outputs", {}), "io.outputs")
    return Card(
        document=whole,
        inputs={name: _input(name, entry) for name, entry in inputs.items()},
        outputs={name: _output(name, entry) for name, entry in outputs.items()},
    )


def _input(name: str, entry: object) -> InputRule:
    place = f"io.inputs.{name}"
    fields = _object(entry, place)
    kind = _one_of(fields.get("type"), tuple(TYPES), f"{place}.type")
    default = "native" if kind in _NATIVE_BY_DEFAULT else "array"
    return InputRule(
        name=name,
        type=kind,
        formats=_formats(fields.get("formats"), kind, f"{place}.formats"),
        form=_one_of(fields.get("form") or default, FORMS, f"{place}.form"),
        dim_limits=tuple(
            _limit(limit, f"{place}.dim_limits[{index}]")
            for index, limit in enumerate(_list(fields.get("dim_limits"), f"{place}.dim_limits"))
        ),
        description=str(fields.get("description") or ""),
    )


def _formats(value: object, kind: str, place: str) -> tuple[str, ...]:
    """Return the formats that the engine reads; a card may name others beside them."""
    given = _texts(value, place)
    formats = [one for text in given for one in formats_named(text) if one in TYPES[kind]]
    if given and not formats:
        known = ", ".join(FORMATS[one].mime_types[0] for one in TYPES[kind])
        raise CardError(f"{place}: {', '.join(given)} hold no {kind} that is read; use {known}")
    return tuple(dict.fromkeys(formats))


def _output(name: str, entry: object) -> OutputRule:
    place = f"io.outputs.{name}"
    fields = _object(entry, place)
    return OutputRule(
        name=name,
        type=_one_of(fields.get("type"), OUTPUT_TYPES, f"{place}.type"),
        labels=_texts(fields.get("labels"), f"{place}.labels"),
        columns=_texts(fields.get("columns"), f"{place}.columns"),
        units=str(fields.get("units") or ""),
        description=str(fields.get("description") or ""),
    )


def _limit(entry: object, place: str) -> Limit:
    fields = _object(entry, place)
    ends: list[int | None] = []
    for end in ("min", "max"):
        value = fields.get(end)
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
            raise CardError(f"{place}.{end}: a number was expected, not {value!r}")
        ends.append(None if value is None else int(value))
    return Limit(*ends)


def _one_of(value: object, allowed: tuple[str, ...], place: str) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise CardError(f"{place}: {value!r} is none of {', '.join(allowed)}")
    return value


def _object(value: object, place: str) -> Mapping[str, object]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise CardError(f"{place}: an object was expected, not {type(value).__name__}")
    return value


def _list(value: object, place: str) -> list[object]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise CardError(f"{place}: a list was expected, not {type(value).__name__}")
    return value


def _texts(value: object, place: str) -> tuple[str, ...]:
    texts = _list(value, place)
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise CardError(f"{place}[{index}]: a text was expected, not {text!r}")
    return tuple(str(text) for text in texts)
