"""WAV with integer samples (PCM), by the standard library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..values import Audio

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..held import File

_TYPES = {1: "u1", 2: "<i2", 4: "<i4"}


class _WavReader:
    formats: tuple[str, ...] = ("wav",)
    libraries: tuple[str, ...] = ("numpy",)
    package = "numpy"

    def shape(self, file: File, name: str) -> tuple[int, ...] | None:
        import wave

        with file.open("rb") as content, wave.open(content) as stream:
            return stream.getnframes(), stream.getnchannels()

    def native(self, file: File, name: str) -> object:
        import wave

        with file.open("rb") as content, wave.open(content) as stream:
            frames, channels = stream.getnframes(), stream.getnchannels()
            width, rate_hz = stream.getsampwidth(), stream.getframerate()
            data = stream.readframes(frames)
        expected = frames * channels * width
        if len(data) != expected:
            raise ValueError(f"holds {len(data)} bytes of sound where its header says {expected}")
        return Audio(_samples(data, width).reshape(-1, channels), rate_hz)

    def owns(self, native: object) -> bool:
        return isinstance(native, Audio)

    def array(self, native: Any) -> object:
        import numpy as np

        samples = native.samples
        if samples.dtype.kind == "f":
            return native
        half = 2.0 ** (8 * samples.dtype.itemsize - 1)
        zero = half if samples.dtype.kind == "u" else 0.0
        return Audio(((samples - zero) / half).astype(np.float32), native.rate_hz)


def _samples(data: bytes, width: int) -> NDArray[np.generic]:
    import numpy as np

    if width != 3:
        return np.frombuffer(data, dtype=_TYPES[width])
    # Three bytes become the upper three of four, so that the sign stays where it belongs.
    whole = np.zeros((len(data) // 3, 4), dtype=np.uint8)
    whole[:, 1:] = np.frombuffer(data, dtype=np.uint8).reshape(-1, 3)
    return whole.view("<i4")[:, 0]


READER = _WavReader()
