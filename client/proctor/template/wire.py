"""The wire format of protocol buffers: fields by number, without any library.

A message is a span of a file; what is inside a field is read when it is asked for, so weights of
gigabytes are skipped and never copied.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator

_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5
_MOST_VARINT_BYTES = 10


class WireError(ValueError):
    """The bytes are no message."""


class Message:
    """The bytes from ``start`` to ``end`` of ``data``, taken for a message."""

    def __init__(self, data: bytes | mmap.mmap, start: int, end: int) -> None:
        self._data = data
        self._start = start
        self._end = end
        self._known: dict[int, list[int | Message]] | None = None

    def messages(self, number: int) -> list[Message]:
        """Return every field of that number that holds bytes, as a message."""
        return [one for one in self._fields().get(number, []) if isinstance(one, Message)]

    def texts(self, number: int) -> list[str]:
        """Return every field of that number as text."""
        return [one.content().decode("utf-8", "replace") for one in self.messages(number)]

    def text(self, number: int) -> str:
        """Return the field of that number as text; empty when it is not there."""
        found = self.texts(number)
        return found[-1] if found else ""

    def number(self, number: int, otherwise: int = 0) -> int:
        """Return the field of that number; a negative one is written in two's complement."""
        found = [one for one in self._fields().get(number, []) if isinstance(one, int)]
        return _signed(found[-1]) if found else otherwise

    def numbers(self, number: int) -> list[int]:
        """Return repeated whole numbers, packed or not."""
        found: list[int] = []
        for one in self._fields().get(number, []):
            found += [one] if isinstance(one, int) else one._packed()
        return [_signed(one) for one in found]

    def content(self) -> bytes:
        """Return the bytes."""
        return bytes(self._data[self._start : self._end])

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self._end - self._start

    def _fields(self) -> dict[int, list[int | Message]]:
        if self._known is None:
            self._known = {}
            for number, value in self._read():
                self._known.setdefault(number, []).append(value)
        return self._known

    def _read(self) -> Iterator[tuple[int, int | Message]]:
        at = self._start
        while at < self._end:
            key, at = self._varint(at)
            number, kind = key >> 3, key & 7
            if kind == _VARINT:
                value, at = self._varint(at)
                yield number, value
                continue
            if kind == _BYTES:
                length, at = self._varint(at)
            elif kind in (_FIXED_64, _FIXED_32):
                length = 8 if kind == _FIXED_64 else 4
            else:
                raise WireError(f"byte {at} begins no field")
            if length > self._end - at:
                raise WireError(f"the field at byte {at} is longer than what holds it")
            yield number, Message(self._data, at, at + length)
            at += length

    def _packed(self) -> list[int]:
        found, at = [], self._start
        while at < self._end:
            value, at = self._varint(at)
            found.append(value)
        return found

    def _varint(self, at: int) -> tuple[int, int]:
        value = 0
        for index in range(_MOST_VARINT_BYTES):
            if at >= self._end:
                break
            byte = self._data[at]
            at += 1
            value |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                return value, at
        raise WireError(f"the number before byte {at} does not end")


def _signed(value: int) -> int:
    value &= 2**64 - 1
    return value - 2**64 if value >= 2**63 else value
