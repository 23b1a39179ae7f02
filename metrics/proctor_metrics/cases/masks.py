"""Label maps: one image or volume against its reference, voxel by voxel.

What is scored of a label map are its structures: its labels, or regions made of several labels
that may overlap (whole tumor, tumor core, enhancing tumor), where the task declares any.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases.extents import Extent, label_extents, united
from proctor_metrics.cases.faults import (
    BoolArray,
    IntArray,
    MetricInputError,
    Side,
    UnknownLabelError,
)
from proctor_metrics.cases.label_volume import LabelArray, LabelVolume
from proctor_metrics.cases.remembering import Remembering
from proctor_metrics.cases.surfaces import SurfaceDefinition, SurfacePair

if TYPE_CHECKING:
    from proctor_metrics.segmentation.coded import CodedPair

BACKGROUND = 0
_CHUNK_VOXELS = 1 << 20


class Structure(NamedTuple):
    """What is scored as one: a name, and the label values whose voxels belong to it."""

    name: str
    values: tuple[int, ...]

    def mask(self, label_map: LabelArray) -> BoolArray:
        """Return where a label map holds the structure."""
        array = np.asarray(label_map)
        if len(self.values) == 1:
            return np.asarray(array == self.values[0])
        if array.dtype == np.uint8:
            held = np.zeros(1 << 8, dtype=bool)
            held[[value for value in self.values if 0 <= value < held.size]] = True
            return np.asarray(held[array])
        return np.isin(array, self.values)


@dataclass(frozen=True)
class LabelCounts:
    """Voxels of each structure: int64 of shape (n_structures,), in the structures' order."""

    prediction: npt.NDArray[np.int64]
    reference: npt.NDArray[np.int64]
    overlap: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class MaskCase(Remembering):
    """One label map against its reference; the case is its only item.

    Attributes:
        case: id of the case, used in errors.
        prediction: integers of shape (y, x) or (z, y, x), any integer type and memory order; or
            a `LabelVolume`, as a large file is read.
        reference: integers of the same shape.
        spacing_mm: edge lengths of a voxel, one for each axis of the arrays, from the
            reference.
        labels: label value to name; background (0) is not listed.
        regions: name to the label values that make it up; where there are any, they and not
            the labels are scored. Regions may share labels.
        turned: the axes were reversed, spacing included, because both arrays are kept so.

    Raises:
        MetricInputError: shapes differ, an array is not of integers or holds a label that is
            not listed, a region names one, or the spacing does not fit the arrays.

    >>> array = np.array([[1, 2, 0]])
    >>> names = {1: "edema", 2: "enhancing"}
    >>> regions = {"whole": (1, 2), "enhancing": (2,)}
    >>> case = MaskCase("a", array, array, (1.0, 1.0), names, regions)
    >>> case.label_names, case.counts.reference
    (('whole', 'enhancing'), array([2, 1]))
    """

    case: str
    prediction: LabelArray
    reference: LabelArray
    spacing_mm: tuple[float, ...]
    labels: Mapping[int, str]
    regions: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    turned: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._check_task()
        for side, array, other_side, other in (
            (Side.REFERENCE, self.reference, Side.PREDICTION, self.prediction),
            (Side.PREDICTION, self.prediction, Side.REFERENCE, self.reference),
        ):
            if array.dtype.kind not in "iu":
                raise MetricInputError(
                    self.case,
                    side,
                    f"the {side} is of type {array.dtype}, the {other_side} of {other.dtype}",
                    "a mask must be an array of integers",
                )
        if self.prediction.shape != self.reference.shape:
            raise MetricInputError(
                self.case,
                Side.PREDICTION,
                f"the prediction has shape {self.prediction.shape}, "
                f"the reference {self.reference.shape}",
                "both must lie on one grid",
            )
        self._normalize()
        try:
            coded = self.coded
        except UnknownLabelError as error:
            raise self._unknown(error.side, error.label) from error
        if coded is None:
            object.__setattr__(self, "prediction", np.asarray(self.prediction))
            object.__setattr__(self, "reference", np.asarray(self.reference))
            self._check_labels(Side.REFERENCE, self.reference)
            self._check_labels(Side.PREDICTION, self.prediction)

    @property
    def label_values(self) -> tuple[int, ...]:
        """Return the label values in ascending order."""
        return tuple(sorted(self.labels))

    @cached_property
    def structures(self) -> tuple[Structure, ...]:
        """Return what is scored: the regions as declared, else the labels in ascending order."""
        if self.regions:
            return tuple(Structure(name, tuple(values)) for name, values in self.regions.items())
        return tuple(Structure(self.labels[value], (value,)) for value in self.label_values)

    @property
    def label_names(self) -> tuple[str, ...]:
        """Return the names of the structures, the order of every result."""
        return tuple(structure.name for structure in self.structures)

    @property
    def n_items(self) -> int:
        """Return 1: a label map is one unit of statistics."""
        return 1

    @cached_property
    def counts(self) -> LabelCounts:
        """Count each structure's voxels in the prediction, the reference and both, exactly."""
        if self.coded is not None:
            known, joint = self.coded.values, self.coded.joint
        else:
            known = np.array(self._known, dtype=np.int64)
            joint = _joint_counts(known, np.asarray(self.reference), np.asarray(self.prediction))
        members = np.array(
            [np.isin(known, structure.values) for structure in self.structures], dtype=np.int64
        )
        return LabelCounts(
            prediction=members @ joint.sum(axis=0),
            reference=members @ joint.sum(axis=1),
            overlap=((members @ joint) * members).sum(axis=1),
        )

    @cached_property
    def coded(self) -> "CodedPair | None":
        """Return both label maps as the compiled passes take them; None for small ones."""
        from proctor_metrics.segmentation.coded import coded_pair

        return coded_pair(self.prediction, self.reference, self._known)

    @cached_property
    def extents(self) -> tuple[Extent | None, ...]:
        """Return the smallest box around each structure on both sides; None if it is nowhere."""
        arrays = np.asarray(self.prediction), np.asarray(self.reference)
        sides = [label_extents(array, self.labels) for array in arrays]
        return tuple(
            united(side[value] for side in sides for value in structure.values if value in side)
            for structure in self.structures
        )

    def surfaces(self, definition: SurfaceDefinition) -> Iterable[SurfacePair | None]:
        """Return the distances between the surfaces of each structure, found once.

        None stands for a structure that is empty in the prediction or the reference. Where they
        are too many to be kept they are found anew, structure by structure, for whoever asks.
        """
        # Imported when first asked for: who counts voxels need not wait for it.
        from proctor_metrics.segmentation.surface_distances import surface_pairs

        if definition not in self._surfaces:
            self._surfaces[definition] = surface_pairs(self, definition)
        return self._surfaces[definition]

    @cached_property
    def _surfaces(self) -> dict[SurfaceDefinition, Iterable[SurfacePair | None]]:
        return {}

    def _check_task(self) -> None:
        if self.reference.ndim not in (2, 3) or self.reference.size == 0:
            raise MetricInputError(
                self.case,
                Side.REFERENCE,
                f"the reference has shape {self.reference.shape}",
                "a mask must have 2 or 3 axes and at least one voxel",
            )
        spacing = np.asarray(self.spacing_mm, dtype=np.float64)
        if spacing.shape != (self.reference.ndim,) or not (
            np.isfinite(spacing).all() and (spacing > 0).all()
        ):
            raise MetricInputError(
                self.case,
                Side.REFERENCE,
                f"the spacing is {self.spacing_mm} mm for an array of {self.reference.ndim} axes",
                "spacing must be one positive length for each axis",
            )
        if not self.labels or any(value == BACKGROUND for value in self.labels):
            raise MetricInputError(
                self.case,
                Side.TASK,
                f"the labels are {sorted(self.labels)}",
                "a mask needs at least one label, and 0 is background",
            )
        for name, values in self.regions.items():
            if not values or not set(values) <= set(self.labels):
                raise MetricInputError(
                    self.case,
                    Side.TASK,
                    f"region {name!r} is made of {list(values)}",
                    f"a region is made of labels, and these are {sorted(self.labels)}",
                )

    def _normalize(self) -> None:
        """Bring both into one native, C-ordered form: no metric meets big-endian or Fortran arrays.

        Two Fortran arrays, as NIfTI files hold them, are turned with their spacing, not copied.
        """
        prediction, reference = self.prediction, self.reference
        if _runs_backwards(prediction) and _runs_backwards(reference):
            prediction, reference = prediction.T, reference.T
            object.__setattr__(self, "spacing_mm", tuple(reversed(self.spacing_mm)))
            object.__setattr__(self, "turned", True)
        object.__setattr__(self, "prediction", _native(prediction))
        object.__setattr__(self, "reference", _native(reference))

    @property
    def _known(self) -> list[int]:
        return sorted({BACKGROUND, *self.labels})

    def _check_labels(self, side: Side, array: LabelArray) -> None:
        unknown = sorted(set(np.unique(np.asarray(array)).tolist()) - set(self._known))
        if unknown:
            raise self._unknown(side, unknown[0])

    def _unknown(self, side: Side, label: int) -> MetricInputError:
        return MetricInputError(
            self.case,
            side,
            f"the {side} holds unknown label {label}",
            f"known labels are {self._known}",
        )


def _runs_backwards(array: LabelArray) -> bool:
    """Tell whether the first axis is the one whose voxels lie side by side."""
    if isinstance(array, LabelVolume):
        return array.reversed_axes
    return array.flags.f_contiguous and not array.flags.c_contiguous


def _native(array: LabelArray) -> LabelArray:
    if isinstance(array, LabelVolume):
        return array.in_order()
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))


def _joint_counts(
    known: npt.NDArray[np.int64], reference: IntArray, prediction: IntArray
) -> npt.NDArray[np.int64]:
    """Count the voxels of each pair of values: int64 (n, n), reference by prediction.

    Args:
        known: all values that occur, in ascending order.
    """
    n = known.size
    joint = np.zeros(n * n, dtype=np.int64)
    rows, columns = reference.reshape(-1), prediction.reshape(-1)
    for first in range(0, rows.size, _CHUNK_VOXELS):
        part = slice(first, first + _CHUNK_VOXELS)
        cells = np.searchsorted(known, rows[part]) * n + np.searchsorted(known, columns[part])
        joint += np.bincount(cells, minlength=n * n)
    return joint.reshape(n, n)
