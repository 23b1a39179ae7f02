"""Writes a new model folder that runs as it is: what `proctor model init` leaves behind."""

from __future__ import annotations

import json
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TASKS = ("segmentation", "classification")

_AUTHOR = "Your name"
_DESCRIPTION = "A {task} model that answers the same for every case."


def scaffold(folder: Path, name: str, task: str) -> list[Path]:
    """Write `model.json`, `model.py`, `Dockerfile` and `README.md`.

    Returns:
        The files written, in that order.

    Raises:
        ValueError: The task is none of `TASKS`.
        FileExistsError: One of the files is there already; nothing is written then.
    """
    if task not in TASKS:
        raise ValueError(f"There is no scaffold for {task!r}; choose one of {', '.join(TASKS)}.")
    source = files("proctor.template") / "scaffolds"
    contents = {
        "model.json": json.dumps(_card(name, task), indent=2) + "\n",
        "model.py": (source / f"{task}.py.txt").read_text(encoding="utf-8"),
        "Dockerfile": (source / "Dockerfile")
        .read_text(encoding="utf-8")
        .replace("{version}", version("proctor")),
        "README.md": (source / "README.md").read_text(encoding="utf-8").format(name=name),
    }
    for file in contents:
        if (folder / file).exists():
            raise FileExistsError(f"{folder / file} is there already; choose an empty folder.")
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in contents.items():
        (folder / file).write_text(text, encoding="utf-8")
    return [folder / file for file in contents]


def placeholders(description: str, authors: Sequence[str]) -> list[str]:
    """Return the fields of a card that still say what the scaffold wrote."""
    written = {_DESCRIPTION.format(task=task) for task in TASKS}
    left = ["description"] if description in written else []
    return [*left, "authors"] if _AUTHOR in authors else left


def _card(name: str, task: str) -> dict[str, object]:
    return {
        "contract": 1,
        "name": name,
        "title": name,
        "description": _DESCRIPTION.format(task=task),
        "version": "0.1",
        "license": "Apache-2.0",
        "authors": [_AUTHOR],
        "protocols": ["case", "serve"],
        "runtime": "runtime-cpu",
        "tasks": [],
        "claimed_scores": {},
    }
