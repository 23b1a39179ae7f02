"""A PyTorch module as layers: every module that has no module inside, or weights of its own.

Weights are parameters; where a module has none, what it was quantized to, or what freezing made
constants of its code. A lazy module that was never asked does not know how many it has.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

from .loose import Loose, loose_entry
from .values import Entry, count, settings, shape, word

MOST_LAYERS = 5000
_MOST_SETTINGS = 64
_PLAIN = (bool, int, float, str, tuple)


def describe_module(module: Any, source: str) -> Entry:
    """Return what a ``torch.nn.Module`` is made of."""
    layers: list[Entry] = []
    seen: set[int] = set()
    activations = _activations()
    for name, part in module.named_modules():
        own = list(part.parameters(recurse=False)) or _packed(part)
        if type(part).__name__ == "LinearPackedParams":
            continue
        if not own and next(part.children(), None) is not None:
            continue
        fresh = [one for one in own if id(one) not in seen]
        seen.update(map(id, own))
        kind = getattr(part, "original_name", type(part).__name__)
        layers.append(
            {
                "name": word(name or kind, 1000),
                "type": word(kind),
                "weight_shapes": [shape(one.shape) for one in own[:32] if not _is_lazy(one)],
                "parameters": _numbers(fresh) or 0,
                "trainable": _numbers([one for one in fresh if one.requires_grad]),
                "activation": word(kind) if kind in activations else "",
                "settings": settings(_plain_attributes(part), most=_MOST_SETTINGS),
            }
        )
    parameters = list(module.parameters()) or _constants(module)
    parameters += [one for part in module.modules() for one in _packed(part)]
    kind = word(getattr(module, "original_name", type(module).__name__))
    kinds = Counter(str(layer["type"]) for layer in layers)
    used = Counter(str(layer["activation"]) for layer in layers if layer["activation"])
    return {
        "source": source,
        "framework": "pytorch",
        "framework_version": word(getattr(sys.modules.get("torch"), "__version__", "")),
        "type": kind,
        "architecture": "sequential" if kind == "Sequential" else "module",
        "deep_learning": True,
        "parameters": _numbers(parameters),
        "trainable": _numbers([one for one in parameters if one.requires_grad]),
        "depth": sum(1 for layer in layers if layer["parameters"]),
        "layers": layers[:MOST_LAYERS],
        "layer_counts": dict(kinds.most_common(500)),
        "activation_counts": dict(used.most_common(200)),
        "hyperparameters": settings(_plain_attributes(module), most=300),
        "memory_bytes": count(_size_bytes(parameters)),
        "truncated": len(layers) > MOST_LAYERS,
    }


def describe_tensors(tensors: list[tuple[str, Any]], source: str) -> Entry:
    """Return the tensors that a model keeps without a module, such as a ``state_dict``."""
    kept = [Loose(name, one, _numbers([one]), _size_bytes([one])) for name, one in tensors]
    return loose_entry("pytorch", "torch", "tensors", kept, source, MOST_LAYERS)


def _is_lazy(tensor: Any) -> bool:
    """Tell whether a weight waits for the first input to learn its shape."""
    return type(tensor).__name__.startswith("Uninitialized")


def _numbers(tensors: list[Any]) -> int | None:
    if any(map(_is_lazy, tensors)):
        return None
    return count(sum(one.numel() for one in tensors))


def _size_bytes(tensors: list[Any]) -> int:
    return sum(one.numel() * one.element_size() for one in tensors if not _is_lazy(one))


def _packed(part: Any) -> list[Any]:
    """Return weight and bias of a quantized layer, whose methods unpack them."""
    given = [getattr(part, name, None) for name in ("weight", "bias")]
    if not callable(given[0]) or not type(part).__module__.startswith("torch."):
        return []
    return [one for one in (method() for method in given if callable(method)) if one is not None]


def _constants(module: Any) -> list[Any]:
    """Return the tensors that are constants of a script's code, as `torch.jit.freeze` leaves."""
    graph = getattr(module, "inlined_graph", None)
    nodes = graph.findAllNodes("prim::Constant") if graph is not None else []
    values = [node.output().toIValue() for node in nodes]
    flat = [one for value in values for one in (value if isinstance(value, list) else [value])]
    return [one for one in flat if hasattr(one, "numel") and one.is_floating_point()]


def _plain_attributes(part: Any) -> dict[str, object]:
    return {
        name: value
        for name, value in vars(part).items()
        if not name.startswith("_") and name != "training" and isinstance(value, _PLAIN)
    }


def _activations() -> set[str]:
    module = sys.modules.get("torch.nn.modules.activation")
    return set(getattr(module, "__all__", ())) - {"MultiheadAttention"}
