"""What files of a model folder say of themselves: graphs, layers and headers, without loading them.

Only formats that tell without running code are opened: ONNX, safetensors, Keras archives. A pickle
is named as what it is and left alone.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections import Counter
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

from ..wire import WireError
from .onnx_file import describe_onnx
from .values import Entry, count, settings, shape, word

_MOST_FILES = 5000
_MOST_DESCRIBED = 16
_MOST_HEADER_BYTES = 32 << 20
_MOST_LAYERS = 5000
_BYTES = {"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2}


def describe_files(folder: Path, problems: list[str]) -> list[Entry]:
    """Return what the files below a folder say; what cannot be read is added to ``problems``."""
    readers = {
        ".onnx": describe_onnx,
        ".safetensors": _safetensors,
        ".keras": _keras_archive,
    }
    made: list[Entry] = []
    for path in _files(folder):
        reader = readers.get(path.suffix.lower())
        if reader is None:
            continue
        if len(made) == _MOST_DESCRIBED:
            problems.append(f"only {_MOST_DESCRIBED} files are described")
            break
        name = path.relative_to(folder).as_posix()
        try:
            made.append(reader(path, word(name, 1000)))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, WireError) as error:
            problems.append(word(f"{name} cannot be read: {error}", 1000))
    return made


def _files(folder: Path) -> Iterator[Path]:
    seen = 0
    for root, folders, names in os.walk(str(folder)):
        folders.sort()
        for name in sorted(names):
            seen += 1
            path = Path(root) / name
            if seen > _MOST_FILES:
                return
            if path.is_file() and not path.is_symlink():
                yield path


def _safetensors(path: Path, source: str) -> Entry:
    with path.open("rb") as stream:
        size = int.from_bytes(stream.read(8), "little")
        if not 2 <= size <= _MOST_HEADER_BYTES:
            raise ValueError("its header is none")
        header = json.loads(stream.read(size))
    facts = header.pop("__metadata__", None) or {}
    layers: dict[str, list[tuple[str, Any]]] = {}
    for name, tensor in header.items():
        owner = name.rpartition(".")[0] or name
        layers.setdefault(owner, []).append((name, tensor))
    sizes = {name: prod(tensor["shape"]) for name, tensor in header.items()}
    return {
        "source": source,
        "from_file": True,
        "framework": word(facts.get("format") or "safetensors"),
        "type": "safetensors",
        "architecture": "weights",
        "parameters": count(sum(sizes.values())),
        "memory_bytes": count(
            sum(sizes[name] * _BYTES.get(tensor["dtype"], 1) for name, tensor in header.items())
        ),
        "layers": [
            {
                "name": word(owner, 1000),
                "type": "tensors",
                "weight_shapes": [shape(tensor["shape"]) for _, tensor in tensors[:32]],
                "parameters": count(sum(sizes[name] for name, _ in tensors)) or 0,
            }
            for owner, tensors in list(layers.items())[:_MOST_LAYERS]
        ],
        "hyperparameters": settings(facts),
        "truncated": len(layers) > _MOST_LAYERS,
    }


def _keras_archive(path: Path, source: str) -> Entry:
    with zipfile.ZipFile(str(path)) as archive:
        config = _member(archive, "config.json")
        facts = _member(archive, "metadata.json")
    parts = config.get("config", {}).get("layers", [])
    layers = [_keras_layer(part) for part in parts[:_MOST_LAYERS]]
    compiled = config.get("compile_config") or {}
    optimizer = compiled.get("optimizer")
    return {
        "source": source,
        "from_file": True,
        "framework": "keras",
        "framework_version": word(facts.get("keras_version", "")),
        "type": word(config.get("class_name", "")),
        "architecture": "sequential" if config.get("class_name") == "Sequential" else "functional",
        "deep_learning": True,
        "layers": layers,
        "layer_counts": dict(Counter(str(layer["type"]) for layer in layers)),
        "activation_counts": dict(
            Counter(str(layer["activation"]) for layer in layers if layer["activation"])
        ),
        "optimizer": word(optimizer.get("class_name", "") if isinstance(optimizer, dict) else ""),
        "loss": _keras_loss(compiled.get("loss")),
        "truncated": len(parts) > _MOST_LAYERS,
    }


def _keras_loss(loss: Any) -> str:
    """Return the name of a loss, which Keras writes as text or as an object with its settings."""
    if isinstance(loss, dict):
        config = loss.get("config")
        loss = config.get("name") if isinstance(config, dict) else config
    return word(loss or "")


def _member(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    with archive.open(name) as stream:
        data = stream.read(_MOST_HEADER_BYTES + 1)
    if len(data) > _MOST_HEADER_BYTES:
        raise ValueError(f"{name} has more than {_MOST_HEADER_BYTES} bytes")
    found = json.loads(data)
    if not isinstance(found, dict):
        raise ValueError(f"{name} is no object")
    return found


def _keras_layer(part: dict[str, Any]) -> Entry:
    config = part.get("config", {})
    plain = {k: v for k, v in config.items() if isinstance(v, (bool, int, float, str, list))}
    activation = config.get("activation")
    return {
        "name": word(config.get("name", ""), 1000),
        "type": word(part.get("class_name", "")),
        "activation": word(activation) if isinstance(activation, str) else "",
        "settings": settings(plain, most=64),
    }
