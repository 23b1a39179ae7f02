"""Turns the inputs and outputs of a ModelHub config into those of a card."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from proctor.spec.card.io import OutputKind
from proctor.spec.card.media import kind_of, media_type
from proctor.spec.card.notes import Notes, listed, whole

_ABOUT = ("format", "description", "dim_limits")
_MOST_DESCRIPTION = 5000
_SHORTEST = {"min": 0, "max": 1}


def upgraded_io(io: Mapping[str, Any], notes: Notes) -> dict[str, Any]:
    """Return the section ``io`` of a card; both ways to write a single input are understood."""
    given = io.get("input")
    given = given if isinstance(given, dict) else {}
    named = {k: v for k, v in given.items() if k not in _ABOUT and isinstance(v, dict)}
    for key in given:
        if key not in _ABOUT and key not in named:
            notes.lost(f"model.io.input.{key}", "it is no object")
    if named:
        if "dim_limits" in given:
            notes.lost("model.io.input.dim_limits", "every input has limits of its own")
        paths = {key: f"model.io.input.{key}" for key in named}
    elif given:
        notes.changed("model.io.input", "legacy form: the one input is now io.inputs.single")
        named, paths = {"single": given}, {"single": "model.io.input"}
    inputs: dict[str, Any] = {}
    for key, value in named.items():
        shared = given.get("description")
        inputs[_name(key, paths[key], inputs, notes)] = _input(value, paths[key], shared, notes)
    outputs: dict[str, Any] = {}
    for index, one in enumerate(listed(io.get("output"))):
        path = f"model.io.output[{index}]"
        if isinstance(one, dict):
            name = str(one.get("name") or f"output{index + 1}")
            outputs[_name(name, path, outputs, notes)] = _output(one, path, notes)
        else:
            notes.lost(path, "it is no object")
    notes.changed("model.io", "is now io, with inputs and outputs by name")
    return {"inputs": inputs, "outputs": outputs}


def _input(given: Mapping[str, Any], path: str, shared: object, notes: Notes) -> dict[str, Any]:
    formats = []
    for said in map(str, listed(given.get("format"))):
        found = media_type(said)
        if found is None:
            notes.lost(f"{path}.format", f"{said!r} is no media type")
            continue
        if found != said:
            notes.changed(f"{path}.format", f"{said!r} is now {found!r}")
        formats.append(found)
    kind = kind_of(formats[0]).value if formats else "array"
    notes.changed(f"{path}.type", f"{kind}, from its formats; form both, as ModelHub reads it")
    limits = [
        _limit(limit, f"{path}.dim_limits[{index}]", notes)
        for index, limit in enumerate(listed(given.get("dim_limits")))
    ]
    return {
        "type": kind,
        "formats": list(dict.fromkeys(formats)),
        "form": "both",
        **({"dim_limits": limits} if limits else {}),
        **_description(given.get("description") or shared),
    }


def _limit(given: object, path: str, notes: Notes) -> dict[str, int]:
    ends = {}
    for end in _SHORTEST:
        value = given.get(end) if isinstance(given, dict) else None
        if (number := whole(value)) is not None and number >= _SHORTEST[end]:
            ends[end] = number
        elif value is not None:
            notes.lost(f"{path}.{end}", f"{value!r} is no length")
    if not ends:
        notes.lost(path, "it is no range; nothing limits this axis")
    if ends.get("max", 0) < ends.get("min", 0) and "max" in ends:
        notes.changed(path, "its ends were the wrong way round")
        return {"min": ends["max"], "max": ends["min"]}
    return ends


def _output(given: Mapping[str, Any], path: str, notes: Notes) -> dict[str, Any]:
    known = notes.known(given, ("name", "type", "description"), path)
    said = str(known.get("type", ""))
    kind = re.sub(r"^contour_[23]d$", "contour", said)
    if kind not in set(OutputKind):
        kind = OutputKind.CUSTOM.value
    if kind != said:
        notes.changed(f"{path}.type", f"{said!r} is now {kind!r}")
    return {"type": kind, **_description(known.get("description"))}


def _description(given: object) -> dict[str, str]:
    return {"description": str(given)[:_MOST_DESCRIPTION]} if given else {}


def _name(said: str, path: str, taken: Collection[str], notes: Notes) -> str:
    """Return a name that a card allows and that is not taken."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", said).strip("_-")
    plain = (plain if plain[:1].isalpha() else f"x_{plain}")[:60]
    name, number = plain, 2
    while name in taken:
        name, number = f"{plain}_{number}", number + 1
    if name != said:
        notes.changed(path, f"its name {said!r} is now {name!r}")
    return name
