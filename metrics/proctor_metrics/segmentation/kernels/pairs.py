"""The distances between prediction and reference of every structure of a case.

Which structures a code belongs to is told by bits; structures are taken 64 at a time. Both label
maps, and then every direction of every structure, are done side by side.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases.surfaces import SurfaceDefinition
from proctor_metrics.segmentation.kernels.borders import (
    Bits,
    Positions,
    border_rows,
    sort_by_owner,
)
from proctor_metrics.segmentation.kernels.corners import corner_rows
from proctor_metrics.segmentation.kernels.joint import N_CODES
from proctor_metrics.segmentation.kernels.label_rows import Codes, LabelRows
from proctor_metrics.segmentation.kernels.nearest import nearest_distances
from proctor_metrics.segmentation.kernels.rows import FloatArray, neighborhood
from proctor_metrics.segmentation.surfel import area_table
from proctor_metrics.threads import side_by_side

_MOST_STRUCTURES = 64
_ENTRIES = 1 << 18
_ONE = np.float64(1.0)

MANY_ELEMENTS = 1 << 24
"""Of more surface elements on one side the structures are not held in memory together."""


class _ManyElementsError(Exception):
    """The surfaces have more elements than are to be held together."""


class Directed(NamedTuple):
    """Distances in mm from every element of one surface, and their weights; float64."""

    distances_mm: FloatArray
    weights: FloatArray


class Surface(NamedTuple):
    """The surface of one structure: packed positions, and the code of each for surfels."""

    positions: Positions
    codes: npt.NDArray[np.uint8]


class Both(NamedTuple):
    """Two label maps and what is measured between them.

    Attributes:
        prediction: its rows, labels as uint8 codes.
        reference: likewise.
        members: booleans of shape (n_structures, n_codes): which codes make up a structure;
            each structure must be in both label maps.
        spacing_mm: one for each axis; two for an image.
        definition: what a surface is.
    """

    prediction: LabelRows
    reference: LabelRows
    members: npt.NDArray[np.bool_]
    spacing_mm: tuple[float, ...]
    definition: SurfaceDefinition


def structure_distances(
    both: Both, many: int = MANY_ELEMENTS
) -> list[tuple[Directed, Directed]] | None:
    """Return the distances of each structure to the reference and to the prediction.

    Args:
        both: structures are taken 64 at a time.
        many: so many elements in all are held in memory.

    Returns:
        None where there are more; see `distances_in_turn`.
    """
    pairs: list[tuple[Directed, Directed]] = []
    for first in range(0, len(both.members), _MOST_STRUCTURES):
        part = both.members[first : first + _MOST_STRUCTURES]
        held = sum(directed.weights.size for pair in pairs for directed in pair)
        try:
            pairs += _distances(both._replace(members=part), many - held)
        except _ManyElementsError:
            return None
    return pairs


def distances_in_turn(both: Both, many: int = MANY_ELEMENTS) -> Iterator[tuple[Directed, Directed]]:
    """Yield the same, holding one structure or some of at most so many elements at a time."""
    n_structures = len(both.members)
    try:
        pairs = _distances(both, many if n_structures > 1 else None)
    except _ManyElementsError:
        for half in (both.members[: n_structures // 2], both.members[n_structures // 2 :]):
            yield from distances_in_turn(both._replace(members=half), many)
    else:
        yield from pairs


def _distances(both: Both, many: int | None) -> list[tuple[Directed, Directed]]:
    n_structures = len(both.members)
    if n_structures > _MOST_STRUCTURES:
        raise _ManyElementsError
    bits = np.zeros(N_CODES, np.uint64)
    for structure, codes in enumerate(both.members):
        bits[: codes.size] |= codes.astype(np.uint64) << np.uint64(structure)
    spacing_mm, definition = both.spacing_mm, both.definition
    flat = len(spacing_mm) == 2
    edges = (1.0, *(float(edge) for edge in spacing_mm))[-3:]
    spacing = edges[0], edges[1], edges[2]
    around = neighborhood(spacing, flat)
    rows_of_both = both.prediction, both.reference

    def surfaces(every_neighbor: bool) -> list[list[Surface]]:
        def of(rows: LabelRows) -> Callable[[], list[Surface]]:
            if definition is SurfaceDefinition.SURFEL:
                return lambda: corner_surfaces(rows, flat, bits, n_structures, many)
            return lambda: border_surfaces(rows, flat, bits, n_structures, every_neighbor, many)

        return side_by_side([of(rows) for rows in rows_of_both])

    predicted, true = surfaces(every_neighbor=False)
    to_predicted, to_true = predicted, true
    if definition is SurfaceDefinition.ITK_6_26:
        to_predicted, to_true = surfaces(every_neighbor=True)

    def directed(source: Surface, target: Surface) -> Callable[[], Directed]:
        def measure() -> Directed:
            distances = nearest_distances(source.positions, target.positions, spacing, around)
            if definition is SurfaceDefinition.SURFEL:
                return Directed(distances, area_table(spacing_mm)[source.codes])
            return Directed(distances, np.broadcast_to(_ONE, distances.shape))

        return measure

    each = zip((*predicted, *true), (*to_true, *to_predicted), strict=True)
    found = side_by_side([directed(source, target) for source, target in each])
    return list(zip(found[:n_structures], found[n_structures:], strict=True))


def border_surfaces(
    rows: LabelRows,
    flat: bool,
    bits: Bits,
    n_structures: int,
    every_neighbor: bool,
    many: int | None = None,
) -> list[Surface]:
    """Return the border voxels of each structure; see `borders.border_rows`."""
    depth, height, width = rows.shape

    def fill(row: int, limit: int, found: Surface, owners: Codes) -> tuple[int, int]:
        return border_rows(*rows, flat, bits, every_neighbor, row, limit, found.positions, owners)

    return _collect(fill, depth * height, width * n_structures, n_structures, many)


def corner_surfaces(
    rows: LabelRows, flat: bool, bits: Bits, n_structures: int, many: int | None = None
) -> list[Surface]:
    """Return the surface elements of each structure; see `corners.corner_rows`."""
    depth, height, width = rows.shape

    def fill(row: int, limit: int, found: Surface, owners: Codes) -> tuple[int, int]:
        return corner_rows(*rows, flat, bits, row, limit, found.positions, owners, found.codes)

    n_rows = (depth if flat else depth + 1) * (height + 1)
    return _collect(fill, n_rows, (width + 1) * n_structures, n_structures, many)


def _collect(
    fill: Callable[[int, int, Surface, Codes], tuple[int, int]],
    n_rows: int,
    row_limit: int,
    n_structures: int,
    many: int | None,
) -> list[Surface]:
    """Run a pass with as much room as it turns out to need, and sort its finds by structure.

    Raises:
        _ManyElementsError: there are more than so many.
    """
    size = max(_ENTRIES, row_limit)
    room = Surface(np.empty(size, np.int64), np.empty(size, np.uint8))
    owners = np.empty(size, np.uint8)
    parts: list[list[Surface]] = [[] for _ in range(n_structures)]
    row, total = 0, 0
    while row < n_rows:
        row, found = fill(row, row_limit, room, owners)
        total += found
        if many is not None and total > many:
            raise _ManyElementsError
        positions, codes = np.empty(found, np.int64), np.empty(found, np.uint8)
        ends = sort_by_owner(owners[:found], *room, positions, codes, n_structures).tolist()
        for part, (first, end) in zip(parts, pairwise([0, *ends]), strict=True):
            part.append(Surface(positions[first:end], codes[first:end]))
    # Those of a structure are let go of before the next one's are put together.
    parts.reverse()
    return [
        Surface(*(np.concatenate(arrays) for arrays in zip(*parts.pop(), strict=True)))
        for _ in range(n_structures)
    ]
