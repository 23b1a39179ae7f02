"""SPDX license expressions: whether one is sound, and what it says when each license is judged.

The identifiers are those of the SPDX license list, kept in ``spdx.txt``. ``LicenseRef-…`` names a
license that is not on the list, such as one's own.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator
from functools import cache
from importlib.resources import files
from typing import Annotated

from pydantic import AfterValidator, Field

_TOKEN = re.compile(r"\s*([()]|[A-Za-z0-9.+:-]+)")
_OWN = re.compile(r"(?:DocumentRef-[A-Za-z0-9.-]+:)?LicenseRef-[A-Za-z0-9.-]+", re.IGNORECASE)
_OWN_ADDITION = re.compile(r"AdditionRef-[A-Za-z0-9.-]+", re.IGNORECASE)
_MOST_DEPTH = 20

Leaf = Callable[[str, str | None], bool]
"""Judges one license, given with the exception that goes with it, if any."""


def license_problem(expression: str) -> str:
    """Say what is wrong with an SPDX expression; nothing is when it is sound.

    >>> license_problem("MIT OR (Apache-2.0 AND LicenseRef-ours)")
    ''
    >>> license_problem("Apache 2")
    "'Apache' is no SPDX license identifier; did you mean Apache-2.0?"
    """

    def known(name: str, addition: str | None) -> bool:
        listed, exceptions = _listed()
        if name.lower().removesuffix("+") not in listed and not _OWN.fullmatch(name):
            raise ValueError(f"{name!r} is no SPDX license identifier{_guess(name)}")
        if addition is None or addition.lower() in exceptions:
            return True
        if not _OWN_ADDITION.fullmatch(addition):
            raise ValueError(f"{addition!r} is no SPDX exception")
        return True

    try:
        judge(expression, known)
    except ValueError as error:
        return str(error)
    return ""


def judge(expression: str, leaf: Leaf) -> bool:
    """Return what ``expression`` says when ``leaf`` judges each license: OR is any, AND is all.

    >>> judge("MIT OR (GPL-3.0-only AND Zlib)", lambda name, _addition: name == "MIT")
    True

    Raises:
        ValueError: It is no license expression; or ``leaf`` raises it.
    """
    tokens = list(_tokens(expression))
    if not tokens:
        raise ValueError("no license is named")
    answer, rest = _any_of(tokens, leaf, _MOST_DEPTH)
    if rest:
        raise ValueError(f"{rest[0]!r} is not expected after a license; join two by AND or OR")
    return answer


def canonical_id(name: str) -> str | None:
    """Return a license's identifier as SPDX writes it; None when the list has none.

    >>> canonical_id("apache-2.0"), canonical_id("mine")
    ('Apache-2.0', None)
    """
    return _listed()[0].get(name.strip().lower())


def _sound(expression: str) -> str:
    problem = license_problem(expression) if expression else ""
    if problem:
        raise ValueError(f"{problem}; an SPDX expression such as MIT OR Apache-2.0 is expected")
    return expression


License = Annotated[str, Field(max_length=200), AfterValidator(_sound)]
"""An SPDX license expression, or nothing."""


@cache
def _listed() -> tuple[dict[str, str], dict[str, str]]:
    """Return licenses and exceptions of the list, by their name in lower case."""
    text = (files("proctor.spec.card") / "spdx.txt").read_text(encoding="utf-8")
    lines = text.partition("\n")[2]
    licenses, _, exceptions = lines.partition("\n\n")
    return (
        {name.lower(): name for name in licenses.split()},
        {name.lower(): name for name in exceptions.split()},
    )


def _guess(name: str) -> str:
    listed = _listed()[0]
    lower = name.lower()
    begins = [one for one in listed if one.startswith(f"{lower}-")]
    close = begins[-1:] or difflib.get_close_matches(lower, listed, n=1, cutoff=0.7)
    return f"; did you mean {listed[close[0]]}?" if close else ""


def _tokens(expression: str) -> Iterator[str]:
    position = 0
    while expression[position:].strip():
        found = _TOKEN.match(expression, position)
        if found is None:
            raise ValueError(f"{expression[position:].strip()[:1]!r} has no place in a license")
        yield found[1]
        position = found.end()


def _any_of(tokens: list[str], leaf: Leaf, depth: int) -> tuple[bool, list[str]]:
    answer, rest = _all_of(tokens, leaf, depth)
    while rest and rest[0].upper() == "OR":
        other, rest = _all_of(rest[1:], leaf, depth)
        answer = answer or other
    return answer, rest


def _all_of(tokens: list[str], leaf: Leaf, depth: int) -> tuple[bool, list[str]]:
    answer, rest = _one(tokens, leaf, depth)
    while rest and rest[0].upper() == "AND":
        other, rest = _one(rest[1:], leaf, depth)
        answer = answer and other
    return answer, rest


def _one(tokens: list[str], leaf: Leaf, depth: int) -> tuple[bool, list[str]]:
    if not tokens or depth == 0:
        raise ValueError("a license is missing at its end" if depth else "it is nested too deep")
    first, rest = tokens[0], tokens[1:]
    if first == "(":
        answer, rest = _any_of(rest, leaf, depth - 1)
        if rest[:1] != [")"]:
            raise ValueError("a parenthesis is not closed")
        return answer, rest[1:]
    if rest[:1] and rest[0].upper() == "WITH":
        if len(rest) < 2:
            raise ValueError("an exception is missing after WITH")
        return leaf(first, rest[1]), rest[2:]
    return leaf(first, None), rest
