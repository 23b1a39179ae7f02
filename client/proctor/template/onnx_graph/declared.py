"""The section `io` of a card for a graph that has none: what it takes and gives outside a task.

A task says what its inputs are and what it wants to know. Where a graph is asked about any file,
its own types and shapes have to do: whatever can be read as an array goes in, and what comes out
is shown by its number of axes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .binding import plain_name
from .signature import INTEGERS, Signature

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .signature import Tensor

TABLE = "rows"
_VOLUME_AXES, _GRID_AXES = 5, 3


def io_of(signature: Signature) -> dict[str, dict[str, Mapping[str, object]]]:
    """Return the inputs and outputs of a graph as a card declares them."""
    taken = signature.inputs
    inputs: dict[str, Mapping[str, object]]
    if len(taken) > 1 and all(_is_column(tensor) for tensor in taken):
        columns = ", ".join(tensor.name for tensor in taken)
        inputs = {TABLE: {"type": "table", "description": f"Columns: {columns}."}}
    else:
        inputs = {
            plain_name(tensor.name): {"type": _input_type(tensor), "description": f"{tensor}."}
            for tensor in taken
        }
    outputs: dict[str, Mapping[str, object]] = {
        plain_name(tensor.name): {"type": _output_type(tensor), "description": f"{tensor}."}
        for tensor in signature.outputs
    }
    return {"inputs": inputs, "outputs": outputs}


def _is_column(tensor: Tensor) -> bool:
    shape = tensor.shape
    return shape is not None and (len(shape) == 1 or (len(shape) == 2 and shape[1] == 1))


def _input_type(tensor: Tensor) -> str:
    if tensor.type == "string":
        return "text"
    return "volume" if len(tensor.shape or ()) == _VOLUME_AXES else "array"


def _output_type(tensor: Tensor) -> str:
    if tensor.type == "classes":
        return "table"
    if tensor.type == "string":
        return "label_list"
    if tensor.shape is None or tensor.type == "unknown":
        return "custom"
    whole, axes = tensor.type in INTEGERS, len(tensor.shape)
    if axes >= _GRID_AXES:
        return "mask_image" if whole else "image"
    return "label_list" if whole and axes < 2 and tensor.type != "bool" else "table"
