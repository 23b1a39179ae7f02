"""Which input and output of a graph is which of a task: the rules, on names and types alone.

Inputs: the one of the same name, as far as a task can write it (`plain_name`); where task and graph
have one each, that one, whatever it is called; where the task gives one table, every input of the
graph is a column of it.

Outputs: the one of the same name; else the only one whose type fits what the task asks for, where
fractions go before whole numbers for a table (classifiers often give the class as well).

The same rules are asked on a participant's machine and inside the sandbox.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .signature import FLOATS, INTEGERS, GraphError, Signature, Tensor

_ODD = re.compile(r"[^A-Za-z0-9_-]")
_MOST_NAME = 64
_NUMBERS = (*FLOATS, *INTEGERS)
_FITTING: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "table": (("classes", *FLOATS), INTEGERS),
    "label_list": (("string", *INTEGERS), ("classes", *FLOATS)),
    "text": (("string",),),
    "mask_image": (INTEGERS, FLOATS),
    "instances": (INTEGERS, FLOATS),
    "image": (FLOATS, INTEGERS),
    "boxes": (_NUMBERS,),
}
"""For each type of output what tensors can be it, the more fitting ones first."""


@dataclass(frozen=True)
class Asked:
    """An input or output of a task: its name and type, and the columns of an output's table."""

    name: str
    type: str
    columns: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name!r} ({self.type})"


@dataclass(frozen=True)
class Binding:
    """What was found.

    Attributes:
        inputs: By the graph's name the task's; a column's is its table's.
        columns: Those inputs of the graph that are a column of a table.
        outputs: By the task's name the graph's.
    """

    inputs: Mapping[str, str]
    columns: tuple[str, ...]
    outputs: Mapping[str, str]


def bind(signature: Signature, inputs: Sequence[Asked], outputs: Sequence[Asked]) -> Binding:
    """Say which is which.

    Raises:
        GraphError: It cannot be said, or a type or a number of columns does not fit.
    """
    taken, columns = _bind_inputs(signature, inputs)
    return Binding(taken, columns, _bind_outputs(signature, outputs))


def plain_name(name: str) -> str:
    """Return a graph's name as a task or a card may write it.

    >>> plain_name("input.1"), plain_name("0:serving/x")
    ('input_1', 'x0_serving_x')
    """
    plain = _ODD.sub("_", name)[:_MOST_NAME]
    return plain if plain[:1].isalpha() else f"x{plain}"[:_MOST_NAME]


def _known_as(tensor: Tensor, given: Mapping[str, Asked]) -> str:
    names = (tensor.name, plain_name(tensor.name))
    return next((name for name in names if name in given), "")


def _bind_inputs(
    signature: Signature, inputs: Sequence[Asked]
) -> tuple[dict[str, str], tuple[str, ...]]:
    given = {one.name: one for one in inputs}
    wanted = signature.inputs
    columns: tuple[str, ...] = ()
    if all(_known_as(tensor, given) for tensor in wanted):
        found = {tensor.name: _known_as(tensor, given) for tensor in wanted}
    elif len(wanted) == 1 and len(inputs) == 1:
        found = {wanted[0].name: inputs[0].name}
    elif len(inputs) == 1 and inputs[0].type == "table":
        found = {tensor.name: inputs[0].name for tensor in wanted}
        columns = tuple(found)
    else:
        raise GraphError(
            f"The graph takes {_listed(wanted)}; the task gives {_listed(inputs)}. Name the inputs "
            "of the graph as the task names them."
        )
    for tensor in wanted:
        source = given[found[tensor.name]]
        numbers = source.type in ("array", "volume", "image")
        if tensor.type not in (*_NUMBERS, "string") or (numbers and tensor.type == "string"):
            raise GraphError(f"The input {tensor} of the graph cannot take {source} of the task.")
    return found, columns


def _bind_outputs(signature: Signature, outputs: Sequence[Asked]) -> dict[str, str]:
    by_name = {plain_name(tensor.name): tensor for tensor in signature.outputs}
    by_name.update((tensor.name, tensor) for tensor in signature.outputs)
    found = {one.name: by_name[one.name] for one in outputs if one.name in by_name}
    for one in outputs:
        if one.name not in found:
            named = {tensor.name for tensor in found.values()}
            free = [tensor for tensor in signature.outputs if tensor.name not in named]
            found[one.name] = _only(one, free, signature)
    for one in outputs:
        _refuse_other_columns(one, found[one.name])
    return {name: tensor.name for name, tensor in found.items()}


def _only(asked: Asked, free: Sequence[Tensor], signature: Signature) -> Tensor:
    for kinds in _FITTING.get(asked.type, (("classes", "string", *_NUMBERS),)):
        fitting = [tensor for tensor in free if tensor.type in kinds]
        if len(fitting) > 1 and asked.columns:
            fitting = [one for one in fitting if _width(one) in (None, len(asked.columns))]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            break
    raise GraphError(
        f"The task asks for {asked}, and it is not plain which output of the graph that is: it "
        f"gives {_listed(signature.outputs)}. Name it {asked.name!r} in the graph."
    )


def _refuse_other_columns(asked: Asked, tensor: Tensor) -> None:
    kinds = sum(_FITTING.get(asked.type, ((tensor.type,),)), ())
    if tensor.type not in kinds:
        raise GraphError(f"The output {tensor} of the graph cannot be {asked} of the task.")
    width = _width(tensor)
    if asked.columns and width not in (None, len(asked.columns)):
        raise GraphError(
            f"The output {tensor} of the graph gives {width} numbers an item; the task asks for "
            f"{len(asked.columns)} columns in {asked.name!r}: {', '.join(asked.columns)}."
        )


def _width(tensor: Tensor) -> int | None:
    """Return how many numbers a graph says that it gives for an item."""
    if tensor.shape is None or len(tensor.shape) == 0:
        return None
    width = 1 if len(tensor.shape) == 1 else tensor.shape[-1]
    return width if isinstance(width, int) else None


def _listed(things: Iterable[object]) -> str:
    return ", ".join(map(str, things)) or "nothing"
