"""Find the distances between the surfaces of each structure of a case, in mm.

Only the box around both masks of a structure is looked at: nothing outside it can be nearer.
Distances are float64; outside the image is background.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, assert_never

import numpy as np
from scipy import ndimage

from proctor_metrics.cases.faults import BoolArray, FloatArray
from proctor_metrics.cases.masks import MaskCase
from proctor_metrics.cases.surfaces import DirectedDistances, SurfaceDefinition, SurfacePair
from proctor_metrics.segmentation.coded import CodedPair
from proctor_metrics.segmentation.surfel import surfels

if TYPE_CHECKING:
    from proctor_metrics.segmentation.kernels.pairs import Both, Directed

_FACES, _FACES_EDGES_CORNERS = 1, 3


SurfacePairs = Iterable[SurfacePair | None]
"""One for each structure; None where it is empty on a side."""


def surface_pairs(case: MaskCase, definition: SurfaceDefinition) -> SurfacePairs:
    """Return the distances of each structure.

    They are found anew each time that they are gone through where they are too many to be kept.
    """
    counts = case.counts
    there = (counts.prediction > 0) & (counts.reference > 0)
    if case.coded is not None:
        return _compiled_pairs(case, case.coded, there, definition)
    return tuple(
        _pair(
            structure.mask(case.prediction),
            structure.mask(case.reference),
            case.spacing_mm,
            definition,
        )
        if found
        else None
        for structure, found in zip(case.structures, there, strict=True)
    )


class _InTurn:
    """The pairs of structures whose surfaces are too large to be kept for the next metric."""

    def __init__(self, both: "Both", there: BoolArray) -> None:
        self._both = both
        self._there = there

    def __iter__(self) -> Iterator[SurfacePair | None]:
        from proctor_metrics.segmentation.kernels.pairs import distances_in_turn

        yield from _in_place(self._there, distances_in_turn(self._both))


def _compiled_pairs(
    case: MaskCase, coded: CodedPair, there: BoolArray, definition: SurfaceDefinition
) -> SurfacePairs:
    from proctor_metrics.segmentation.kernels.pairs import Both, structure_distances

    members = np.array([np.isin(coded.values, one.values) for one in case.structures])
    both = Both(coded.prediction, coded.reference, members[there], case.spacing_mm, definition)
    found = structure_distances(both)
    return _InTurn(both, there) if found is None else tuple(_in_place(there, found))


def _in_place(
    there: BoolArray, found: "Iterable[tuple[Directed, Directed]]"
) -> Iterator[SurfacePair | None]:
    """Put the pairs of the structures that are there among the others."""
    pairs = iter(found)
    for is_there in there:
        if not is_there:
            yield None
            continue
        to_reference, to_prediction = next(pairs)
        yield SurfacePair(DirectedDistances(*to_reference), DirectedDistances(*to_prediction))


def enclosing_box(mask: BoolArray) -> tuple[slice, ...]:
    """Return the smallest box that holds a mask that is not empty."""
    slices = []
    for axis in range(mask.ndim):
        others = tuple(other for other in range(mask.ndim) if other != axis)
        used = np.flatnonzero(mask.any(axis=others))
        slices.append(slice(int(used[0]), int(used[-1]) + 1))
    return tuple(slices)


def voxel_border(mask: BoolArray, connectivity: int = _FACES) -> BoolArray:
    """Return the voxels of a mask that have a neighbor outside it.

    Args:
        mask: of 2 or 3 axes; outside the array is background.
        connectivity: 1 for neighbors by face, the number of axes for those by edge and corner.
    """
    neighbors = ndimage.generate_binary_structure(mask.ndim, min(connectivity, mask.ndim))
    border: BoolArray = mask & ~ndimage.binary_erosion(mask, structure=neighbors)
    return border


def _pair(
    predicted: BoolArray,
    true: BoolArray,
    spacing_mm: tuple[float, ...],
    definition: SurfaceDefinition,
) -> SurfacePair:
    box = enclosing_box(predicted | true)
    predicted, true = predicted[box], true[box]
    match definition:
        case SurfaceDefinition.SURFEL:
            first, second = surfels(predicted, spacing_mm), surfels(true, spacing_mm)
            to_true = _distance_to(second.border, spacing_mm)[first.border]
            to_predicted = _distance_to(first.border, spacing_mm)[second.border]
            return SurfacePair(
                DirectedDistances(to_true, first.areas),
                DirectedDistances(to_predicted, second.areas),
            )
        case SurfaceDefinition.VOXEL6:
            targets = _FACES
        case SurfaceDefinition.ITK_6_26:
            targets = _FACES_EDGES_CORNERS
        case _ as unreachable:
            assert_never(unreachable)
    to_true = _distance_to(voxel_border(true, targets), spacing_mm)[voxel_border(predicted)]
    to_predicted = _distance_to(voxel_border(predicted, targets), spacing_mm)[voxel_border(true)]
    return SurfacePair(_unweighted(to_true), _unweighted(to_predicted))


def _unweighted(distances_mm: FloatArray) -> DirectedDistances:
    return DirectedDistances(distances_mm, np.ones_like(distances_mm))


def _distance_to(border: BoolArray, spacing_mm: tuple[float, ...]) -> FloatArray:
    return np.asarray(
        ndimage.distance_transform_edt(~border, sampling=spacing_mm), dtype=np.float64
    )
