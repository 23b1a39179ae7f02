"""Makes a program's output safe to keep, to show and to put in a terminal."""

from __future__ import annotations

import re

_ESCAPE_SEQUENCE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[ -~])"
)
# Control characters, and the marks that turn the direction of text round.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]"
)
_LEFT_OUT = b"[earlier output left out]\n"


def sanitize(raw: bytes, most_bytes: int) -> bytes:
    """Return the end of ``raw`` as UTF-8 text without control characters, at most ``most_bytes``.

    >>> sanitize(b"10%\\r20%\\x1b[31m red\\x00", 100)
    b'10%\\n20% red'
    """
    text = raw.decode("utf-8", errors="replace").replace("\r\n", "\n").replace("\r", "\n")
    clean = _UNSAFE.sub("", _ESCAPE_SEQUENCE.sub("", text)).encode()
    if len(clean) <= most_bytes:
        return clean
    if most_bytes <= len(_LEFT_OUT):
        return b""
    tail = clean[-(most_bytes - len(_LEFT_OUT)) :]
    return _LEFT_OUT + tail.decode("utf-8", errors="ignore").encode()
