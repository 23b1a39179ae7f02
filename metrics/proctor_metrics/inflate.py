"""Inflate gzip data in pieces of a known size, never more than is asked for.

The size that a gzip file states of itself is a claim modulo 2^32 and is not looked at: who reads
knows from the header inside how much there must be. Members that follow one another are one
stream, as for the `gzip` program, and every checksum is verified.
"""

from typing import cast

import numpy as np
import numpy.typing as npt
from isal import igzip_lib

_DAMAGED = cast(type[Exception], igzip_lib.IsalError)

_PIECE = 1 << 18
MOST_RATIO = 1032
"""Deflate cannot make more than so many bytes of one."""


class Inflater:
    """Reads what a gzip file holds, in order.

    >>> import gzip
    >>> room = np.empty(4, np.uint8)
    >>> Inflater(gzip.compress(b"abcdef")).fill(room), room.tobytes()
    (4, b'abcd')
    """

    def __init__(self, content: bytes) -> None:
        self._waiting = content
        self._member = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)

    def fill(self, room: npt.NDArray[np.uint8]) -> int:
        """Write the next bytes and return how many; fewer than there is room for at the end only.

        Raises:
            ValueError: the data is damaged, or ends too early.
        """
        written = 0
        while written < room.size and (piece := self._next(min(room.size - written, _PIECE))):
            room[written : written + len(piece)] = np.frombuffer(piece, np.uint8)
            written += len(piece)
        return written

    def take(self, count: int) -> npt.NDArray[np.uint8]:
        """Return the next bytes, read-only where that saves a copy; fewer at the end only.

        Raises:
            ValueError: as `fill`.
        """
        piece = self._next(count)
        if len(piece) == count:
            return np.frombuffer(piece, np.uint8)
        room = np.empty(count, np.uint8)
        room[: len(piece)] = np.frombuffer(piece, np.uint8)
        return room[: len(piece) + self.fill(room[len(piece) :])]

    def _next(self, most: int) -> bytes:
        """Return at most so many bytes, and none at the end only."""
        while self._goes_on():
            try:
                piece = self._member.decompress(self._waiting, most)
            except _DAMAGED as error:
                raise ValueError(f"its compressed data is damaged ({error})") from error
            self._waiting = b""
            if piece:
                return piece
            if self._member.needs_input and not self._member.eof:
                raise ValueError("its compressed data ends too early")
        return b""

    def _goes_on(self) -> bool:
        """Move on to the next member where one ended; padding with zeros is none."""
        if self._member.eof:
            self._waiting = self._member.unused_data.lstrip(b"\0")
            if not self._waiting:
                return False
            self._member = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
        return True
