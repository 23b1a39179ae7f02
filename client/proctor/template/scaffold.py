"""Writes a new model folder that runs as it is: what `proctor model init` leaves behind."""

from __future__ import annotations

import json
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_MODALITIES: Mapping[str, str] = {
    "classification": "image",
    "segmentation": "volume",
    "regression": "image",
    "detection": "image",
    "tabular": "table",
    "text": "text",
}
TASKS = tuple(_MODALITIES)

RUNTIMES: Mapping[str, str] = {
    "numpy": "runtime-cpu",
    "sklearn": "runtime-cpu",
    "pytorch": "runtime-torch",
    "onnx": "runtime-cpu",
}
"""The frameworks that there are scaffolds for, and the runtime image that has each."""

_TITLES = {"numpy": "numpy", "sklearn": "scikit-learn", "pytorch": "PyTorch", "onnx": "ONNX"}
_AUTHOR = "Your name"
_DESCRIPTION = "A {task} model that knows nothing yet."


def scaffold(folder: Path, name: str, task: str, framework: str = "numpy") -> list[Path]:
    """Write `model.json`, `model.py`, `Dockerfile`, `README.md` and a sample; of ONNX the graph.

    Returns:
        The files written, in that order.

    Raises:
        ValueError: The task is none of `TASKS`, or the framework none of `RUNTIMES`.
        FileExistsError: One of the files is there already; nothing is written then.
    """
    for given, known in ((task, TASKS), (framework, tuple(RUNTIMES))):
        if given not in known:
            raise ValueError(
                f"There is no scaffold for {given!r}; choose one of {', '.join(known)}."
            )
    source = files("proctor.template") / "scaffolds"
    dockerfile = (
        (source / "Dockerfile")
        .read_text(encoding="utf-8")
        .replace("{runtime}", RUNTIMES[framework])
        .replace("{version}", version("proctor"))
    )
    readme = (source / "README.md").read_text(encoding="utf-8")
    contents = {
        "model.json": json.dumps(_card(name, task, framework), indent=2).encode() + b"\n",
        "model.py": (source / framework / f"{task}.py.txt").read_bytes(),
        "Dockerfile": dockerfile.encode(),
        "README.md": readme.format(name=name).encode(),
    }
    if framework == "onnx":
        contents["model.onnx"] = (source / framework / f"{task}.onnx").read_bytes()
    for sample in (source / "samples" / task).iterdir():
        contents[f"samples/{sample.name}"] = sample.read_bytes()
    for file in contents:
        if (folder / file).exists():
            raise FileExistsError(f"{folder / file} is there already; choose an empty folder.")
    (folder / "samples").mkdir(parents=True, exist_ok=True)
    for file, data in contents.items():
        (folder / file).write_bytes(data)
    return [folder / file for file in contents]


def inputs_and_outputs(task: str) -> dict[str, dict[str, dict[str, object]]]:
    """Return the section `io` of the card of a scaffold for ``task``."""
    source = files("proctor.template") / "scaffolds" / "tasks" / f"{task}.json"
    found: dict[str, dict[str, dict[str, object]]] = json.loads(source.read_text(encoding="utf-8"))
    return found


def placeholders(description: str, authors: Sequence[str]) -> list[str]:
    """Return the fields of a card that still say what the scaffold wrote."""
    written = {_DESCRIPTION.format(task=task) for task in TASKS}
    left = ["description"] if description in written else []
    return [*left, "authors"] if _AUTHOR in authors else left


def _card(name: str, task: str, framework: str) -> dict[str, object]:
    return {
        "contract": 1,
        "name": name,
        "title": name,
        "description": _DESCRIPTION.format(task=task),
        "version": "0.1",
        "license": "Apache-2.0",
        "authors": [_AUTHOR],
        "protocols": ["case", "serve"],
        "runtime": RUNTIMES[framework],
        "tasks": [],
        "claimed_scores": {},
        "io": inputs_and_outputs(task),
        "meta": {"task": task.capitalize(), "modality": _MODALITIES[task]},
        "model": {"framework": _TITLES[framework]},
    }
