"""A model's layers as a graph: in which row each is drawn, and what two graphs do not share.

What is drawn was read from the model in a sandbox. Names in it are a stranger's; here they are
only compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from proctor.spec.card.detected import DetectedLayer

MOST_LAYERS = 600
"""More are not drawn: nobody can read them, and comparing takes long."""


@dataclass(frozen=True)
class Node:
    """A layer with its place: the row from above, and the column of those in the row."""

    layer: DetectedLayer
    row: int
    column: int
    parents: tuple[int, ...]


def arrange(layers: Sequence[DetectedLayer]) -> list[Node]:
    """Put every layer below all that it reads from, near the middle of these.

    Layers come in the order of computation, as graphs and loaded models have them. One that names
    nothing that another makes is put below the one before it, if that names no outputs either.
    """
    shown = list(layers[:MOST_LAYERS])
    parents = _parents(shown)
    rows: list[int] = []
    for index in range(len(shown)):
        rows.append(1 + max((rows[parent] for parent in parents[index]), default=-1))
    taken: defaultdict[int, set[int]] = defaultdict(set)
    columns: list[int] = []
    for index in range(len(shown)):
        above = [columns[parent] for parent in parents[index]]
        wanted = round(sum(above) / len(above)) if above else 0
        column = _nearest_free(wanted, taken[rows[index]])
        taken[rows[index]].add(column)
        columns.append(column)
    return [
        Node(layer, rows[index], columns[index], tuple(sorted(parents[index])))
        for index, layer in enumerate(shown)
    ]


@dataclass(frozen=True)
class Edge:
    """A line from what a layer reads to the layer, and how it gets past the rows between.

    It goes down in a ``column`` that is free of boxes there, or in a ``lane`` of its own beside
    all boxes; the first lane is the nearest.
    """

    parent: int
    child: int
    column: int | None = None
    lane: int | None = None


def route(nodes: Sequence[Node]) -> list[Edge]:
    """Find a way for every line that lies on no box and on no other line beside the boxes."""
    taken = {(node.row, node.column) for node in nodes}
    edges: list[Edge] = []
    beside: list[tuple[int, int]] = []
    for child, node in enumerate(nodes):
        for parent in node.parents:
            above = nodes[parent]
            between = range(above.row + 1, node.row)
            free = [
                column
                for column in (above.column, node.column)
                if not any((row, column) in taken for row in between)
            ]
            if free:
                edges.append(Edge(parent, child, column=free[0]))
            else:
                beside.append((parent, child))
    return edges + _lanes(nodes, beside)


def _lanes(nodes: Sequence[Node], pairs: Sequence[tuple[int, int]]) -> list[Edge]:
    """Give each line a lane; short ones are nearer, so that long ones go around them."""
    spans = sorted(
        ((nodes[child].row - nodes[parent].row, parent, child) for parent, child in pairs)
    )
    lanes: list[list[tuple[int, int]]] = []
    edges = []
    for _, parent, child in spans:
        start, end = nodes[parent].row, nodes[child].row
        lane = next(
            (
                number
                for number, held in enumerate(lanes)
                if all(end <= first or last <= start for first, last in held)
            ),
            len(lanes),
        )
        if lane == len(lanes):
            lanes.append([])
        lanes[lane].append((start, end))
        edges.append(Edge(parent, child, lane=lane))
    return edges


def unlike(
    one: Sequence[DetectedLayer], other: Sequence[DetectedLayer]
) -> tuple[set[int], set[int]]:
    """Return the layers of each that have no like in the other, in the same order.

    Two layers are alike when type, shapes of weights and settings are; names do not count.
    """
    first, second = (
        [_signature(layer) for layer in layers[:MOST_LAYERS]] for layers in (one, other)
    )
    matcher = SequenceMatcher(None, first, second, autojunk=False)
    left, right = set(range(len(first))), set(range(len(second)))
    for start_left, start_right, size in matcher.get_matching_blocks():
        left -= set(range(start_left, start_left + size))
        right -= set(range(start_right, start_right + size))
    return left, right


def _parents(layers: Sequence[DetectedLayer]) -> list[set[int]]:
    makers: dict[str, int] = {}
    found: list[set[int]] = []
    for index, layer in enumerate(layers):
        parents = {makers[name] for name in layer.inputs if name in makers}
        if not parents and not layer.inputs and index:
            parents = {index - 1}
        found.append(parents)
        for name in layer.outputs or (layer.name,):
            makers[name] = index
    return found


def _nearest_free(wanted: int, taken: set[int]) -> int:
    step = 0
    while True:
        for column in (wanted + step, wanted - step):
            if column not in taken:
                return column
        step += 1


def _signature(layer: DetectedLayer) -> tuple[object, ...]:
    settings = tuple(sorted((one.name, str(one.value)) for one in layer.settings))
    return layer.type, layer.weight_shapes, layer.activation, settings
