"""The objects of each class of a case, numbered, measured and laid over each other.

Objects come from a map of them, or from a mask: its connected components. They are numbered in the
order of their first voxels, so that no result depends on the numbers that somebody gave them. All
that is asked later is made of sizes, centers and the voxels that two of them share; the hard part
is to find those in one pass, however many objects there are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from math import prod

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from proctor_metrics.cases import BoolArray, FloatArray, InstanceCase, IntArray, MaskCase

_SLAB_VOXELS = 1 << 22


class Components(StrEnum):
    """Which voxels of a mask touch: by a face; by face or edge; by face, edge or corner.

    In the plane these are 4, 8 and 8 neighbors.
    """

    FACES_EDGES_CORNERS = "26"
    FACES_EDGES = "18"
    FACES = "6"

    def neighbors(self, n_axes: int) -> BoolArray:
        """Return the neighborhood as SciPy takes it."""
        rank = {"6": 1, "18": 2, "26": 3}[self.value]
        return np.asarray(ndimage.generate_binary_structure(n_axes, min(rank, n_axes)))


@dataclass(frozen=True, eq=False)
class Numbered:
    """The objects of one class on one side.

    Attributes:
        sizes: int64 of shape (n,), voxels of each.
        centers_mm: float64 of shape (n, n_axes), the mean place of each.
    """

    sizes: npt.NDArray[np.int64]
    centers_mm: FloatArray


@dataclass(frozen=True, eq=False)
class Objects:
    """The objects of one class, or of one structure of a mask, on both sides.

    Attributes:
        name: of the class or structure.
        predicted: those of the prediction.
        reference: those of the reference.
        rows: int64 of shape (n_pairs,), a predicted object of each two that share a voxel; these
            in ascending order, and of each the others too.
        columns: int64 of shape (n_pairs,), the other one.
        shared: int64 of shape (n_pairs,), the voxels they share.
    """

    name: str
    predicted: Numbered
    reference: Numbered
    rows: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]
    shared: npt.NDArray[np.int64]

    @property
    def iou(self) -> FloatArray:
        """Return the voxels of each two in common, over those of either: float64 (n_pairs,)."""
        either = self.predicted.sizes[self.rows] + self.reference.sizes[self.columns] - self.shared
        return np.asarray(self.shared / either)

    def iou_of(self, row: int, column: int) -> float:
        """Return the IoU of a predicted object and one of the reference."""
        first, end = np.searchsorted(self.rows, [row, row + 1])
        place = first + int(np.searchsorted(self.columns[first:end], column))
        if place == end or self.columns[place] != column:
            return 0.0
        shared = int(self.shared[place])
        either = int(self.predicted.sizes[row] + self.reference.sizes[column]) - shared
        return shared / either


def objects_of(case: MaskCase | InstanceCase, components: Components) -> tuple[Objects, ...]:
    """Return the objects of each class or structure, found once for a case.

    Args:
        case: its masks are cut into components; a map of objects is taken as it is.
        components: which voxels of a mask touch.
    """
    return case.once(("objects", components), partial(_objects, case, components))


def components_of(mask: BoolArray, components: Components) -> tuple[npt.NDArray[np.int32], int]:
    """Return the connected components of a mask, numbered from 1, and how many there are."""
    numbers = np.zeros(mask.shape, dtype=np.int32)
    count = ndimage.label(mask, structure=components.neighbors(mask.ndim), output=numbers)
    return numbers, int(count)


def structure_masks(case: MaskCase, margin: int = 0) -> Iterator[tuple[str, BoolArray, BoolArray]]:
    """Yield the name of each structure, and where prediction and reference hold it.

    Args:
        case: only the box around a structure on both sides is looked at.
        margin: by so many voxels the box is larger, as far as the image goes.
    """
    predicted, reference = np.asarray(case.prediction), np.asarray(case.reference)
    nowhere = (slice(0, 1),) * reference.ndim
    for structure, extent in zip(case.structures, case.extents, strict=True):
        box = tuple(
            slice(max(0, along.start - margin), along.stop + margin) for along in extent or nowhere
        )
        yield structure.name, structure.mask(predicted[box]), structure.mask(reference[box])


def _objects(case: MaskCase | InstanceCase, components: Components) -> tuple[Objects, ...]:
    found = []
    if isinstance(case, MaskCase):
        for name, predicted_mask, reference_mask in structure_masks(case):
            predicted, _ = components_of(predicted_mask, components)
            reference, _ = components_of(reference_mask, components)
            found.append(_overlaid(name, predicted, reference, case.spacing_mm))
        return tuple(found)
    divisors = case.class_divisors
    for value, name in zip(case.label_values, case.label_names, strict=True):
        predicted = _numbered(case.prediction, value, divisors[0])
        reference = _numbered(case.reference, value, divisors[1])
        found.append(_overlaid(name, predicted, reference, case.spacing_mm))
    return tuple(found)


def _numbered(array: IntArray, class_value: int, divisor: int | None) -> npt.NDArray[np.int32]:
    """Number the objects of a class from 1 in the order of their first voxels."""
    mine = array > 0
    if divisor is not None:
        first_number = class_value * divisor
        mine &= (array >= first_number) & (array < first_number + divisor)
    _, first, inverse = np.unique(array[mine], return_index=True, return_inverse=True)
    rank = np.empty(first.size, dtype=np.int32)
    rank[np.argsort(first)] = np.arange(1, first.size + 1, dtype=np.int32)
    numbers = np.zeros(array.shape, dtype=np.int32)
    numbers[mine] = rank[inverse]
    return numbers


def _overlaid(
    name: str,
    predicted: npt.NDArray[np.int32],
    reference: npt.NDArray[np.int32],
    spacing_mm: tuple[float, ...],
) -> Objects:
    right = _measured(reference, spacing_mm)
    n_columns = right.sizes.size
    found, counted = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for slab in _slabs(reference.shape):
        left, there = predicted[slab], reference[slab]
        both = (left > 0) & (there > 0)
        pairs = (left[both].astype(np.int64) - 1) * n_columns + there[both] - 1
        some, times = np.unique(pairs, return_counts=True)
        found.append(some)
        counted.append(times)
    keys, places = np.unique(np.concatenate(found), return_inverse=True)
    shared = np.zeros(keys.size, dtype=np.int64)
    np.add.at(shared, places, np.concatenate(counted))
    rows, columns = np.divmod(keys, max(1, n_columns))
    return Objects(name, _measured(predicted, spacing_mm), right, rows, columns, shared)


def _measured(numbers: npt.NDArray[np.int32], spacing_mm: tuple[float, ...]) -> Numbered:
    count = int(numbers.max(initial=0))
    sizes = np.zeros(count, dtype=np.int64)
    sums = np.zeros((count, numbers.ndim))
    for slab in _slabs(numbers.shape):
        places = np.nonzero(numbers[slab])
        mine = numbers[slab][places] - 1
        sizes += np.bincount(mine, minlength=count)
        # Sums of whole numbers are exact, so it does not matter how they are cut.
        places[0][:] += slab.start
        for axis, along in enumerate(places):
            sums[:, axis] += np.bincount(mine, weights=along, minlength=count)
    centers = sums / np.maximum(sizes, 1)[:, np.newaxis]
    return Numbered(sizes, centers * np.asarray(spacing_mm))


def _slabs(shape: tuple[int, ...]) -> Iterator[slice]:
    """Cut an image along its first axis, so that what is made of each voxel stays small."""
    step = max(1, _SLAB_VOXELS // max(1, prod(shape[1:])))
    for start in range(0, shape[0], step):
        yield slice(start, min(start + step, shape[0]))
