"""What an ONNX file takes and gives: names, types and shapes, read without any library.

ONNX is protocol buffers: fields of a number, a wire type and a content. The few that matter are
followed here and everything else is skipped, weights included, so that a file of gigabytes costs
as little as a small one. Whether a graph is sound is not checked; whoever runs it finds out.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Dimension = int | str | None
    """A length: fixed, named, or not said."""

    _Span = tuple[int, int]
    """Where the bytes of a message begin and end."""

FLOATS = ("float32", "float16", "float64")
INTEGERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "bool")

_TYPES = {
    1: "float32",
    2: "uint8",
    3: "int8",
    4: "uint16",
    5: "int16",
    6: "int32",
    7: "int64",
    8: "string",
    9: "bool",
    10: "float16",
    11: "float64",
    12: "uint32",
    13: "uint64",
}
_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5
_MOST_VARINT_BYTES = 10


class GraphError(Exception):
    """The file is no ONNX graph, or does not fit what is asked. The text is a sentence."""


@dataclass(frozen=True)
class Tensor:
    """One input or output of a graph.

    Attributes:
        type: As numpy calls it, `string`, `classes` (a mapping from class to probability for each
            item, as scikit-learn's exporter writes them), or `unknown`.
        shape: None where the graph does not say how many axes there are.
    """

    name: str
    type: str
    shape: tuple[Dimension, ...] | None = None

    def __str__(self) -> str:
        if self.shape is None:
            return f"{self.name!r} ({self.type})"
        lengths = ", ".join("?" if length is None else str(length) for length in self.shape)
        return f"{self.name!r} ({self.type} [{lengths}])"


@dataclass(frozen=True)
class Signature:
    """The inputs and outputs of a graph, in its order."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


def read_signature(path: Path) -> Signature:
    """Read what a graph takes and gives.

    Raises:
        GraphError: It cannot be read, is no ONNX graph, or keeps weights in files that are not
            beside it.
    """
    try:
        with path.open("rb") as stream:
            content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        with content:
            return _Reader(content, path).signature()
    except (OSError, ValueError, IndexError) as error:
        raise GraphError(f"{path} cannot be read as ONNX: {error}.") from error


class _Reader:
    """Follows the fields of one file; a message is the span of its bytes."""

    def __init__(self, data: mmap.mmap, path: Path) -> None:
        self._data = data
        self._path = path

    def signature(self) -> Signature:
        graphs = self._messages((0, len(self._data)), 7)
        if len(graphs) != 1:
            raise GraphError(f"{self._path} is no ONNX model: it holds no graph.")
        (graph,) = graphs
        weights = {self._weight(message) for message in self._messages(graph, 5)}
        inputs = [self._tensor(message) for message in self._messages(graph, 11)]
        outputs = [self._tensor(message) for message in self._messages(graph, 12)]
        if not outputs:
            raise GraphError(f"{self._path} is no ONNX model: its graph has no output.")
        # Old exporters list the weights among the inputs.
        return Signature(tuple(one for one in inputs if one.name not in weights), tuple(outputs))

    def _weight(self, message: _Span) -> str:
        """Return the name of a weight, whose values are skipped."""
        for entry in self._messages(message, 13):
            if self._text(entry, 1) == "location":
                place = self._text(entry, 2)
                if not (self._path.parent / place).is_file():
                    raise GraphError(
                        f"{self._path} keeps weights in {place}, which is not beside it. Save the "
                        "graph as one file, or make a model folder that holds both."
                    )
        return self._text(message, 8)

    def _tensor(self, message: _Span) -> Tensor:
        name = self._text(message, 1)
        for kind in self._messages(message, 2):
            for tensor in self._messages(kind, 1):
                shapes = self._messages(tensor, 2)
                lengths = (
                    [self._length(one) for one in self._messages(shapes[0], 1)] if shapes else []
                )
                element = _TYPES.get(self._number(tensor, 1) or 0, "unknown")
                return Tensor(name, element, tuple(lengths) if shapes else None)
            for sequence in self._messages(kind, 4):
                if any(self._messages(element, 5) for element in self._messages(sequence, 1)):
                    return Tensor(name, "classes")
        return Tensor(name, "unknown")

    def _length(self, message: _Span) -> Dimension:
        fixed = self._number(message, 1)
        return (self._text(message, 2) or None) if fixed is None else fixed

    def _number(self, message: _Span, field: int) -> int | None:
        return next(
            (n for key, n in self._fields(message) if key == field and isinstance(n, int)), None
        )

    def _text(self, message: _Span, field: int) -> str:
        for start, end in self._messages(message, field):
            return self._data[start:end].decode("utf-8")
        return ""

    def _messages(self, message: _Span, field: int) -> list[_Span]:
        return [
            content
            for number, content in self._fields(message)
            if number == field and not isinstance(content, int)
        ]

    def _fields(self, message: _Span) -> Iterator[tuple[int, int | _Span]]:
        """Yield every field: its number, and its value or the span of its bytes."""
        at, end = message
        while at < end:
            key, at = self._varint(at, end)
            number, wire = key >> 3, key & 7
            if wire == _VARINT:
                value, at = self._varint(at, end)
                yield number, value
                continue
            if wire == _BYTES:
                length, at = self._varint(at, end)
            elif wire in (_FIXED_64, _FIXED_32):
                length = 8 if wire == _FIXED_64 else 4
            else:
                raise ValueError(f"a field of wire type {wire} at byte {at}")
            if at + length > end:
                raise ValueError(f"it ends in the middle of a field, at byte {at}")
            yield number, (at, at + length)
            at += length

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        value = 0
        for index in range(min(_MOST_VARINT_BYTES, end - at)):
            byte = self._data[at + index]
            value |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                return value, at + index + 1
        raise ValueError(f"it ends in the middle of a number, at byte {at}")
