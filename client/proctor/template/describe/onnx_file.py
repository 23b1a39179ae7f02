"""An ONNX graph as layers: read from the file itself, with the standard library alone.

A node is a layer; the weights that it reads first are its parameters. Values of weights are never
read. A list of whole numbers of 64 bits is a shape or axes that an exporter wrote down, and no
parameter.
"""

from __future__ import annotations

import mmap
import struct
from collections import Counter
from math import prod
from pathlib import Path

from ..wire import Message, WireError
from .values import Entry, count, scalar, word

MOST_LAYERS = 5000
_MOST_SETTINGS = 32
_MOST_NAMES = 256
_TYPES = (
    "",
    "float32",
    "uint8",
    "int8",
    "uint16",
    "int16",
    "int32",
    "int64",
    "string",
    "bool",
    "float16",
    "float64",
    "uint32",
    "uint64",
    "complex64",
    "complex128",
    "bfloat16",
)
_BYTES = {"float32": 4, "int32": 4, "uint32": 4, "float64": 8, "int64": 8, "uint64": 8}
_BYTES.update({"float16": 2, "bfloat16": 2, "int16": 2, "uint16": 2, "complex64": 8})
_ACTIVATIONS = frozenset(
    {
        "Celu",
        "Clip",
        "Elu",
        "Gelu",
        "HardSigmoid",
        "HardSwish",
        "LeakyRelu",
        "LogSoftmax",
        "Mish",
        "PRelu",
        "Relu",
        "Selu",
        "Sigmoid",
        "Softmax",
        "Softplus",
        "Softsign",
        "Swish",
        "Tanh",
        "ThresholdedRelu",
    }
)
_NEURAL = frozenset(
    {
        "Attention",
        "BatchNormalization",
        "Conv",
        "ConvInteger",
        "ConvTranspose",
        "GRU",
        "Gemm",
        "LSTM",
        "LayerNormalization",
        "MatMul",
        "MultiHeadAttention",
        "QLinearConv",
        "RNN",
    }
)
_CLASSICAL = "ai.onnx.ml"


def describe_onnx(path: Path, source: str) -> Entry:
    """Return what an ONNX file says of itself.

    Raises:
        WireError: It is no ONNX file.
        OSError: It cannot be read.
    """
    with path.open("rb") as stream:
        try:
            data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError:
            raise WireError("it is empty") from None
        with data:
            return _model(Message(data, 0, len(data)), source)


def describe_bytes(data: bytes, source: str) -> Entry:
    """Return the same of a file that is in memory.

    Raises:
        WireError: It is no ONNX file.
    """
    return _model(Message(data, 0, len(data)), source)


def _model(model: Message, source: str) -> Entry:
    graphs = model.messages(7)
    if not graphs:
        raise WireError("it holds no graph")
    graph = graphs[-1]
    weights = {one.text(8): (one.numbers(1), one.number(2)) for one in graph.messages(5)}
    shapes = {one.text(1): _tensor(one) for one in [*graph.messages(13), *graph.messages(12)]}
    nodes = graph.messages(1)
    unread = dict(weights)
    layers = [_layer(node, index, unread, shapes) for index, node in enumerate(nodes[:MOST_LAYERS])]
    kinds = Counter(node.text(4) for node in nodes)
    domains = {node.text(7) for node in nodes}
    return {
        "source": source,
        "from_file": True,
        "framework": "onnx",
        "framework_version": word("opset " + ", ".join(_opset(one) for one in model.messages(8))),
        "type": word(graph.text(2) or "graph"),
        "architecture": "graph",
        "deep_learning": bool(_NEURAL & set(kinds)) and _CLASSICAL not in domains,
        "inputs": [_tensor(one) for one in graph.messages(11) if one.text(1) not in weights][:64],
        "outputs": [_tensor(one) for one in graph.messages(12)][:64],
        "parameters": count(sum(_learned(*one) for one in weights.values())),
        "depth": sum(1 for layer in layers if layer["parameters"]),
        "layers": layers,
        "layer_counts": {word(kind): number for kind, number in kinds.most_common(500)},
        "activation_counts": {k: n for k, n in sorted(kinds.items()) if k in _ACTIVATIONS},
        "memory_bytes": count(
            sum(prod(dims) * _BYTES.get(_type(kind), 1) for dims, kind in weights.values())
        ),
        "hyperparameters": _facts(model),
        "truncated": len(nodes) > MOST_LAYERS,
    }


def _facts(model: Message) -> list[Entry]:
    """Return what the exporter wrote beside the graph."""
    facts: list[tuple[str, object]] = [
        ("ir_version", model.number(1)),
        ("producer", f"{model.text(2)} {model.text(3)}".strip()),
        ("model_version", model.number(5)),
    ]
    facts += [(f"metadata.{one.text(1)}", one.text(2)) for one in model.messages(14)]
    return [{"name": word(name), "value": scalar(value)} for name, value in facts[:300]]


def _opset(one: Message) -> str:
    return f"{one.text(1) or 'ai.onnx'} {one.number(2)}"


def _layer(
    node: Message,
    index: int,
    unread: dict[str, tuple[list[int], int]],
    shapes: dict[str, Entry],
) -> Entry:
    kind, inputs, outputs = node.text(4), node.texts(1), node.texts(2)
    read = [unread.pop(name) for name in inputs if name in unread]
    own = [dims for dims, kind in read if _learned(dims, kind)]
    known = shapes.get(outputs[0], {}).get("shape", []) if outputs else []
    lengths = known if isinstance(known, list) else []
    return {
        "name": word(node.text(3) or f"{kind}_{index}", 1000),
        "type": word(kind),
        "shape": [length if isinstance(length, int) else None for length in lengths],
        "weight_shapes": [[count(length) for length in dims[:16]] for dims in own[:32]],
        "parameters": count(sum(map(prod, own))) or 0,
        "activation": kind if kind in _ACTIVATIONS else "",
        "inputs": [word(name, 1000) for name in inputs[:_MOST_NAMES]],
        "outputs": [word(name, 1000) for name in outputs[:_MOST_NAMES]],
        "settings": [_attribute(one) for one in node.messages(5)[:_MOST_SETTINGS]],
    }


def _learned(dims: list[int], kind: int) -> int:
    """Return how many parameters a weight is: a list of int64 is none."""
    return 0 if _type(kind) == "int64" and len(dims) < 2 else prod(dims)


def _attribute(one: Message) -> Entry:
    kind = one.number(20)
    value: object = f"{one.size} bytes"
    if kind == 1 and one.messages(2):
        (value,) = struct.unpack("<f", one.messages(2)[-1].content()[:4].ljust(4, b"\0"))
    elif kind == 2:
        value = one.number(3)
    elif kind == 3:
        value = one.text(4)
    elif kind == 7 and one.size < 10_000:
        value = one.numbers(8)
    elif kind == 8 and one.size < 10_000:
        value = one.texts(9)
    return {"name": word(one.text(1)), "value": scalar(value)}


def _tensor(one: Message) -> Entry:
    """Return name, element type and shape of an input, an output or a value between nodes."""
    entry: Entry = {"name": word(one.text(1), 1000)}
    for kind in one.messages(2):
        for tensor in kind.messages(1):
            entry["type"] = _type(tensor.number(1))
            entry["shape"] = [
                _length(length) for dims in tensor.messages(2) for length in dims.messages(1)
            ][:16]
    return entry


def _length(one: Message) -> int | str | None:
    named = one.text(2)
    return word(named) if named else count(one.number(1, -1))


def _type(number: int) -> str:
    return _TYPES[number] if 0 <= number < len(_TYPES) else f"type {number}"
