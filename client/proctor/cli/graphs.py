"""An `.onnx` file where a model is named: the folder it becomes, and if it fits a challenge."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from proctor.cli.failures import CommandError
from proctor.spec.base import slug_from
from proctor.template.onnx_graph import GRAPH
from proctor.template.onnx_graph.binding import Asked, bind
from proctor.template.onnx_graph.declared import io_of
from proctor.template.onnx_graph.signature import GraphError, read_signature

if TYPE_CHECKING:
    from proctor.spec.task import TaskSpec

SUFFIX = ".onnx"
RUNTIME = "runtime-cpu"

_CARD = "model.json"
_HINT = "docs/models.md says how the inputs and outputs of a graph are told."


def is_graph(path: Path) -> bool:
    """Tell whether a path is an ONNX file, by its name."""
    return path.suffix.lower() == SUFFIX and path.is_file()


@contextmanager
def graph_folder(
    path: Path, card: Path | None = None, *, declares: bool = False
) -> Generator[Path]:
    """Give the model folder that an ONNX file becomes: the file, its weights and a card.

    Args:
        card: The card; one with the file's name and no more is made if none is given.
        declares: Whether that card says what the graph takes and gives. In a challenge the task
            says so.

    Raises:
        CommandError: It is no ONNX file, or keeps its weights elsewhere or in a file of a name
            that means something in a model folder.
    """
    try:
        signature = read_signature(path)
    except GraphError as error:
        raise CommandError(str(error), _HINT) from error
    with tempfile.TemporaryDirectory(prefix="proctor-graph-") as name:
        folder = Path(name)
        made = {**_card(path), **({"io": io_of(signature)} if declares else {})}
        text = card.read_text(encoding="utf-8") if card else json.dumps(made, indent=2)
        (folder / _CARD).write_text(text, encoding="utf-8")
        _link(path, folder / GRAPH)
        for place in signature.beside:
            target = folder / place
            if target.exists() or target.suffix == ".py":
                raise CommandError(
                    f"{path} keeps weights in {place}, a name that a model folder uses itself.",
                    "Save the graph as one file, or its weights under another name.",
                )
            target.parent.mkdir(parents=True, exist_ok=True)
            _link((path.parent / place).resolve(), target)
        yield folder


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def refuse_unfit(model: Path, tasks: Iterable[TaskSpec]) -> None:
    """Refuse a graph that cannot answer a task; anything but a graph passes.

    Args:
        model: An ONNX file, or a folder, which is asked as a graph if it has no `model.py`.

    Raises:
        CommandError: It cannot be bound to one of the tasks.
    """
    graph = model
    if model.is_dir():
        graph = model / GRAPH
        if (model / "model.py").exists() or not graph.is_file():
            return
    elif not is_graph(model):
        return
    for task in tasks:
        inputs = [Asked(name, given.type.value) for name, given in task.inputs.items()]
        outputs = [
            Asked(name, asked.type.value, asked.columns) for name, asked in task.outputs.items()
        ]
        try:
            bind(read_signature(graph), inputs, outputs)
        except GraphError as error:
            raise CommandError(f"{model} does not fit task {task.slug}: {error}", _HINT) from error


def _card(path: Path) -> dict[str, object]:
    return {
        "contract": 1,
        "name": slug_from(path.stem, "graph"),
        "title": path.stem[:120],
        "protocols": ["case", "serve"],
        "runtime": RUNTIME,
        "model": {"framework": "ONNX", "format": SUFFIX},
    }
