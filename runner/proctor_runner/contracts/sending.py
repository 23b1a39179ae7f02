"""What goes to a server of an input: its file, a PNG picture of each item, or JSON."""

from __future__ import annotations

import csv
import math
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from proctor.spec.contract import Contract, Sending
from proctor.spec.task import InputSpec, InputType
from proctor_runner.contracts.native import suffix
from proctor_runner.contracts.refusing import refusal

_MIME_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".json": "application/json",
    ".csv": "text/csv",
    ".txt": "text/plain",
    ".wav": "audio/wav",
    ".nii": "application/nii",
    ".nii.gz": "application/nii-gzip",
    ".nrrd": "application/nrrd",
    ".dcm": "application/dicom",
}
_GREATEST = 255
_COLOR_TYPES = {1: 0, 3: 2, 4: 6}
_PNG_START, _JPEG_START = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
_SIZE_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_MOST_HEADER_BYTES = 1 << 20


@dataclass(frozen=True)
class Sent:
    """One input as a server gets it.

    Attributes:
        items: What is sent of each, as the driver reads it.
        files: The files that they are parts of, by their names in /input.
        size: Height and width of a picture in pixels; None where there is none.
    """

    items: list[dict[str, Any]]
    files: dict[str, Path] = field(default_factory=dict)
    size: tuple[int, int] | None = None


def sending_of(declared: InputSpec, wanted: Sending | None) -> Sending:
    """Return how an input is sent: as the contract says, else by its type."""
    if wanted is not None:
        return wanted
    by_type = {InputType.ARRAY: Sending.PNG, InputType.TABLE: Sending.JSON}
    return by_type.get(declared.type, Sending.FILE)


def as_file(name: str, declared: InputSpec, path: Path) -> Sent:
    """Send the file as it is, under the input's name."""
    ending = suffix(declared.file)
    known = f"{name}{ending}"
    kind = _MIME_TYPES.get(ending.lower(), "application/octet-stream")
    item = {"file": known, "name": known, "type": kind}
    return Sent([item], {known: path}, picture_size(path))


def as_pictures(
    contract: Contract,
    name: str,
    path: Path,
    count: int,
    scale: tuple[float, float] | None,
    target: Path,
) -> Sent:
    """Send each item of an array as a PNG picture of 8 bits.

    Args:
        count: How many items the array holds; one is the array itself, or its only entry.
        scale: The values that become 0 and 255. Without, whole numbers stay as they are, and
            floats lie between 0 and 1.
        target: The file to make; it goes by its own name.

    Raises:
        ParticipantError: IMAGE_REJECTED, it is no array of pictures.
    """
    array = _array(contract, name, path)
    pictures = array if len(array) == count and array.ndim in (3, 4) else array[np.newaxis]
    if len(pictures) != count or pictures.ndim not in (3, 4):
        raise refusal(contract, f"input {name} of shape {array.shape} is no {count} pictures.")
    channels = pictures.shape[3] if pictures.ndim == 4 else 1
    if channels not in _COLOR_TYPES:
        raise refusal(contract, f"input {name} has {channels} channels; a PNG has 1, 3 or 4.")
    levels = _levels(contract, name, pictures, scale)
    items = []
    with target.open("xb") as stream:
        for picture in levels:
            start = stream.tell()
            stream.write(_png(picture, channels))
            facts = {"offset": start, "length": stream.tell() - start}
            items.append({"file": target.name, "name": f"{name}.png", "type": "image/png"} | facts)
    height, width = pictures.shape[1:3]
    return Sent(items, {target.name: target}, (int(height), int(width)))


def as_json(contract: Contract, name: str, path: Path, key: str, column: str) -> Sent:
    """Send all items in one document: the cells of a table's column, or an array's values.

    Raises:
        ParticipantError: IMAGE_REJECTED, it has no such column.
    """
    if path.suffix == ".npy" or _is_array(path):
        values: list[Any] = _array(contract, name, path).tolist()
        return Sent([{"json": {key or "data": values}}])
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    columns = list(rows[0]) if rows else []
    chosen = column or ("text" if "text" in columns else columns[0] if len(columns) == 1 else "")
    if chosen not in columns:
        raise refusal(
            contract,
            f"input {name} has the columns {', '.join(columns)}; say which is sent under column.",
        )
    return Sent([{"json": {key or "text": [row[chosen] for row in rows]}}])


def _is_array(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(6) == b"\x93NUMPY"


def _array(contract: Contract, name: str, path: Path) -> npt.NDArray[Any]:
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise refusal(contract, f"input {name} cannot be read as an array: {error}.") from error
    return np.asarray(array)


def _levels(
    contract: Contract,
    name: str,
    pictures: npt.NDArray[Any],
    scale: tuple[float, float] | None,
) -> npt.NDArray[np.uint8]:
    if pictures.dtype == np.bool_:
        return pictures.astype(np.uint8) * np.uint8(_GREATEST)
    if scale is None and pictures.dtype.kind in "iu":
        low, high = 0.0, float(_GREATEST)
    else:
        low, high = scale or (0.0, 1.0)
    least, most = float(pictures.min()), float(pictures.max())
    # Written so that a NaN fails it.
    if not (math.isfinite(most) and low <= least and most <= high and low < high):
        raise refusal(
            contract,
            f"input {name} holds values from {least:g} to {most:g}, not from {low:g} to {high:g};"
            " say what becomes black and white under scale.",
        )
    if pictures.dtype == np.uint8 and scale is None:
        return pictures
    levels = (pictures.astype(np.float64) - low) * (_GREATEST / (high - low))
    return np.rint(levels).astype(np.uint8)


def _png(picture: npt.NDArray[np.uint8], channels: int) -> bytes:
    height, width = picture.shape[:2]
    rows = np.ascontiguousarray(picture).reshape(height, width * channels)
    # Every row begins with the number of its filter: none.
    raw = np.concatenate([np.zeros((height, 1), dtype=np.uint8), rows], axis=1).tobytes()
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOR_TYPES[channels], 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(raw, 1)), (b"IEND", b""))
    return _PNG_START + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


def picture_size(path: Path) -> tuple[int, int] | None:
    """Return the height and width that a PNG or JPEG file says; None for anything else."""
    with path.open("rb") as stream:
        start = stream.read(_MOST_HEADER_BYTES)
    if start.startswith(_PNG_START) and len(start) >= 24:
        width, height = struct.unpack(">II", start[16:24])
        return height, width
    place = 2
    while start.startswith(_JPEG_START) and place + 9 <= len(start):
        marker, length = start[place + 1], int.from_bytes(start[place + 2 : place + 4], "big")
        if marker in _SIZE_MARKERS:
            height, width = struct.unpack(">HH", start[place + 5 : place + 9])
            return height, width
        place += 2 + length
    return None
