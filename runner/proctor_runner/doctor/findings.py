"""What is found out about a host: one line each, with what to do where something is wanting."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Standing(StrEnum):
    """How one thing stands on this host."""

    ENFORCED = "enforced"
    NOT_ENFORCED = "not enforced"
    ADVICE = "advice"
    FACT = "fact"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: A word for programs, such as ``no_network``.
        found: What was seen, in a few words.
        advice: What to do; empty where nothing is to be done.
    """

    name: str
    standing: Standing
    found: str
    advice: str = ""


def enforced(name: str, holds: bool, found: str, advice: str) -> Finding:
    """Return the finding for a limit that is required."""
    if holds:
        return Finding(name, Standing.ENFORCED, found)
    return Finding(name, Standing.NOT_ENFORCED, found, advice)


def fact(name: str, found: str) -> Finding:
    """Return the finding for something that is good to know."""
    return Finding(name, Standing.FACT, found)


def not_enforced(findings: Iterable[Finding]) -> list[Finding]:
    """Return those of a limit that is required and is not enforced."""
    return [one for one in findings if one.standing is Standing.NOT_ENFORCED]
