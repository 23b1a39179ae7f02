"""Label maps: one image or volume against its reference, voxel by voxel."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases.faults import IntArray, MetricInputError, Side

BACKGROUND = 0


@dataclass(frozen=True)
class LabelCounts:
    """Voxels of each label: int64 arrays of shape (n_labels,) in the order of the labels."""

    prediction: npt.NDArray[np.int64]
    reference: npt.NDArray[np.int64]
    overlap: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class MaskCase:
    """One label map against its reference; the case is its only item.

    Attributes:
        case: id of the case, used in errors.
        prediction: integers of shape (y, x) or (z, y, x), any integer type and memory order.
        reference: integers of the same shape.
        spacing_mm: edge lengths of a voxel, one for each axis of the arrays, from the
            reference.
        labels: label value to name; background (0) is not listed.

    Raises:
        MetricInputError: shapes differ, an array is not of integers or holds a label that is
            not listed, or the spacing does not fit the arrays.
    """

    case: str
    prediction: IntArray
    reference: IntArray
    spacing_mm: tuple[float, ...]
    labels: Mapping[int, str]

    def __post_init__(self) -> None:
        self._check_task()
        for side, array in (
            (Side.REFERENCE, self.reference),
            (Side.PREDICTION, self.prediction),
        ):
            if array.dtype.kind not in "iu":
                raise MetricInputError(
                    self.case,
                    side,
                    f"the {side} is of type {array.dtype}",
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
        # One native, C-ordered form, so that no metric meets big-endian or Fortran arrays.
        object.__setattr__(self, "prediction", _native(self.prediction))
        object.__setattr__(self, "reference", _native(self.reference))
        self._check_labels(Side.REFERENCE, self.reference)
        self._check_labels(Side.PREDICTION, self.prediction)

    @property
    def label_values(self) -> tuple[int, ...]:
        """Return the label values in ascending order, the order of every per-label result."""
        return tuple(sorted(self.labels))

    @property
    def label_names(self) -> tuple[str, ...]:
        """Return the names of the labels in the order of `label_values`."""
        return tuple(self.labels[value] for value in self.label_values)

    @property
    def n_items(self) -> int:
        """Return 1: a label map is one unit of statistics."""
        return 1

    @cached_property
    def counts(self) -> LabelCounts:
        """Count each label's voxels in the prediction, the reference and both, exactly."""
        agreed = self.reference[self.reference == self.prediction]
        return LabelCounts(
            prediction=self._count(self.prediction),
            reference=self._count(self.reference),
            overlap=self._count(agreed),
        )

    def _count(self, array: IntArray) -> npt.NDArray[np.int64]:
        values, counts = np.unique(array, return_counts=True)
        found = dict(zip(values.tolist(), counts.tolist(), strict=True))
        return np.array([found.get(value, 0) for value in self.label_values], dtype=np.int64)

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

    def _check_labels(self, side: Side, array: IntArray) -> None:
        known = {BACKGROUND, *self.labels}
        unknown = sorted(set(np.unique(array).tolist()) - known)
        if unknown:
            raise MetricInputError(
                self.case,
                side,
                f"the {side} holds unknown label {unknown[0]}",
                f"known labels are {sorted(known)}",
            )


def _native(array: IntArray) -> IntArray:
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
