"""The order in which people count: case-2 before case-11."""

from __future__ import annotations

import re

_NUMBER = re.compile("([0-9]+)")


def natural_key(name: str) -> tuple[tuple[str | int, ...], str]:
    """Return what sorts names by the numbers in them.

    >>> sorted(["case-11", "case-2", "case-1"], key=natural_key)
    ['case-1', 'case-2', 'case-11']
    """
    parts = _NUMBER.split(name)
    # Words and numbers take turns, so that like is compared with like.
    return tuple(int(part) if place % 2 else part for place, part in enumerate(parts)), name
