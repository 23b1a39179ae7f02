"""Puts together what was found out about a loaded model, and writes it as one JSON file."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..engine import Engine
from .estimators import describe_estimator
from .files import describe_files
from .found import Found, find_arrays, find_models, find_tensors
from .keras_models import describe_keras
from .modules import describe_module, describe_tensors
from .others import (
    describe_arrays,
    describe_booster,
    describe_proto,
    describe_session,
    describe_unknown,
)
from .packages import installed
from .values import Entry, word

FILE = "metadata.json"
_MOST_BYTES = 2 << 20


def describe(folder: Path, output_folder: Path, seed: int) -> None:
    """Load a model folder and write what was found out; complete or not at all.

    Raises:
        ModelFolderError: The model cannot start.
    """
    began = time.monotonic()
    engine = Engine.start(folder, seed)
    found = document(engine, folder, time.monotonic() - began)
    temporary = output_folder / f"{FILE}.part"
    temporary.write_bytes(_fitting(found))
    os.replace(str(temporary), str(output_folder / FILE))


def document(engine: Engine, folder: Path, load_s: float) -> dict[str, Any]:
    """Return what was found out about a loaded model."""
    model = engine.model
    problems: list[str] = []
    models = [entry for one in find_models(model) for entry in _described(one, problems)]
    if not models:
        arrays = find_arrays(model)
        if arrays:
            models.append(describe_arrays(arrays, type(model).__name__))
        tensors = find_tensors(model)
        if tensors:
            models.append(describe_tensors(tensors, type(model).__name__))
    models += describe_files(folder, problems)
    return {
        "format": 1,
        "python": platform.python_version(),
        "platform": word(f"{platform.system()} {platform.machine()}".lower()),
        "models": models[:64],
        "packages": installed(),
        "load_s": round(load_s, 6),
        "card_name": word(engine.card.document.get("name", "")),
        "problems": problems[:64],
    }


def _described(one: Found, problems: list[str]) -> list[Entry]:
    makers: dict[str, Callable[[Any, str], Entry]] = {
        "scikit-learn": describe_estimator,
        "pytorch": describe_module,
        "keras": describe_keras,
        "onnx": describe_session if hasattr(one.value, "get_inputs") else describe_proto,
        "xgboost": lambda value, source: describe_booster(value, source, "xgboost"),
        "lightgbm": lambda value, source: describe_booster(value, source, "lightgbm"),
        "catboost": lambda value, source: describe_booster(value, source, "catboost"),
    }
    source = word(one.source, 1000)
    try:
        maker = makers.get(one.framework)
        if maker is None:
            return [describe_unknown(one.value, source, one.framework)]
        return [maker(one.value, source)]
    # Objects of strangers, and frameworks of any version: whatever they raise, the rest is told.
    except Exception as error:
        problems.append(word(f"{source}: {type(error).__name__}: {error}", 1000))
        return []


def _fitting(found: dict[str, Any]) -> bytes:
    """Return the document as JSON of at most 2 MiB: settings of layers go first, then layers."""
    data = _json(found)
    for most_layers in (5000, 1000, 200, 0):
        if len(data) <= _MOST_BYTES:
            break
        for model in found["models"]:
            layers = model.get("layers", [])
            for layer in layers:
                layer.pop("settings", None)
            model["truncated"] = True
            model["layers"] = layers[:most_layers]
        data = _json(found)
    return data


def _json(found: dict[str, Any]) -> bytes:
    return json.dumps(found, allow_nan=False, separators=(",", ":")).encode()
