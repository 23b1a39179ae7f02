"""A scikit-learn estimator, or one that follows its rules: every step of it, not the last alone.

Parameters are the numbers that were learned: coefficients, nodes of trees, kept samples. What a
search or a meta-estimator was fitted to stands in for what it was given.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

from .others import tree_nodes
from .values import Entry, count, defaults_of, settings, shape, word

_MOST_STEPS = 200
_MOST_DEPTH = 12
# Attributes that hold what was learned, in scikit-learn's own names.
_LEARNED = (
    "coef_",
    "intercept_",
    "coefs_",
    "intercepts_",
    "cluster_centers_",
    "means_",
    "covariances_",
    "weights_",
    "theta_",
    "var_",
    "feature_log_prob_",
    "class_log_prior_",
    "support_vectors_",
    "dual_coef_",
    "_fit_X",
    "components_",
    "mean_",
    "scale_",
    "center_",
    "data_min_",
    "data_range_",
    "statistics_",
    "scalings_",
    "idf_",
    "bin_edges_",
    "categories_",
)
_LIBRARIES = ("xgboost", "lightgbm", "catboost", "imblearn", "skorch")
_ACTIVATIONS = {"identity": "identity", "logistic": "sigmoid"}


def describe_estimator(value: object, source: str) -> Entry:
    """Return what an estimator is made of."""
    steps = _steps(value)
    leaf = _final(value)
    package = type(leaf).__module__.partition(".")[0]
    library = package if package in _LIBRARIES else "sklearn"
    layers = _layers(leaf)
    entry: Entry = {
        "source": source,
        "framework": "scikit-learn" if library == "sklearn" else library,
        "framework_version": word(getattr(sys.modules.get(library), "__version__", "")),
        "type": word(type(value).__name__),
        "architecture": "pipeline" if hasattr(value, "steps") else "estimator",
        "task": _task(value),
        "deep_learning": False,
        "hyperparameters": _own_settings(value),
        "steps": steps,
        "layers": layers,
        "layer_counts": dict(Counter(str(layer["type"]) for layer in layers)),
        "activation_counts": dict(Counter(str(layer["activation"]) for layer in layers)),
        "parameters": _learned(leaf, steps),
        "optimizer": word(getattr(leaf, "solver", "") or ""),
        "loss": word(getattr(leaf, "loss", "") or ""),
        "memory_bytes": count(_size(value, set())[1]),
    }
    for name, attribute in (("features", "n_features_in_"), ("epochs", "n_iter_")):
        number = getattr(value if name == "features" else leaf, attribute, None)
        highest = getattr(number, "max", None)
        found = count(highest() if callable(highest) else number)
        if found is not None:
            entry[name] = found
    classes = getattr(leaf, "classes_", None)
    if hasattr(classes, "__len__"):
        entry["classes"] = len(classes)  # type: ignore[arg-type]
    depth = _depth(leaf)
    if depth is not None:
        entry["depth"] = depth
    return entry


def _learned(leaf: object, steps: list[Entry]) -> int | None:
    """Return how many numbers were learned: of boosted trees, their nodes."""
    get = getattr(leaf, "get_booster", None)
    booster = get() if callable(get) else getattr(leaf, "booster_", None)
    if booster is not None:
        return tree_nodes(booster)
    return count(sum(int(str(step["parameters"] or 0)) for step in steps))


def _steps(value: object) -> list[Entry]:
    """Return the estimator and everything inside it, each with its path."""
    made: list[Entry] = []
    waiting: list[tuple[str, object, int]] = [("", value, 0)]
    while waiting and len(made) < _MOST_STEPS:
        path, step, depth = waiting.pop(0)
        parts = _parts(step)
        made.append(
            {
                "path": word(path or type(value).__name__, 1000),
                "type": word(type(step).__name__ if not isinstance(step, str) else step),
                "hyperparameters": [] if isinstance(step, str) else _own_settings(step),
                "parameters": count(0 if isinstance(step, str) else _size(step, set(), parts)[0]),
            }
        )
        if depth < _MOST_DEPTH:
            inner = [(f"{path}/{name}".lstrip("/"), part, depth + 1) for name, part in parts]
            waiting = inner + waiting
    return made


def _parts(step: object) -> list[tuple[str, object]]:
    """Return the estimators that one is made of, those that were fitted where there are some."""
    if isinstance(step, str):
        return []
    best = getattr(step, "best_estimator_", None)
    if best is not None:
        return [("best_estimator", best)]
    fitted = getattr(step, "transformers_", None)
    if isinstance(fitted, list):
        return [(str(entry[0]), entry[1]) for entry in fitted if _is_step(entry[1])]
    named = _named(step)
    estimators = getattr(step, "estimators_", None)
    if isinstance(estimators, list) and len(estimators) == len(named):
        return [(name, estimators[index]) for index, (name, _) in enumerate(named)]
    if named:
        return named
    given = _parameters(step).get("estimator")
    inner = getattr(step, "estimator_", given) if given is not None else None
    return [("estimator", inner)] if _is_step(inner) else []


def _named(step: object) -> list[tuple[str, object]]:
    for value in _parameters(step).values():
        if (
            isinstance(value, (list, tuple))
            and value
            and all(isinstance(one, tuple) and len(one) > 1 and _is_step(one[1]) for one in value)
        ):
            return [(str(one[0]), one[1]) for one in value]
    return []


def _is_step(value: object) -> bool:
    return (
        value in ("passthrough", "drop") if isinstance(value, str) else hasattr(value, "get_params")
    )


def _parameters(step: object) -> dict[str, object]:
    get = getattr(step, "get_params", None)
    if not callable(get) or isinstance(step, type):
        return {}
    found = get(deep=False)
    return found if isinstance(found, dict) else {}


def _own_settings(step: object) -> list[Entry]:
    """Return the settings of one step alone; what it is made of are steps of their own."""
    plain = {
        name: value
        for name, value in _parameters(step).items()
        if not _is_step(value) and not (isinstance(value, (list, tuple)) and _holds_steps(value))
    }
    return settings(plain, defaults_of(type(step)))


def _holds_steps(values: object) -> bool:
    return any(
        isinstance(one, tuple) and len(one) > 1 and _is_step(one[1])
        for one in values  # type: ignore[attr-defined]
    )


def _final(value: object) -> object:
    """Return what gives the answer: the last step, the best of a search."""
    for _ in range(_MOST_DEPTH):
        inner = getattr(value, "best_estimator_", None)
        steps = getattr(value, "steps", None)
        if (
            inner is None
            and isinstance(steps, list)
            and steps
            and not isinstance(steps[-1][1], str)
        ):
            inner = steps[-1][1]
        if inner is None:
            return value
        value = inner
    return value


def _task(value: object) -> str:
    base = sys.modules.get("sklearn.base")
    for name in ("classifier", "regressor", "outlier_detector", "clusterer"):
        test = getattr(base, f"is_{name}", None)
        try:
            if callable(test) and test(value):
                return {"classifier": "classification", "regressor": "regression"}.get(name, name)
        except (AttributeError, TypeError):
            continue
    return ""


def _layers(leaf: object) -> list[Entry]:
    """Return the layers of a multi-layer perceptron."""
    coefs = getattr(leaf, "coefs_", None)
    if not isinstance(coefs, list):
        return []
    intercepts = getattr(leaf, "intercepts_", [])
    last = str(getattr(leaf, "out_activation_", ""))
    hidden = str(getattr(leaf, "activation", ""))
    made: list[Entry] = []
    for index, weights in enumerate(coefs):
        activation = last if index == len(coefs) - 1 else hidden
        shapes = [weights.shape, intercepts[index].shape]
        made.append(
            {
                "name": f"dense_{index + 1}",
                "type": "Dense",
                "shape": [None, count(weights.shape[1])],
                "weight_shapes": [shape(one) for one in shapes],
                "parameters": count(weights.size + intercepts[index].size),
                "trainable": count(weights.size + intercepts[index].size),
                "activation": _ACTIVATIONS.get(activation, activation),
            }
        )
    return made


def _size(
    value: object, seen: set[int], apart: list[tuple[str, object]] | None = None
) -> tuple[int, int]:
    """Return how many numbers were learned and their bytes, without those of parts told apart."""
    if id(value) in seen or isinstance(value, str):
        return 0, 0
    seen.add(id(value))
    seen.update(id(part) for _, part in apart or ())
    numbers = size_bytes = 0
    tree = getattr(value, "tree_", None)
    if hasattr(tree, "node_count"):
        nodes = int(getattr(tree, "node_count", 0))
        return nodes, nodes * 64
    arrays: list[Any] = [getattr(value, name, None) for name in _LEARNED]
    for array in arrays:
        for one in array if isinstance(array, (list, tuple)) else [array]:
            if hasattr(one, "nbytes") and hasattr(one, "size"):
                numbers += int(one.size)
                size_bytes += int(one.nbytes)
    for inner in _ensemble(value) + [part for _, part in _parts(value)]:
        more, bytes_ = _size(inner, seen)
        numbers, size_bytes = numbers + more, size_bytes + bytes_
    return numbers, size_bytes


def _ensemble(value: object) -> list[object]:
    """Return the members of an ensemble, in whatever nesting it keeps them."""
    members = getattr(value, "estimators_", None)
    if members is None:
        return []
    flat = getattr(members, "ravel", None)
    listed = list(flat()) if callable(flat) else list(members)
    return [one for one in listed if hasattr(one, "get_params")]


def _depth(leaf: object) -> int | None:
    """Return the levels of a tree, the most of a forest, or the layers of a perceptron."""
    coefs = getattr(leaf, "coefs_", None)
    if isinstance(coefs, list):
        return len(coefs)
    depths = [
        count(getattr(tree, "max_depth", None))
        for tree in (getattr(one, "tree_", None) for one in [leaf, *_ensemble(leaf)])
        if tree is not None
    ]
    known = [depth for depth in depths if depth is not None]
    return max(known) if known else None
