"""The `Model` of a folder that holds `model.onnx` and no `model.py`."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from . import GRAPH
from .binding import Asked, Binding, bind
from .signature import GraphError, read_signature

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..case import Case

_PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")


class Feed(NamedTuple):
    """What a graph is asked: the inputs of one case, and what the answer has to fit."""

    binding: Binding
    arrays: Mapping[str, Any]
    grids: Mapping[str, tuple[int, ...]]
    n_items: int


class OnnxModel:
    """Asks a graph through onnxruntime, on the cores that a case has."""

    def load(self, folder: Path) -> None:
        """Open the graph.

        Raises:
            GraphError: It is none, or onnxruntime is not installed.
        """
        self._signature = read_signature(folder / GRAPH)
        if find_spec("onnxruntime") is None:
            raise GraphError(
                "onnxruntime is not installed here; the runtime image runtime-cpu has it."
            )
        import onnxruntime

        options = onnxruntime.SessionOptions()
        # Left alone it starts a thread for each core of the host, which all wait for few.
        options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS") or 1)
        options.inter_op_num_threads = 1
        there = onnxruntime.get_available_providers()
        self._session = onnxruntime.InferenceSession(
            str(folder / GRAPH), options, providers=[one for one in _PROVIDERS if one in there]
        )

    def preprocess(self, inputs: Mapping[str, object], case: Case) -> Feed:
        """Bind the case to the graph and bring its inputs into form.

        Raises:
            GraphError: They do not fit.
        """
        from . import arrays

        given = {name: Asked(name, entry.type) for name, entry in case.inputs.items()}
        asked = [Asked(name, one.type, one.columns) for name, one in case.outputs.items()]
        binding = bind(self._signature, list(given.values()), asked)
        # Outside a case nobody knows how many items a file holds.
        known = len(case.items) or None
        feed = {}
        for tensor in self._signature.inputs:
            source = given[binding.inputs[tensor.name]]
            value = inputs[source.name]
            if tensor.name in binding.columns:
                value = arrays.column(value, tensor.name)
            feed[tensor.name] = arrays.fit(value, source, tensor, known)
        shapes = {name: _shape(value) for name, value in inputs.items()}
        only = next(iter(shapes)) if known is None and len(shapes) == 1 else None
        grids = {
            name: shapes[grid]
            for name, one in case.outputs.items()
            if (grid := one.grid or only) in shapes
        }
        return Feed(binding, feed, grids, known or _n_items(feed))

    def predict(self, data: Feed) -> tuple[Feed, dict[str, Any]]:
        """Run the graph; one that was exported for a single item item by item."""
        names = list(dict.fromkeys(data.binding.outputs.values()))
        if not names:
            names = [tensor.name for tensor in self._signature.outputs]
        single = [
            tensor.name
            for tensor in self._signature.inputs
            if data.n_items > 1
            and tensor.shape is not None
            and tensor.shape[:1] == (1,)
            and len(data.arrays[tensor.name]) == data.n_items
        ]
        if not single:
            return data, dict(zip(names, self._session.run(names, dict(data.arrays))))  # noqa: B905
        runs = []
        for item in range(data.n_items):
            feed = {
                name: array[item : item + 1] if name in single else array
                for name, array in data.arrays.items()
            }
            runs.append(self._session.run(names, feed))
        return data, {name: _together([run[i] for run in runs]) for i, name in enumerate(names)}

    def postprocess(self, prediction: tuple[Feed, dict[str, Any]], case: Case) -> dict[str, object]:
        """Bring the answers into the form of the task."""
        from . import arrays

        feed, found = prediction
        if not case.outputs:
            return found
        return {
            name: arrays.answer(
                found[feed.binding.outputs[name]],
                Asked(name, one.type, one.columns),
                feed.grids.get(name),
                feed.n_items,
            )
            for name, one in case.outputs.items()
        }


def _n_items(feed: Mapping[str, Any]) -> int:
    first = next(iter(feed.values()), None)
    return len(first) if first is not None and first.ndim else 1


def _shape(value: object) -> tuple[int, ...]:
    data = getattr(value, "data", value) if hasattr(value, "affine") else value
    return tuple(getattr(data, "shape", ()))


def _together(answers: list[Any]) -> Any:
    import numpy as np

    if isinstance(answers[0], list):
        return [row for answer in answers for row in answer]
    return np.concatenate(answers)
