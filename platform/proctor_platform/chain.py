"""The chain of the history: every event's digest covers the event and the digest before it.

Events are written in the transactions of what they tell, many at once, and get their place in the
chain afterwards (``queueing/sealer.py``), so no transition waits for another's. The chain's order
is that of sealing. To change, remove or insert an event one must write every digest after it anew,
and then the newest is another than the one that was noted elsewhere, in a log or by an operator.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from typing import Any, NamedTuple


class Head(NamedTuple):
    """An event's place in the chain, from 1 on, and the digest there."""

    position: int
    digest: str

    def __str__(self) -> str:
        return f"{self.position}:{self.digest}"


_HEAD = re.compile(r"([1-9][0-9]{0,18}):(sha256:[0-9a-f]{64})")

START = Head(0, "sha256:" + "0" * 64)


def parse_head(text: str) -> Head:
    """Read a head as it is printed.

    Raises:
        ValueError: it is none.

    >>> parse_head("2:sha256:" + "ab" * 32).position
    2
    """
    form = _HEAD.fullmatch(text)
    if form is None:
        raise ValueError(f"{text!r} is no head of a history")
    return Head(int(form[1]), form[2])


class Content(NamedTuple):
    """What an event says."""

    id: int
    at: datetime
    subject: str
    name: str
    actor: str
    facts: dict[str, Any]


def link(before: Head, event: Content) -> Head:
    """Return the place after ``before``, with ``event`` in it."""
    position = before.position + 1
    at = event.at.astimezone(UTC).isoformat(timespec="microseconds")
    written = [before.digest, position, event.id, at, *event[2:]]
    text = json.dumps(written, sort_keys=True, separators=(",", ":"))
    return Head(position, f"sha256:{hashlib.sha256(text.encode()).hexdigest()}")
