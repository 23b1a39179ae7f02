"""What an ONNX file takes and gives: names, types and shapes, read without any library.

The few fields that matter are followed and everything else is skipped, weights included, so that a
file of gigabytes costs as little as a small one. Whether a graph is sound is not checked; whoever
runs it finds out.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..wire import Message

if TYPE_CHECKING:
    Dimension = int | str | None
    """A length: fixed, named, or not said."""

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
    """The inputs and outputs of a graph, in its order.

    Attributes:
        beside: Files with weights, by their paths from the folder of the graph.
    """

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    beside: tuple[str, ...] = ()


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
            return _signature(Message(content, 0, len(content)), path)
    except (OSError, ValueError) as error:
        raise GraphError(f"{path} cannot be read as ONNX: {error}.") from error


def _signature(model: Message, path: Path) -> Signature:
    graphs = model.messages(7)
    if len(graphs) != 1:
        raise GraphError(f"{path} is no ONNX model: it holds no graph.")
    (graph,) = graphs
    weights = {message.text(8) for message in graph.messages(5)}
    places = (_place(message, path) for message in graph.messages(5))
    beside = sorted({place for place in places if place})
    inputs = [_tensor(message) for message in graph.messages(11)]
    outputs = [_tensor(message) for message in graph.messages(12)]
    if not outputs:
        raise GraphError(f"{path} is no ONNX model: its graph has no output.")
    # Old exporters list the weights among the inputs.
    own = tuple(one for one in inputs if one.name not in weights)
    return Signature(own, tuple(outputs), tuple(beside))


def _place(message: Message, path: Path) -> str:
    """Return the file that holds the values of a weight; empty where the graph holds them.

    A graph may come from anybody: it names no file outside its folder.
    """
    for entry in message.messages(13):
        if entry.text(1) == "location":
            place = entry.text(2)
            folder, file = path.parent.resolve(), (path.parent / place).resolve()
            plain = not Path(place).is_absolute() and ".." not in Path(place).parts
            if not plain or folder not in file.parents or not file.is_file():
                raise GraphError(
                    f"{path} keeps weights in {place}, which is not beside it. Save the "
                    "graph as one file, or put both into one folder."
                )
            return place
    return ""


def _tensor(message: Message) -> Tensor:
    name = message.text(1)
    for kind in message.messages(2):
        for tensor in kind.messages(1):
            shapes = tensor.messages(2)
            lengths = [_length(one) for one in shapes[0].messages(1)] if shapes else []
            element = _TYPES.get(tensor.number(1), "unknown")
            return Tensor(name, element, tuple(lengths) if shapes else None)
        for sequence in kind.messages(4):
            if any(element.messages(5) for element in sequence.messages(1)):
                return Tensor(name, "classes")
    return Tensor(name, "unknown")


def _length(message: Message) -> Dimension:
    fixed = message.numbers(1)
    return fixed[0] if fixed else (message.text(2) or None)
