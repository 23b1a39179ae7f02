"""Prints why a model failed, for the person who wrote it."""

from __future__ import annotations

import traceback
from pathlib import Path

from .engine import ModelError


def show(error: ModelError, model: Path) -> None:
    """Print the traceback of what the model's code raised, if it raised.

    It begins in the model's own code: the engine's frames explain nothing.
    """
    cause = error.__cause__
    if cause is None:
        return
    trace = cause.__traceback__
    while trace is not None and model not in Path(trace.tb_frame.f_code.co_filename).parents:
        trace = trace.tb_next
    traceback.print_exception(type(cause), cause, trace or cause.__traceback__)
