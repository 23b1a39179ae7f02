"""Prints why a model failed, for the person who wrote it."""

from __future__ import annotations

import traceback
from pathlib import Path

from .engine import ModelError
from .onnx_graph.signature import GraphError


def show(error: ModelError, model: Path) -> None:
    """Print the traceback of what the model's code raised, if it raised.

    It begins in the model's own code: the engine's frames explain nothing.
    """
    cause = error.__cause__
    # That a graph does not fit is said in full by the error itself.
    if cause is None or isinstance(cause, GraphError):
        return
    trace = cause.__traceback__
    while trace is not None and model not in Path(trace.tb_frame.f_code.co_filename).parents:
        trace = trace.tb_next
    traceback.print_exception(type(cause), cause, trace or cause.__traceback__)
