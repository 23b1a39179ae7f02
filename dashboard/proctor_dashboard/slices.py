"""One slice or image as a picture, with outlines of masks, or boxes, as lines over it.

A reference is a solid line and a prediction a dashed, paler one with dark edges, so that they are
told apart on paper, on bright tissue and where they lie on each other. The picture is an SVG inside
``<img>``, where nothing runs.
"""

from __future__ import annotations

import base64
import io
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from proctor_dashboard.text import plain
from proctor_dashboard.volumes import Array

_COLORS = ("#e69f00", "#56b4e9", "#00a878", "#f0e442", "#cc79a7", "#d55e00", "#5b8def")
_PALER = 0.45
_LINES_ACROSS = 190
"""A line's width is this part of the picture's longer side."""

Point = tuple[int, int]


class Layer(NamedTuple):
    """A mask's slice, and whether its outlines are dashed."""

    mask: Array
    dashed: bool


class Outlined(NamedTuple):
    """A structure to outline: the labels that make it up, and the number of its color."""

    labels: tuple[int, ...]
    color: int


def color_of(number: int, *, dashed: bool) -> str:
    """Return the color of the structure that comes at this place."""
    color = _COLORS[number % len(_COLORS)]
    if not dashed:
        return color
    parts = (int(color[start : start + 2], 16) for start in (1, 3, 5))
    return "#" + "".join(f"{round(part + (255 - part) * _PALER):02x}" for part in parts)


def picture(
    pixels: Array,
    marks: Sequence[str],
    pixel_mm: tuple[float, float],
    window: tuple[float, float],
    title: str,
    sides: str = "",
) -> str:
    """Return an ``<img>`` of a slice or an image.

    Args:
        pixels: of shape (rows, columns), or (rows, columns, 3) in colors.
        marks: what lies over it, as `outlines` and `boxes` write it.
        pixel_mm: width and height of a pixel.
        window: the intensities shown as black and as white.
        title: what the picture shows, for those who do not see it.
        sides: the letters at the left, right, top and bottom.
    """
    rows, columns = pixels.shape[:2]
    across, down = columns * pixel_mm[0], rows * pixel_mm[1]
    shown = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {across:g} {down:g}"'
        f' width="{columns * 8}" height="{round(columns * 8 * down / across)}">'
        f'<rect width="100%" height="100%" fill="#000"/>'
        f'<image href="{_png(pixels, window)}" width="{across:g}" height="{down:g}"'
        ' preserveAspectRatio="none" style="image-rendering:pixelated"/>'
        f"{''.join(marks)}{_letters(sides, across, down)}</svg>"
    )
    source = base64.b64encode(shown.encode()).decode()
    return f'<img class="pr-slice" alt="{plain(title)}" src="data:image/svg+xml;base64,{source}">'


def outlines(
    layers: Sequence[Layer], structures: Sequence[Outlined], pixel_mm: tuple[float, float]
) -> list[str]:
    """Return the outlines of structures as marks of a picture.

    Args:
        layers: masks of the same slice, the lowest first.
        structures: what to outline, the lowest first.
        pixel_mm: width and height of a pixel.
    """
    return [
        _line(
            outline(np.isin(layer.mask, labels)),
            pixel_mm,
            color,
            layer.dashed,
            line_width(layer.mask, pixel_mm),
        )
        for layer in layers
        for labels, color in structures
    ]


def line_width(pixels: Array, pixel_mm: tuple[float, float]) -> float:
    """Return how wide a line over a picture is, in mm."""
    rows, columns = pixels.shape[:2]
    return float(max(columns * pixel_mm[0], rows * pixel_mm[1]) / _LINES_ACROSS)


def boxes(
    places: Sequence[Sequence[float]],
    colors: Sequence[int],
    texts: Sequence[str],
    width: float,
    *,
    dashed: bool,
) -> list[str]:
    """Return boxes, or points, as marks of a picture.

    Args:
        places: x0, y0, x1, y1 of a box, or x, y of a point.
        colors: the number of the color of each.
        texts: what is written beside each; nothing where it is empty.
        width: of a line.
        dashed: whether the lines are.
    """
    marks = []
    for place, color, text in zip(places, colors, texts, strict=True):
        if len(place) == 2:
            x, y = place
            loop = [(x - 3 * width, y), (x, y - 3 * width), (x + 3 * width, y), (x, y + 3 * width)]
        else:
            x, y, right, bottom = place
            loop = [(x, y), (right, y), (right, bottom), (x, bottom)]
        marks.append(_line([loop], (1.0, 1.0), color, dashed, width))
        if text:
            marks.append(
                f'<text x="{loop[0][0]:g}" y="{max(y - width, 6 * width):g}"'
                f' font-size="{7 * width:g}" font-family="sans-serif" fill="#fff" stroke="#000"'
                f' stroke-width="{width:g}" paint-order="stroke">{plain(text)}</text>'
            )
    return marks


def outline(mask: Array) -> list[list[Point]]:
    """Return the borders of a mask as closed lines along the edges of its pixels, as (x, y).

    >>> outline(np.array([[True]]))
    [[(0, 0), (1, 0), (1, 1), (0, 1)]]
    """
    inside = np.pad(mask.astype(bool), 1)
    core = inside[1:-1, 1:-1]
    # The inside lies to the right of each edge, so that edges join into loops.
    sides = (
        (inside[:-2, 1:-1], (0, 0), (1, 0)),
        (inside[1:-1, 2:], (1, 0), (1, 1)),
        (inside[2:, 1:-1], (1, 1), (0, 1)),
        (inside[1:-1, :-2], (0, 1), (0, 0)),
    )
    onward: defaultdict[Point, list[Point]] = defaultdict(list)
    for beside, (from_x, from_y), (to_x, to_y) in sides:
        for y, x in np.argwhere(core & ~beside).tolist():
            onward[x + from_x, y + from_y].append((x + to_x, y + to_y))
    loops = []
    while onward:
        start = next(iter(onward))
        loop, point = [start], _step(onward, start)
        while point != start:
            loop.append(point)
            point = _step(onward, point)
        loops.append(_corners(loop))
    return loops


def _step(onward: defaultdict[Point, list[Point]], point: Point) -> Point:
    following = onward[point].pop()
    if not onward[point]:
        del onward[point]
    return following


def _corners(loop: list[Point]) -> list[Point]:
    """Leave out the points at which a line goes straight on."""
    ahead = [*loop[1:], loop[0]]
    behind = [loop[-1], *loop[:-1]]
    return [
        point
        for before, point, after in zip(behind, loop, ahead, strict=True)
        if (before[0] == point[0]) != (point[0] == after[0])
    ]


def _line(
    loops: Sequence[Sequence[tuple[float, float]]],
    pixel_mm: tuple[float, float],
    number: int,
    dashed: bool,
    width: float,
) -> str:
    if not loops:
        return ""
    path = "".join(
        "M" + "L".join(f"{x * pixel_mm[0]:g} {y * pixel_mm[1]:g}" for x, y in loop) + "Z"
        for loop in loops
    )
    strength = width * (0.85 if dashed else 1.3)
    dashes = f' stroke-dasharray="{width * 2.6:g} {width * 2.2:g}"' if dashed else ""
    strokes = [(color_of(number, dashed=dashed), strength)]
    if dashed:
        strokes.insert(0, ("#222", strength * 1.6))
    return "".join(
        f'<path d="{path}" fill="none" stroke="{color}" stroke-width="{wide:g}"{dashes}/>'
        for color, wide in strokes
    )


def _letters(sides: str, across: float, down: float) -> str:
    if not sides:
        return ""
    size = max(across, down) / 22
    places = (
        (size * 0.6, down / 2),
        (across - size * 0.6, down / 2),
        (across / 2, size * 0.9),
        (across / 2, down - size * 0.35),
    )
    return "".join(
        f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" font-family="sans-serif"'
        f' fill="#fff" stroke="#000" stroke-width="{size / 5:g}" paint-order="stroke"'
        f' text-anchor="middle">{letter}</text>'
        for letter, (x, y) in zip(sides, places, strict=True)
    )


def _png(values: Array, window: tuple[float, float]) -> str:
    low, high = window
    scaled = (np.nan_to_num(values.astype(np.float32)) - low) / max(high - low, 1e-9)
    pixels = np.clip(scaled * 255, 0, 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"
