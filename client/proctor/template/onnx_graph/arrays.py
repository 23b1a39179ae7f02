"""Brings the inputs of a case into the form that a graph takes, and its answers back.

Values go in as they lie in the file, cast to the type of the graph: whatever is done to them
belongs in the graph. Axes are added, moved or flattened only where the graph's own shape asks for
it, by the first of `_layouts` that fits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from .binding import Asked
from .signature import GraphError, Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .signature import Dimension

    Array = NDArray[Any]


def column(rows: object, name: str) -> list[object]:
    """Return one column of a table.

    Raises:
        GraphError: The table has none of that name.
    """
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise GraphError(f"The graph takes the column {name!r}, and the task gives no table.")
    if rows and name not in rows[0]:
        raise GraphError(
            f"The graph takes {name!r}; the table has the columns {', '.join(map(str, rows[0]))}."
        )
    return [row[name] for row in rows]


def fit(value: object, source: Asked, tensor: Tensor, n_items: int | None) -> Array:
    """Return an input of the task as an input of the graph.

    Args:
        n_items: How many items the case holds; None where nobody knows: then the value is one
            item, or a stack of them.

    Raises:
        GraphError: The graph takes another shape, or the value holds no such type.
    """
    array = _typed(_plain(value), source, tensor)
    if tensor.shape is None:
        return array
    stacks = source.type != "volume" and array.ndim > 0
    stacked = stacks and array.shape[0] == n_items
    tried = [(array, stacked)]
    if n_items is None and stacks:
        tried += [(array[np.newaxis], True), (array, True)]
    for given, is_stack in tried:
        for candidate in _layouts(given, is_stack):
            if _matches(candidate.shape, tensor.shape, is_stack):
                return candidate
    raise GraphError(
        f"The input {tensor} of the graph cannot take {source} of the task, which has the shape "
        f"{array.shape} here."
    )


def answer(value: Any, asked: Asked, grid: tuple[int, ...] | None, n_items: int) -> object:
    """Return an output of the graph as an output of the task.

    Args:
        grid: The shape of the input whose grid the output lies on.
    """
    if isinstance(value, list):
        if asked.type == "table" and not asked.columns:
            return [{str(name): number for name, number in row.items()} for row in value]
        value = _of_classes(value, asked)
    if asked.type == "label_list" and value.dtype.kind == "f" and value.ndim > 1:
        return value.reshape(n_items, -1).argmax(axis=1)
    if asked.type in ("label_list", "text"):
        return value.reshape(-1).tolist()
    if asked.type == "table":
        return value.reshape(n_items, -1) if value.ndim > 2 or value.ndim == 0 else value
    if grid is None:
        return value
    return _on_grid(value, grid, asked.type != "image")


def _plain(value: object) -> Array:
    data = getattr(value, "data", value) if hasattr(value, "affine") else value
    if isinstance(data, list) and data and all(isinstance(row, dict) for row in data):
        data = [list(row.values()) for row in data]
    return np.asarray(data, dtype=object if _holds_text(data) else None)


def _holds_text(data: object) -> bool:
    while isinstance(data, list) and data:
        if any(isinstance(one, str) for one in data):
            return True
        data = data[0]
    return False


def _typed(array: Array, source: Asked, tensor: Tensor) -> Array:
    texts = array.dtype.kind in "OUS"
    if texts != (tensor.type == "string"):
        holds = "texts" if texts else "numbers"
        raise GraphError(
            f"The input {tensor} of the graph cannot take {source} of the task, which holds "
            f"{holds}."
        )
    if texts:
        return np.array([str(one) for one in array.reshape(-1)], dtype=object).reshape(array.shape)
    return np.ascontiguousarray(array, dtype=tensor.type)


def _layouts(array: Array, stacked: bool) -> Iterator[Array]:
    """Yield the array in every form in which graphs take it, the plainest first."""
    yield array
    if not stacked:
        yield array[np.newaxis]
        yield array[np.newaxis, np.newaxis]
        yield array[np.newaxis, ..., np.newaxis]
        return
    yield array[:, np.newaxis]
    yield array[..., np.newaxis]
    if array.ndim == 4:
        yield np.ascontiguousarray(np.moveaxis(array, -1, 1))
    yield array.reshape(len(array), -1)


def _matches(shape: tuple[int, ...], wanted: tuple[Dimension, ...], stacked: bool) -> bool:
    if len(shape) != len(wanted):
        return False
    lengths = list(zip(shape, wanted))  # noqa: B905  # Python 3.8
    # A graph that was exported for one item is asked item by item.
    rest = lengths[1:] if stacked and wanted[:1] == (1,) else lengths
    return all(not isinstance(length, int) or length == own for own, length in rest)


def _of_classes(rows: list[Any], asked: Asked) -> Array:
    """Turn mappings from class to probability into rows, in the order of the columns."""
    names = [str(name) for name in (rows[0] if rows else {})]
    if asked.columns and set(asked.columns) != set(names):
        raise GraphError(
            f"The graph knows the classes {', '.join(names)}; the task asks for the columns "
            f"{', '.join(asked.columns)}."
        )
    order = asked.columns or tuple(names)
    by_name = [{str(name): value for name, value in row.items()} for row in rows]
    return np.array([[row[name] for name in order] for row in by_name], dtype=np.float64)


def _on_grid(value: Array, grid: tuple[int, ...], labels: bool) -> Array:
    """Drop axes of length 1; where classes have an axis of their own, take the likeliest."""
    while value.ndim > len(grid) and value.shape[0] == 1:
        value = value[0]
    while value.ndim > len(grid) and value.shape[-1] == 1 and value.shape != grid:
        value = value[..., 0]
    if labels and value.ndim == len(grid) + 1:
        if value.shape[1:] == grid:
            value = np.argmax(value, axis=0)
        elif value.shape[:-1] == grid:
            value = np.argmax(value, axis=-1)
    return value
