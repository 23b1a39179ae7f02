"""WAV with samples of integers (PCM) or floats, by the standard library.

Read here and not by `wave`, which before Python 3.12 knows no samples of 24 bits as most programs
write them (with the extensible header), and none of floats: one file is the same in every image.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from ..values import Audio

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..held import File

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_TYPES = {
    (_PCM, 1): "u1",
    (_PCM, 2): "<i2",
    (_PCM, 4): "<i4",
    (_FLOAT, 4): "<f4",
    (_FLOAT, 8): "<f8",
}
_THREE_BYTES = (_PCM, 3)
_SUBFORMAT = b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"
_FORMAT_BYTES = 40


class _Sound(NamedTuple):
    """What the headers say; the stream stands at the first sample."""

    kind: tuple[int, int]
    channels: int
    rate_hz: int
    size_bytes: int

    @property
    def frames(self) -> int:
        return self.size_bytes // (self.channels * self.kind[1])


class _WavReader:
    formats: tuple[str, ...] = ("wav",)
    libraries: tuple[str, ...] = ("numpy",)
    package = "numpy"

    def shape(self, file: File, name: str) -> tuple[int, ...] | None:
        with file.open("rb") as stream:
            sound = _headers(stream)
        return sound.frames, sound.channels

    def native(self, file: File, name: str) -> object:
        with file.open("rb") as stream:
            sound = _headers(stream)
            begin = stream.tell()
            there_bytes = stream.seek(0, 2) - begin
            if there_bytes < sound.size_bytes:
                raise ValueError(
                    f"holds {there_bytes} bytes of sound where its header says {sound.size_bytes}"
                )
            stream.seek(begin)
            data = stream.read(sound.frames * sound.channels * sound.kind[1])
        return Audio(_samples(data, sound.kind).reshape(-1, sound.channels), sound.rate_hz)

    def owns(self, native: object) -> bool:
        return isinstance(native, Audio)

    def array(self, native: Any) -> object:
        import numpy as np

        samples = native.samples
        if samples.dtype.kind == "f":
            return Audio(samples.astype(np.float32), native.rate_hz)
        half = 2.0 ** (8 * samples.dtype.itemsize - 1)
        zero = half if samples.dtype.kind == "u" else 0.0
        return Audio(((samples - zero) / half).astype(np.float32), native.rate_hz)


def _headers(stream: BinaryIO) -> _Sound:
    """Read up to the samples.

    Raises:
        ValueError: They are not of a kind that is read here, or the file ends before them.
    """
    stream.read(12)
    said: tuple[tuple[int, int], int, int] | None = None
    while len(head := stream.read(8)) == 8:
        size_bytes = int.from_bytes(head[4:], "little")
        if head[:4] == b"data":
            if said is None:
                raise ValueError("does not say before its samples what they are")
            return _Sound(*said, size_bytes)
        if head[:4] == b"fmt ":
            place = stream.tell()
            said = _format(stream.read(_FORMAT_BYTES))
            stream.seek(place)
        # A chunk of an odd length is followed by a byte that fills it up.
        stream.seek(size_bytes + size_bytes % 2, 1)
    raise ValueError("ends before its samples")


def _format(said: bytes) -> tuple[tuple[int, int], int, int]:
    """Return the kind of samples, the channels and the rate."""
    if len(said) < 16:
        raise ValueError("ends before its samples")
    code, channels, rate_hz, _, frame_bytes, _ = struct.unpack("<HHIIHH", said[:16])
    if code == _EXTENSIBLE and said[26:40] == _SUBFORMAT:
        (code,) = struct.unpack("<H", said[24:26])
    width = frame_bytes // channels if channels else 0
    kind = (code, width)
    if kind not in _TYPES and kind != _THREE_BYTES:
        raise ValueError(
            f"holds samples of format {code} and {width} bytes; integers (1) of 1 to 4 and floats "
            "(3) of 4 or 8 bytes are read"
        )
    return kind, channels, rate_hz


def _samples(data: bytes, kind: tuple[int, int]) -> NDArray[np.generic]:
    import numpy as np

    if kind != _THREE_BYTES:
        return np.frombuffer(data, dtype=_TYPES[kind])
    # Three bytes become the upper three of four, so that the sign stays where it belongs.
    whole = np.zeros((len(data) // 3, 4), dtype=np.uint8)
    whole[:, 1:] = np.frombuffer(data, dtype=np.uint8).reshape(-1, 3)
    return whole.view("<i4")[:, 0]


READER = _WavReader()
