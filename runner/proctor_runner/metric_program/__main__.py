"""Calls the function for every case or set of cases of ``metric.json``; see the package.

Ends with 1 and a traceback when the function cannot be loaded or raises.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

JOB_FILE = "metric.json"
SCORES_FILE = "scores.json"


def main() -> int:
    """Answer the whole job."""
    source = Path(os.environ.get("PROCTOR_INPUT") or "/input")
    target = Path(os.environ.get("PROCTOR_OUTPUT") or "/output")
    job = json.loads((source / JOB_FILE).read_text(encoding="utf-8"))
    function = _load(source / job["file"], job["function"])
    if job["kind"] == "pooled":
        answer: dict[str, Any] = {"sets": _pooled(function, job, source)}
    else:
        answer = {"cases": _per_item(function, job, source)}
    (target / SCORES_FILE).write_text(json.dumps(answer), encoding="utf-8")
    return 0


def _load(path: Path, name: str) -> Callable[..., Any]:
    spec = importlib.util.spec_from_file_location("organizer_metric", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path.name} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    function = getattr(module, name, None)
    if not callable(function):
        raise AttributeError(f"{path.name} has no function {name!r}")
    found: Callable[..., Any] = function
    return found


def _per_item(
    function: Callable[..., Any], job: dict[str, Any], source: Path
) -> list[dict[str, Any]]:
    found = []
    for entry in job["cases"]:
        prediction, reference = (
            _read(entry["prediction"], source),
            _read(entry["reference"], source),
        )
        print(f"case {entry['case']['id']}", flush=True)
        found.append(_numbers(function(prediction, reference, dict(entry["case"])), job["labels"]))
    return found


def _pooled(
    function: Callable[..., Any], job: dict[str, Any], source: Path
) -> list[dict[str, Any]]:
    predictions = [_read(entry["prediction"], source) for entry in job["cases"]]
    references = [_read(entry["reference"], source) for entry in job["cases"]]
    cases = [entry["case"] for entry in job["cases"]]
    found = []
    for chosen in job["sets"]:
        print(f"{len(chosen)} of {len(cases)} cases", flush=True)
        answer = function(
            [predictions[place] for place in chosen],
            [references[place] for place in chosen],
            [dict(cases[place]) for place in chosen],
        )
        found.append(_numbers(answer, job["labels"]))
    return found


def _read(entry: dict[str, Any] | None, source: Path) -> Any:
    """Return an array, a list of texts, or None; arrays are read-only, for a set shares them."""
    if entry is None:
        return None
    if entry["kind"] == "json":
        return json.loads((source / entry["file"]).read_text(encoding="utf-8"))
    array = np.load(source / entry["file"], allow_pickle=False)
    array.flags.writeable = False
    return array


def _numbers(answer: Any, labels: list[str]) -> dict[str, Any]:
    """Return what JSON can hold of an answer; that it is right is looked at outside."""
    if not isinstance(answer, dict):
        answer = {labels[0]: answer}
    return {str(label): _plain(value) for label, value in answer.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        # JSON has no word for it; outside it is named as what was given in place of a number.
        return str(value)
    return value


if __name__ == "__main__":
    sys.exit(main())
