"""A PyTorch module as layers: every module that has no module inside, or weights of its own."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

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
        own = list(part.parameters(recurse=False))
        if not own and next(part.children(), None) is not None:
            continue
        fresh = [one for one in own if id(one) not in seen]
        seen.update(map(id, own))
        kind = getattr(part, "original_name", type(part).__name__)
        layers.append(
            {
                "name": word(name or kind, 1000),
                "type": word(kind),
                "weight_shapes": [shape(one.shape) for one in own[:32]],
                "parameters": count(sum(one.numel() for one in fresh)) or 0,
                "trainable": count(sum(one.numel() for one in fresh if one.requires_grad)),
                "activation": word(kind) if kind in activations else "",
                "settings": settings(_plain_attributes(part), most=_MOST_SETTINGS),
            }
        )
    parameters = list(module.parameters())
    kinds = Counter(str(layer["type"]) for layer in layers)
    used = Counter(str(layer["activation"]) for layer in layers if layer["activation"])
    return {
        "source": source,
        "framework": "pytorch",
        "framework_version": word(getattr(sys.modules.get("torch"), "__version__", "")),
        "type": word(getattr(module, "original_name", type(module).__name__)),
        "architecture": "sequential" if type(module).__name__ == "Sequential" else "module",
        "deep_learning": True,
        "parameters": count(sum(one.numel() for one in parameters)),
        "trainable": count(sum(one.numel() for one in parameters if one.requires_grad)),
        "depth": sum(1 for layer in layers if layer["parameters"]),
        "layers": layers[:MOST_LAYERS],
        "layer_counts": dict(kinds.most_common(500)),
        "activation_counts": dict(used.most_common(200)),
        "hyperparameters": settings(_plain_attributes(module), most=300),
        "memory_bytes": count(sum(one.numel() * one.element_size() for one in parameters)),
        "truncated": len(layers) > MOST_LAYERS,
    }


def _plain_attributes(part: Any) -> dict[str, object]:
    return {
        name: value
        for name, value in vars(part).items()
        if not name.startswith("_") and name != "training" and isinstance(value, _PLAIN)
    }


def _activations() -> set[str]:
    module = sys.modules.get("torch.nn.modules.activation")
    return set(getattr(module, "__all__", ())) - {"MultiheadAttention"}
