"""A Keras model as layers, with its optimizer and loss where it was compiled."""

from __future__ import annotations

import sys
from collections import Counter
from math import prod
from typing import Any

from .values import Entry, count, settings, shape, word

MOST_LAYERS = 5000


def describe_keras(model: Any, source: str) -> Entry:
    """Return what a Keras model or layer is made of."""
    parts = list(getattr(model, "layers", [model]))
    layers = [_layer(part) for part in parts[:MOST_LAYERS]]
    used = Counter(str(layer["activation"]) for layer in layers if layer["activation"])
    library = sys.modules.get("keras") or sys.modules.get("tf_keras")
    optimizer, loss = getattr(model, "optimizer", None), getattr(model, "loss", None)
    entry: Entry = {
        "source": source,
        "framework": "keras",
        "framework_version": word(getattr(library, "__version__", "")),
        "type": word(type(model).__name__),
        "architecture": "sequential" if type(model).__name__ == "Sequential" else "functional",
        "deep_learning": True,
        "parameters": _parameters(model),
        "trainable": _size(getattr(model, "trainable_weights", [])),
        "depth": sum(1 for layer in layers if layer["parameters"]),
        "layers": layers,
        "layer_counts": dict(Counter(str(layer["type"]) for layer in layers).most_common(500)),
        "activation_counts": dict(used.most_common(200)),
        "optimizer": word(type(optimizer).__name__) if optimizer is not None else "",
        "loss": _loss(loss),
        "hyperparameters": settings(_config(optimizer), most=100) if optimizer is not None else [],
        "truncated": len(parts) > MOST_LAYERS,
    }
    for name in ("inputs", "outputs"):
        tensors = getattr(model, name, None) or []
        entry[name] = [
            {
                "name": word(getattr(one, "name", ""), 1000),
                "type": word(getattr(one, "dtype", "")),
                "shape": shape(getattr(one, "shape", ())),
            }
            for one in list(tensors)[:64]
        ]
    return entry


def _layer(part: Any) -> Entry:
    config = _config(part)
    activation = config.get("activation")
    output = getattr(part, "output", None)
    before = getattr(part, "input", None)
    return {
        "name": word(getattr(part, "name", ""), 1000),
        "type": word(type(part).__name__),
        "shape": shape(getattr(output, "shape", ())) if not isinstance(output, list) else [],
        "weight_shapes": [shape(one.shape) for one in list(getattr(part, "weights", []))[:32]],
        "parameters": _parameters(part) or 0,
        "trainable": _size(getattr(part, "trainable_weights", [])),
        "activation": word(activation) if isinstance(activation, str) else "",
        "inputs": [
            word(getattr(one, "name", ""), 1000)
            for one in (
                before if isinstance(before, list) else [before] if before is not None else []
            )
        ][:256],
        "settings": settings(
            {
                k: v
                for k, v in config.items()
                if isinstance(v, (bool, int, float, str, tuple, list))
            },
            most=64,
        ),
    }


def _loss(loss: Any) -> str:
    if isinstance(loss, str):
        return word(loss)
    return word(getattr(loss, "__name__", "") or getattr(loss, "name", "") or "")


def _config(part: Any) -> dict[str, object]:
    get = getattr(part, "get_config", None)
    try:
        found = get() if callable(get) else {}
    except NotImplementedError:
        return {}
    return found if isinstance(found, dict) else {}


def _parameters(part: Any) -> int | None:
    try:
        return count(part.count_params())
    except (AttributeError, ValueError):
        return None


def _size(weights: list[Any]) -> int | None:
    return count(sum(prod(int(length) for length in one.shape) for one in weights))
