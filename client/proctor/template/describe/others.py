"""Boosted trees, ONNX sessions, and numbers that a model keeps as plain arrays."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..wire import WireError
from .loose import Loose, loose_entry
from .onnx_file import describe_bytes, describe_onnx
from .values import Entry, count, settings, word

_MOST_ARRAYS = 500


def describe_session(session: Any, source: str) -> Entry:
    """Return what an onnxruntime session runs; layer by layer where its file is still there."""
    runtime = sys.modules.get("onnxruntime")
    version = f"onnxruntime {getattr(runtime, '__version__', '')}".strip()
    path = getattr(session, "_model_path", None)
    entry: Entry = {"source": source, "framework": "onnx", "type": "InferenceSession"}
    if isinstance(path, str) and Path(path).is_file():
        with suppress(WireError, OSError):
            entry = describe_onnx(Path(path), source)
    graph_version = entry.get("framework_version")
    return {
        **entry,
        "from_file": False,
        "framework_version": word(f"{version}, {graph_version}" if graph_version else version),
        "inputs": [_argument(one) for one in session.get_inputs()[:64]],
        "outputs": [_argument(one) for one in session.get_outputs()[:64]],
    }


def describe_proto(model: Any, source: str) -> Entry:
    """Return what an ``onnx.ModelProto`` in memory says of itself."""
    return {**describe_bytes(model.SerializeToString(), source), "from_file": False}


def describe_booster(booster: Any, source: str, framework: str) -> Entry:
    """Return what boosted trees are made of."""
    entry: Entry = {
        "source": source,
        "framework": framework,
        "framework_version": word(getattr(sys.modules.get(framework), "__version__", "")),
        "type": word(type(booster).__name__),
        "architecture": "boosted trees",
        "deep_learning": False,
    }
    for name, calls in (
        ("features", ("num_features", "num_feature")),
        ("epochs", ("num_boosted_rounds", "current_iteration", "tree_count_")),
    ):
        for call in calls:
            method = getattr(booster, call, None)
            found = count(method() if callable(method) else method)
            if found is not None:
                entry[name] = found
                break
    entry["parameters"] = tree_nodes(booster)
    entry["hyperparameters"] = settings(_booster_settings(booster))
    return entry


def tree_nodes(booster: Any) -> int | None:
    """Return the nodes of all trees of a booster; None where it does not tell."""
    dump = getattr(booster, "get_dump", None)
    if callable(dump):
        return count(sum(len(tree.splitlines()) for tree in dump()))
    dump = getattr(booster, "dump_model", None)
    if not callable(dump) or not hasattr(booster, "num_trees"):
        return None
    # A tree that splits in two has one node less inside than it has leaves.
    return count(sum(2 * tree["num_leaves"] - 1 for tree in dump()["tree_info"]))


def describe_arrays(arrays: list[tuple[str, Any]], source: str) -> Entry:
    """Return the arrays of numbers that a model without a framework keeps."""
    kept = [
        Loose(name, one, int(one.size), int(one.nbytes))
        for name, one in arrays
        if getattr(one.dtype, "kind", "") in "biufc"
    ]
    return loose_entry("numpy", "numpy", "arrays", kept, source, _MOST_ARRAYS)


def describe_unknown(value: object, source: str, framework: str) -> Entry:
    """Return the class of an object whose insides are not known here, and its plain attributes."""
    attributes = {
        name: one
        for name, one in list(vars(value).items() if hasattr(value, "__dict__") else [])
        if not name.startswith("_") and isinstance(one, (bool, int, float, str))
    }
    return {
        "source": source,
        "framework": framework,
        "framework_version": word(getattr(sys.modules.get(framework), "__version__", "")),
        "type": word(type(value).__name__),
        "hyperparameters": settings(attributes),
    }


def _argument(one: Any) -> Entry:
    lengths = [
        word(length) if isinstance(length, str) else count(length)
        for length in list(one.shape)[:16]
    ]
    return {"name": word(one.name, 1000), "type": word(one.type), "shape": lengths}


def _booster_settings(booster: Any) -> dict[str, object]:
    save = getattr(booster, "save_config", None)
    if callable(save):
        return _flat(json.loads(save()))
    parameters = getattr(booster, "params", None)
    if parameters is None:
        get = getattr(booster, "get_all_params", None)
        parameters = get() if callable(get) else {}
    return dict(parameters) if isinstance(parameters, dict) else {}


def _flat(document: object, before: str = "") -> dict[str, object]:
    """Return the leaves of nested objects by their path."""
    if not isinstance(document, dict):
        return {before: document}
    made: dict[str, object] = {}
    for name, value in document.items():
        made.update(_flat(value, f"{before}.{name}".lstrip(".")))
    return made
