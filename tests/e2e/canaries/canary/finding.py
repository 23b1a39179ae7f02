"""Finds a text in bytes that somebody got, however it is written or packed there."""

from __future__ import annotations

import base64
import gzip
import io
import re
import zlib
from collections.abc import Iterator

from canary.sayings import sayings

_MOST_BYTES = 32 << 20
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{24,}={0,2}")
_BASES = {
    "base64": (base64.b64encode, 3),
    "base32": (base64.b32encode, 5),
    "base85": (base64.b85encode, 4),
}


def forms(text: str) -> dict[str, bytes]:
    """Return what betrays a text, by the way it is written; all in small letters."""
    found = {way: said.lower() for way, said in sayings(text).items() if "base" not in way}
    for way, (encode, block) in _BASES.items():
        # Where a text begins in a block decides what becomes of it, and so do its neighbors.
        for before in range(block):
            written = encode(b"x" * before + text.encode())
            found[f"{way}, {before} bytes into a block"] = written[10:-10].lower()
    return found


class Finder:
    """Looks for secrets, each with a name."""

    def __init__(self, secrets: dict[str, str]) -> None:
        self._forms = [
            (f"{name} as {way}", form)
            for name, text in secrets.items()
            for way, form in forms(text).items()
        ]

    def find(self, content: bytes) -> set[str]:
        """Return every secret in some bytes, with the way in which it is written."""
        found = set()
        for layer in unpacked(content):
            small = layer.lower()
            found |= {name for name, form in self._forms if form in small}
        return found


def unpacked(content: bytes, depth: int = 3) -> Iterator[bytes]:
    """Yield the bytes, and whatever is packed in them."""
    yield content
    if not depth:
        return
    for inner in _inside(content):
        yield from unpacked(inner, depth - 1)


def _inside(content: bytes) -> Iterator[bytes]:
    if content[:2] == b"\x1f\x8b":
        with gzip.open(io.BytesIO(content)) as stream:
            yield stream.read(_MOST_BYTES)
    elif len(content) < 1 << 20:
        for written in _BASE64.findall(content):
            try:
                yield zlib.decompress(base64.b64decode(written + b"=" * (-len(written) % 4)))
            except (ValueError, zlib.error):
                continue
