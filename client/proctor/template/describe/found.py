"""Finds the trained objects that a loaded `Model` holds, wherever its author keeps them.

Attributes, containers and objects of the model's own classes are walked breadth first; an object of
a known framework is found, and what is inside it is that framework's affair.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator
from types import ModuleType
from typing import NamedTuple

from ..readers.reader import is_of

_MOST_LOOKED_AT = 20_000
_MOST_FOUND = 32
_MOST_DEPTH = 6
_MOST_IN_A_CONTAINER = 500

# By the top-level package and the name of a class in its ancestry.
_KNOWN = {
    ("sklearn", "BaseEstimator"): "scikit-learn",
    ("xgboost", "Booster"): "xgboost",
    ("lightgbm", "Booster"): "lightgbm",
    ("catboost", "_CatBoostBase"): "catboost",
    ("torch", "Module"): "pytorch",
    ("keras", "Layer"): "keras",
    ("tf_keras", "Layer"): "keras",
    ("tensorflow", "Module"): "tensorflow",
    ("onnxruntime", "Session"): "onnx",
    ("onnx", "ModelProto"): "onnx",
    ("statsmodels", "Results"): "statsmodels",
}


class Found(NamedTuple):
    """One trained object: where it is, whose it is, and itself."""

    source: str
    framework: str
    value: object


def find_models(model: object) -> list[Found]:
    """Return the objects of known frameworks that ``model`` and its module hold."""
    found: list[Found] = []
    for source, value in _held(model):
        framework = framework_of(value)
        if framework:
            found.append(Found(source, framework, value))
        if len(found) == _MOST_FOUND:
            break
    return found


def find_tensors(model: object) -> list[tuple[str, object]]:
    """Return the PyTorch tensors that ``model`` and its module hold."""
    return [(source, value) for source, value in _held(model) if is_of(value, "torch", "Tensor")]


def find_arrays(model: object) -> list[tuple[str, object]]:
    """Return the numpy arrays that ``model`` and its module hold."""
    found: list[tuple[str, object]] = []
    for source, value in _held(model):
        if is_of(value, "numpy", "ndarray"):
            found.append((source, value))
        elif is_of(value, "numpy", "NpzFile"):
            names = list(getattr(value, "files", []))[:_MOST_IN_A_CONTAINER]
            found += [(f"{source}[{name!r}]", value[name]) for name in names]  # type: ignore[index]
    return found


def _held(model: object) -> Iterator[tuple[str, object]]:
    module = sys.modules.get(type(model).__module__)
    return _walk(model, module, _own_packages(model))


def framework_of(value: object) -> str:
    """Return the framework that an object is of; empty when it is of none that is known."""
    if isinstance(value, (type, ModuleType)):
        return ""
    for kind in type(value).__mro__:
        package = kind.__module__.partition(".")[0]
        framework = _KNOWN.get((package, kind.__name__))
        if framework:
            return framework
    return ""


def _walk(model: object, module: ModuleType | None, own: set[str]) -> Iterator[tuple[str, object]]:
    queue: deque[tuple[str, object, int]] = deque()
    queue.append((type(model).__name__, model, 0))
    if module is not None:
        globals_ = {k: v for k, v in vars(module).items() if not k.startswith("__")}
        queue += [(name, value, 1) for name, value in globals_.items() if _is_data(value, own)]
    seen: set[int] = set()
    while queue and len(seen) < _MOST_LOOKED_AT:
        source, value, depth = queue.popleft()
        if id(value) in seen:
            continue
        seen.add(id(value))
        yield source, value
        if depth < _MOST_DEPTH and not framework_of(value):
            queue += [(name, inner, depth + 1) for name, inner in _inside(source, value, own)]


def _inside(source: str, value: object, own: set[str]) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        items = list(value.items())[:_MOST_IN_A_CONTAINER]
        yield from ((f"{source}[{str(key)[:60]!r}]", inner) for key, inner in items)
    elif isinstance(value, (list, tuple, set, frozenset)):
        inner_values = list(value)[:_MOST_IN_A_CONTAINER]
        yield from ((f"{source}[{index}]", inner) for index, inner in enumerate(inner_values))
    elif type(value).__module__.partition(".")[0] in own:
        attributes = list(getattr(value, "__dict__", {}).items())[:_MOST_IN_A_CONTAINER]
        yield from ((f"{source}.{name}", inner) for name, inner in attributes)


def _is_data(value: object, own: set[str]) -> bool:
    if isinstance(value, (type, ModuleType)) or (callable(value) and not framework_of(value)):
        return False
    package = type(value).__module__.partition(".")[0]
    return bool(framework_of(value)) or package in own or package in ("builtins", "numpy")


def _own_packages(model: object) -> set[str]:
    """Return the top-level modules that come from the model's folder."""
    module = sys.modules.get(type(model).__module__)
    file = getattr(module, "__file__", None)
    own = {type(model).__module__.partition(".")[0]}
    if file is None:
        return own
    folder = file.rpartition("/")[0] + "/"
    for name, other in list(sys.modules.items()):
        if str(getattr(other, "__file__", None) or "").startswith(folder):
            own.add(name.partition(".")[0])
    return own
