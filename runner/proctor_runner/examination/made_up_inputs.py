"""Makes up a file for an input from what a card says of it: type, formats, lengths.

Numbers are drawn from a fixed seed. What a card cannot say, such as the columns of a table, nobody
can make up; then the text of the error says what is missing.
"""

from __future__ import annotations

import wave
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proctor.spec.card.io import CardInput, DimLimit, InputKind
from proctor.template.formats import FORMATS, TYPES, formats_named

_USUAL: Mapping[InputKind, tuple[int, ...]] = {
    InputKind.IMAGE: (3, 64, 64),
    InputKind.VOLUME: (16, 16, 16),
    InputKind.AUDIO: (1, 16_000),
    InputKind.TEXT: (24,),
}
"""Lengths in the order of ``dim_limits``, where the card does not limit them."""

_RATE_HZ = 16_000
_WORDS = "a few words to be read "
_MOST_NUMBERS = 1 << 26


def made_up(name: str, declared: CardInput, folder: Path) -> Path:
    """Write a file that an input may be, and return it.

    Raises:
        ValueError: The card says too little; the text is a clause that names the input.
    """
    kind = declared.type
    if kind in (InputKind.TABLE, InputKind.JSON):
        raise ValueError(f"no card says what a {kind} such as {name!r} holds")
    lengths = _lengths(name, declared)
    if int(np.prod(lengths, dtype=object)) > _MOST_NUMBERS:
        raise ValueError(f"{name!r} would have more than {_MOST_NUMBERS} numbers")
    random = np.random.default_rng(0)
    for one in _formats(declared):
        write = _WRITERS.get((kind, one))
        if write is not None:
            path = folder / f"{name}{FORMATS[one].suffixes[0]}"
            write(path, lengths, random)
            return path
    raise ValueError(f"no {kind} in the formats of {name!r} can be made up")


def _formats(declared: CardInput) -> tuple[str, ...]:
    named = [one for text in declared.formats for one in formats_named(text)]
    return tuple(named) or TYPES[declared.type]


def _lengths(name: str, declared: CardInput) -> tuple[int, ...]:
    """Return a length for each axis: the usual one, as near as it may be."""
    usual, limits = _USUAL.get(declared.type), declared.dim_limits
    if usual is None and not limits:
        raise ValueError(f"dim_limits does not say how many axes {name!r} has")
    usual = usual or tuple(max(1, limit.min) for limit in limits)
    # Fewer limits than axes are those of the last ones.
    free = max(0, len(usual) - len(limits))
    unlimited = (DimLimit(min=0),) * free
    return tuple(map(_near, usual[-len(limits) - free :], (*unlimited, *limits)))


def _near(usual: int, limit: DimLimit) -> int:
    least = max(usual, limit.min)
    return least if limit.max is None else min(least, limit.max)


def _picture(path: Path, lengths: tuple[int, ...], random: np.random.Generator) -> None:
    import SimpleITK

    pixels = _pixels(lengths, random)
    image: Any = SimpleITK.GetImageFromArray(pixels, isVector=lengths[0] > 1)
    SimpleITK.WriteImage(image, str(path))


def _image_array(path: Path, lengths: tuple[int, ...], random: np.random.Generator) -> None:
    np.save(path, _pixels(lengths, random))


def _pixels(lengths: tuple[int, ...], random: np.random.Generator) -> NDArray[np.uint8]:
    channels, rows, columns = lengths
    shape = (rows, columns) if channels == 1 else (rows, columns, channels)
    return random.integers(0, 256, shape, dtype=np.uint8)


def _volume(path: Path, lengths: tuple[int, ...], random: np.random.Generator) -> None:
    import nibabel

    image = nibabel.Nifti1Image(  # type: ignore[no-untyped-call]  # nibabel's
        _numbers(lengths[::-1], random), np.eye(4)
    )
    nibabel.save(image, path)


def _volume_array(path: Path, lengths: tuple[int, ...], random: np.random.Generator) -> None:
    np.save(path, _numbers(lengths[::-1], random))


def _array(path: Path, lengths: tuple[int, ...], random: np.random.Generator) -> None:
    np.save(path, _numbers(lengths, random))


def _numbers(shape: tuple[int, ...], random: np.random.Generator) -> NDArray[np.float32]:
    return random.random(shape, dtype=np.float32)


def _recording(path: Path, lengths: tuple[int, ...], random: np.random.Generator) -> None:
    channels, frames = lengths
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(_RATE_HZ)
        file.writeframes(random.integers(-999, 999, (frames, channels)).astype("<i2").tobytes())


def _text(path: Path, lengths: tuple[int, ...], _random: np.random.Generator) -> None:
    count = lengths[0]
    path.write_text((_WORDS * (count // len(_WORDS) + 1))[:count], encoding="utf-8")


_WRITERS: Mapping[
    tuple[InputKind, str], Callable[[Path, tuple[int, ...], np.random.Generator], None]
] = {
    **{(InputKind.IMAGE, one): _picture for one in ("png", "jpeg", "tiff")},
    (InputKind.IMAGE, "npy"): _image_array,
    **{(InputKind.VOLUME, one): _volume for one in ("nifti", "nifti_gzip")},
    (InputKind.VOLUME, "npy"): _volume_array,
    (InputKind.ARRAY, "npy"): _array,
    (InputKind.AUDIO, "wav"): _recording,
    (InputKind.TEXT, "text"): _text,
}
