"""`contour`: outlines around objects. Plain form: a list of {label, points}.

A point is [x, y] or [x, y, z], in voxels of the input: x along its first axis in space, along the
columns of a picture. The outline closes by itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .asked import Asked, OutputError
from .custom import write_json
from .kind import Kind

_LEAST_POINTS = 3
DEFAULT_LABEL = 1


def _check(value: object, asked: Asked) -> object:
    outlines: Any = value.tolist() if hasattr(value, "tolist") else value
    if not _is_list(outlines):
        raise OutputError(f"a list of outlines was expected, not {type(value).__name__}")
    if outlines and _is_point(outlines[0]):
        outlines = [outlines]
    return [_outline(outline, number, asked) for number, outline in enumerate(outlines)]


def _outline(outline: Any, number: int, asked: Asked) -> dict[str, object]:
    label: Any = DEFAULT_LABEL
    if isinstance(outline, Mapping):
        unknown = sorted(str(name) for name in outline if name not in ("label", "points"))
        if unknown or "points" not in outline:
            raise OutputError(
                f"outline {number} has {unknown or 'no points'}; label and points were expected"
            )
        label, outline = outline.get("label", label), outline["points"]
    label = label.item() if hasattr(label, "item") else label
    if isinstance(label, bool) or not isinstance(label, (int, str)):
        raise OutputError(f"outline {number} has the label {label!r}, no number or name of a class")
    if asked.output.labels and isinstance(label, str) and label not in asked.output.labels:
        known = ", ".join(asked.output.labels)
        raise OutputError(f"outline {number} has the label {label!r}, which is none of {known}")
    points = outline.tolist() if hasattr(outline, "tolist") else outline
    if not _is_list(points) or len(points) < _LEAST_POINTS:
        count = f"{len(points)} points" if _is_list(points) else type(points).__name__
        raise OutputError(f"outline {number} is {count}; at least {_LEAST_POINTS} were expected")
    checked = [_point(point, index, number) for index, point in enumerate(points)]
    if len({len(point) for point in checked}) > 1:
        raise OutputError(f"outline {number} mixes points of 2 and of 3 coordinates")
    return {"label": label, "points": checked}


def _point(point: Any, index: int, outline: int) -> list[float]:
    point = point.tolist() if hasattr(point, "tolist") else point
    place = f"point {index} of outline {outline}"
    if not _is_list(point) or len(point) not in (2, 3):
        raise OutputError(f"{place} is {point!r}; [x, y] or [x, y, z] was expected")
    try:
        numbers = [float(number) for number in point]
    except (TypeError, ValueError):
        raise OutputError(f"{place} is {point!r}, which are no numbers") from None
    if not all(map(math.isfinite, numbers)):
        raise OutputError(f"{place} is {numbers}; every number must be finite")
    return numbers


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _is_point(value: Any) -> bool:
    value = value.tolist() if hasattr(value, "tolist") else value
    return _is_list(value) and bool(value) and not isinstance(value[0], (Sequence, Mapping)) \
        and not hasattr(value[0], "tolist")  # fmt: skip


def _write(plain: Any, asked: Asked, path: Path) -> None:
    write_json(plain, path)


KIND = Kind(_check, _write, ("outline",))
