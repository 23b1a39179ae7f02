"""What became of the fields of a foreign document on their way into a card."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

_LINE = 300


class ChangeKind(StrEnum):
    """What became of something."""

    CHANGED = "changed"
    LOST = "lost"


class Change(NamedTuple):
    """One thing that is not in the card as it was, by its path in the document it came from."""

    kind: ChangeKind
    path: str
    text: str


@dataclass
class Notes:
    """Takes down what changes while fields are taken from a document."""

    changes: list[Change] = field(default_factory=list)

    def changed(self, path: str, text: str) -> None:
        """Note that something is in the card in another way."""
        self.changes.append(Change(ChangeKind.CHANGED, path, text))

    def lost(self, path: str, text: str) -> None:
        """Note that something is not in the card, or is missing for it."""
        self.changes.append(Change(ChangeKind.LOST, path, text))

    def known(self, given: Mapping[str, Any], names: Collection[str], path: str) -> dict[str, Any]:
        """Return the fields of ``given`` that are known by name.

        A misspelled name is taken for the one it resembles, unless that is there too.
        """
        made = {name: value for name, value in given.items() if name in names}
        for name in given:
            if name in names:
                continue
            place = f"{path}.{name}".lstrip(".")
            free = [one for one in names if one not in made]
            if close := difflib.get_close_matches(name, free, n=1, cutoff=0.8):
                made[close[0]] = given[name]
                self.changed(place, f"is taken for {close[0]}")
            else:
                self.lost(place, "the schema has no such field")
        return made

    def texts(
        self, given: Mapping[str, Any], letters: Mapping[str, int], path: str
    ) -> dict[str, str]:
        """Return fields as text, each at most as long as ``letters`` says; empty ones are left."""
        made = {}
        for name, most in letters.items():
            value = given.get(name)
            if value is None or value == "":
                continue
            if not isinstance(value, str):
                self.changed(f"{path}.{name}", f"{value!r} is now text"[:_LINE])
            if len(str(value)) > most:
                self.lost(f"{path}.{name}", f"all after {most} letters")
            made[name] = str(value)[:most]
        return made


def listed(value: object) -> list[Any]:
    """Return a list as it is, and anything else that is there as the only entry of one."""
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def whole(value: object) -> int | None:
    """Return a whole number, whether it is written as one, as 3.0 or as text; else None.

    >>> whole(3.0), whole("2018"), whole(True), whole("?")
    (3, 2018, None, None)
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return int(value)
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 20:
        return int(value)
    return None
