"""Boxes and points: which numbers say where one is, and so which columns a list of them has."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

MOST_ROWS = 250_000
"""Most boxes that a case may hold, all its items together."""

MOST_PER_ITEM = 100
"""Most boxes that an item may hold, where a task does not say."""

ITEM, LABEL, SCORE = "item", "label", "score"


class Geometry(StrEnum):
    """What a row of boxes is, in the units of the input that it lies in."""

    BOX_2D = "box_2d"
    BOX_3D = "box_3d"
    POINT_2D = "point_2d"
    POINT_3D = "point_3d"


PLACES: Mapping[Geometry, tuple[str, ...]] = {
    Geometry.BOX_2D: ("x0", "y0", "x1", "y1"),
    Geometry.BOX_3D: ("x0", "y0", "z0", "x1", "y1", "z1"),
    Geometry.POINT_2D: ("x", "y"),
    Geometry.POINT_3D: ("x", "y", "z"),
}
"""The columns that say where a box (by lower and upper corner) or a point is."""


def predicted_columns(geometry: Geometry) -> tuple[str, ...]:
    """Return the columns of an output.

    >>> predicted_columns(Geometry.POINT_2D)
    ('item', 'label', 'score', 'x', 'y')
    """
    return (ITEM, LABEL, SCORE, *PLACES[geometry])


def reference_columns(geometry: Geometry) -> tuple[str, ...]:
    """Return the columns that a reference must have."""
    return (ITEM, LABEL, *PLACES[geometry])
