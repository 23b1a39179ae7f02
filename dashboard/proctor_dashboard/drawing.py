"""A graph of layers as one SVG picture, in which nothing can run: it is shown as an image."""

from __future__ import annotations

import base64
from collections.abc import Collection, Sequence

from proctor.spec.card.detected import DetectedLayer
from proctor_dashboard.architectures import Node, route
from proctor_dashboard.text import plain

_WIDTH, _HEIGHT = 168, 34
_ACROSS, _DOWN = 184, 54
_MARGIN = 12
_LANE = 8
_BEND = 14
_LONGEST = 24
_FAMILIES = (
    (("conv",), "#dcebf7"),
    (("norm",), "#e9e4f3"),
    (("pool", "reduce", "upsample", "resize"), "#fdf1d3"),
    (("gemm", "matmul", "linear", "dense"), "#dcf1e6"),
    (("relu", "sigmoid", "softmax", "tanh", "gelu", "elu", "swish"), "#fbe3df"),
    (("attention", "lstm", "gru", "rnn", "embedding"), "#e1efe9"),
)
_OTHER = "#f3f6f5"
_LINE, _DIFFERENT = "#9fb3ac", "#c4561b"


def graph_svg(nodes: Sequence[Node], different: Collection[int] = (), label: str = "") -> str:
    """Return the picture; layers that are ``different`` have a strong border."""
    if not nodes:
        return ""
    routes = route(nodes)
    lanes = max((edge.lane + 1 for edge in routes if edge.lane is not None), default=0)
    first = _MARGIN + lanes * _LANE
    least = min(node.column for node in nodes)
    most = max(node.column for node in nodes)
    width = first + (most - least) * _ACROSS + _WIDTH + _MARGIN
    height = max(node.row for node in nodes) * _DOWN + _HEIGHT + 2 * _MARGIN
    places = [
        (first + (node.column - least) * _ACROSS, _MARGIN + node.row * _DOWN) for node in nodes
    ]
    ways = {
        edge: first + (edge.column - least) * _ACROSS + _WIDTH // 2
        if edge.column is not None
        else first - (edge.lane or 0) * _LANE - _LANE
        for edge in routes
    }
    edges = "".join(
        _edge(places[edge.parent], places[edge.child], way) for edge, way in ways.items()
    )
    boxes = "".join(
        _box(node.layer, places[index], index in different) for index, node in enumerate(nodes)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" role="img" aria-label="{plain(label)}"'
        f' font-family="sans-serif">{edges}{boxes}</svg>'
    )


def graph_image(nodes: Sequence[Node], label: str, different: Collection[int] = ()) -> str:
    """Return the picture as an image that scrolls by itself where it is larger than its place."""
    source = base64.b64encode(graph_svg(nodes, different, label).encode()).decode()
    return (
        f'<div class="pr-graph"><img alt="{plain(label)}"'
        f' src="data:image/svg+xml;base64,{source}"></div>'
    )


def layer_words(layer: DetectedLayer) -> str:
    """Say what there is to know of a layer, on one line."""
    parts = [layer.name or layer.type]
    if layer.weight_shapes:
        shapes = " ".join("×".join(map(_length, shape)) for shape in layer.weight_shapes)
        parts.append(f"weights {shapes}")
    if layer.parameters:
        parts.append(f"{layer.parameters:,} parameters")
    parts += [f"{one.name} = {one.value}" for one in layer.settings]
    return "; ".join(parts)


def _edge(start: tuple[int, int], end: tuple[int, int], way: int) -> str:
    """Draw a line that goes down at ``way`` past the rows between."""
    x, y = start[0] + _WIDTH // 2, start[1] + _HEIGHT
    to_x, to_y = end[0] + _WIDTH // 2, end[1]
    gap = _DOWN - _HEIGHT
    if to_y - y <= gap:
        path = f"M{x} {y}C{x} {y + _BEND} {to_x} {to_y - _BEND} {to_x} {to_y}"
    else:
        path = (
            f"M{x} {y}C{x} {y + _BEND} {way} {y + gap - _BEND} {way} {y + gap}"
            f"L{way} {to_y - gap}C{way} {to_y - gap + _BEND} {to_x} {to_y - _BEND} {to_x} {to_y}"
        )
    return f'<path d="{path}" fill="none" stroke="{_LINE}" stroke-width="1.3"/>'


def _box(layer: DetectedLayer, place: tuple[int, int], different: bool) -> str:
    x, y = place
    color, width = (_DIFFERENT, 2.4) if different else (_LINE, 1)
    detail = _detail(layer)
    middle = y + (15 if detail else 21)
    second = (
        f'<text x="{x + _WIDTH / 2:g}" y="{y + 28}" font-size="10" fill="#4a5a56"'
        f' text-anchor="middle">{plain(detail)}</text>'
        if detail
        else ""
    )
    return (
        f'<g><rect x="{x}" y="{y}" width="{_WIDTH}"'
        f' height="{_HEIGHT}" rx="6" fill="{_fill(layer.type)}" stroke="{color}"'
        f' stroke-width="{width}"/><text x="{x + _WIDTH / 2:g}" y="{middle}" font-size="12"'
        f' font-weight="600" fill="#1d2b27" text-anchor="middle">{plain(_cut(layer.type))}</text>'
        f"{second}</g>"
    )


def _detail(layer: DetectedLayer) -> str:
    if layer.weight_shapes:
        return _cut("×".join(map(_length, layer.weight_shapes[0])))
    if layer.shape:
        return _cut("→ " + "×".join(map(_length, layer.shape)))
    return ""


def _fill(type_: str) -> str:
    lower = type_.casefold()
    return next(
        (color for words, color in _FAMILIES if any(word in lower for word in words)), _OTHER
    )


def _length(length: int | None) -> str:
    return "?" if length is None else str(length)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
