"""The distances between prediction and reference of every structure of a case.

Which structures a code belongs to is told by bits; structures are taken 64 at a time. Both label
maps, and then every direction of every structure, are done side by side.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases.surfaces import SurfaceDefinition
from proctor_metrics.segmentation.kernels.borders import Bits, Positions, border_rows
from proctor_metrics.segmentation.kernels.corners import corner_rows
from proctor_metrics.segmentation.kernels.joint import N_CODES
from proctor_metrics.segmentation.kernels.label_rows import Codes, LabelRows
from proctor_metrics.segmentation.kernels.nearest import nearest_distances
from proctor_metrics.segmentation.kernels.rows import FloatArray, neighborhood
from proctor_metrics.segmentation.surfel import area_table
from proctor_metrics.threads import side_by_side

_MOST_STRUCTURES = 64
_ENTRIES = 1 << 18


class Directed(NamedTuple):
    """Distances in mm from every element of one surface, and their weights; float64."""

    distances_mm: FloatArray
    weights: FloatArray


class Surface(NamedTuple):
    """The surface of one structure: packed positions, and the code of each for surfels."""

    positions: Positions
    codes: npt.NDArray[np.uint8]


def structure_distances(
    prediction: LabelRows,
    reference: LabelRows,
    members: npt.NDArray[np.bool_],
    spacing_mm: tuple[float, ...],
    definition: SurfaceDefinition,
) -> list[tuple[Directed, Directed]]:
    """Return the distances of each structure to the reference and to the prediction.

    Args:
        prediction: its rows, labels as uint8 codes.
        reference: likewise.
        members: booleans of shape (n_structures, n_codes): which codes make up a structure;
            each structure must be in both label maps.
        spacing_mm: one for each axis; two for an image.
        definition: what a surface is.
    """
    pairs: list[tuple[Directed, Directed]] = []
    for first in range(0, len(members), _MOST_STRUCTURES):
        part = members[first : first + _MOST_STRUCTURES]
        pairs += _distances(prediction, reference, part, spacing_mm, definition)
    return pairs


def _distances(
    prediction: LabelRows,
    reference: LabelRows,
    members: npt.NDArray[np.bool_],
    spacing_mm: tuple[float, ...],
    definition: SurfaceDefinition,
) -> list[tuple[Directed, Directed]]:
    n_structures = len(members)
    bits = np.zeros(N_CODES, np.uint64)
    for structure, codes in enumerate(members):
        bits[: codes.size] |= codes.astype(np.uint64) << np.uint64(structure)
    flat = len(spacing_mm) == 2
    edges = (1.0, *(float(edge) for edge in spacing_mm))[-3:]
    spacing = edges[0], edges[1], edges[2]
    around = neighborhood(spacing, flat)

    def sources(rows: LabelRows) -> list[Surface]:
        if definition is SurfaceDefinition.SURFEL:
            return corner_surfaces(rows, flat, bits, n_structures)
        return border_surfaces(rows, flat, bits, n_structures, every_neighbor=False)

    def targets(rows: LabelRows) -> list[Surface]:
        return border_surfaces(rows, flat, bits, n_structures, every_neighbor=True)

    predicted, true = side_by_side([lambda: sources(prediction), lambda: sources(reference)])
    to_predicted, to_true = predicted, true
    if definition is SurfaceDefinition.ITK_6_26:
        to_predicted, to_true = side_by_side(
            [lambda: targets(prediction), lambda: targets(reference)]
        )

    def directed(source: Surface, target: Surface) -> Callable[[], Directed]:
        def measure() -> Directed:
            distances = nearest_distances(source.positions, target.positions, spacing, around)
            if definition is SurfaceDefinition.SURFEL:
                return Directed(distances, area_table(spacing_mm)[source.codes])
            return Directed(distances, np.ones_like(distances))

        return measure

    both = zip((*predicted, *true), (*to_true, *to_predicted), strict=True)
    found = side_by_side([directed(source, target) for source, target in both])
    return list(zip(found[:n_structures], found[n_structures:], strict=True))


def border_surfaces(
    rows: LabelRows, flat: bool, bits: Bits, n_structures: int, every_neighbor: bool
) -> list[Surface]:
    """Return the border voxels of each structure; see `borders.border_rows`."""
    depth, height, width = rows.shape

    def fill(row: int, limit: int, found: Surface, owners: Codes) -> tuple[int, int]:
        return border_rows(*rows, flat, bits, every_neighbor, row, limit, found.positions, owners)

    return _collect(fill, depth * height, width * n_structures, n_structures)


def corner_surfaces(rows: LabelRows, flat: bool, bits: Bits, n_structures: int) -> list[Surface]:
    """Return the surface elements of each structure; see `corners.corner_rows`."""
    depth, height, width = rows.shape

    def fill(row: int, limit: int, found: Surface, owners: Codes) -> tuple[int, int]:
        return corner_rows(*rows, flat, bits, row, limit, found.positions, owners, found.codes)

    n_rows = (depth if flat else depth + 1) * (height + 1)
    return _collect(fill, n_rows, (width + 1) * n_structures, n_structures)


def _collect(
    fill: Callable[[int, int, Surface, Codes], tuple[int, int]],
    n_rows: int,
    row_limit: int,
    n_structures: int,
) -> list[Surface]:
    """Run a pass with as much room as it turns out to need, and sort its finds by structure."""
    size = max(_ENTRIES, row_limit)
    room = Surface(np.empty(size, np.int64), np.empty(size, np.uint8))
    owners = np.empty(size, np.uint8)
    parts: list[list[Surface]] = [[] for _ in range(n_structures)]
    row = 0
    while row < n_rows:
        row, found = fill(row, row_limit, room, owners)
        order = np.argsort(owners[:found], kind="stable")
        ends = np.cumsum(np.bincount(owners[:found], minlength=n_structures))
        for part, own in zip(parts, np.split(order, ends[:-1]), strict=True):
            part.append(Surface(room.positions[own], room.codes[own]))
    return [
        Surface(*(np.concatenate(arrays) for arrays in zip(*part, strict=True))) for part in parts
    ]
