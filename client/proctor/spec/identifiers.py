"""Ids: a prefix that names the kind, then 26 lower-case base32 characters in time order."""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
import time
from enum import StrEnum

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_RANDOM_BITS = 80
_STEP_BITS = 72
_ALIAS_LENGTH = 16


class Kind(StrEnum):
    """What an id names; the value is its prefix."""

    USER = "usr"
    TOKEN = "tok"
    CHALLENGE = "cha"
    SUBMISSION = "sub"
    RUN = "run"
    EVALUATION = "eva"
    LEADERBOARD = "lea"
    WORKER = "wrk"
    REVIEW = "rev"
    DEPLOYMENT = "dep"
    HOSTING = "hst"
    QUESTION = "que"
    VISIT = "vis"


class _Numbers:
    """Numbers nobody can guess, in the order in which they are asked for by this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> int:
        drawn = time.time_ns() // 1_000_000 << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
        with self._lock:
            # Two of one millisecond, or of a clock that was set back: a random step further.
            step = 1 + secrets.randbits(_STEP_BITS)
            self._last = drawn if drawn > self._last else self._last + step
            return self._last


_NUMBERS = _Numbers()


def new_id(kind: Kind) -> str:
    """Make an id such as ``sub_01jd…`` whose text order is the order of creation.

    Among processes it is so by the millisecond of their clocks, within one always: the runs of a
    submission are made at once, and are shown and carried out in the order of its tasks.
    """
    number = _NUMBERS.next()
    characters = [_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5)]
    return f"{kind.value}_{''.join(characters)}"


def alias_of(alias_seed: str, case_id: str) -> str:
    """Return what a container sees instead of a case's id.

    >>> alias_of("a", "case-1")
    'kze2iftlhugxuh76'
    """
    state = hashlib.sha256(f"{alias_seed}{case_id}".encode()).digest()
    return base64.b32encode(state).decode().lower()[:_ALIAS_LENGTH]
