"""Maps of objects: every voxel says which object it belongs to, and the number tells its class."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from proctor_metrics.cases.faults import IntArray, MetricInputError, Side
from proctor_metrics.cases.remembering import Remembering


@dataclass(frozen=True, eq=False)
class InstanceCase(Remembering):
    """The objects of one image or volume against those that are there; the case is its one item.

    Which number an object has does not matter, and those of prediction and reference have nothing
    to do with each other.

    Attributes:
        case: id of the case, used in errors.
        prediction: integers from 0 of shape (y, x) or (z, y, x); 0 belongs to no object.
        reference: integers of the same shape.
        spacing_mm: edge lengths of a voxel, one for each axis of the arrays.
        labels: class value to name.
        class_divisors: for prediction and reference by how much a number is divided to get the
            class of its object; None where there is one class only.
        lost: True for a case that was never answered (see `InstanceCase.missing`).

    Raises:
        MetricInputError: shapes differ, an array is not of integers, a number is negative or of
            no class, or the spacing does not fit.
    """

    case: str
    prediction: IntArray
    reference: IntArray
    spacing_mm: tuple[float, ...]
    labels: Mapping[int, str]
    class_divisors: tuple[int | None, int | None] = (None, None)
    lost: bool = False

    def __post_init__(self) -> None:
        spacing = np.asarray(self.spacing_mm, dtype=np.float64)
        if (
            self.reference.ndim not in (2, 3)
            or self.reference.size == 0
            or spacing.shape != (self.reference.ndim,)
            or not (np.isfinite(spacing) & (spacing > 0)).all()
        ):
            raise MetricInputError(
                self.case,
                Side.REFERENCE,
                f"the reference has shape {self.reference.shape} and spacing {self.spacing_mm} mm",
                "2 or 3 axes are expected, with one positive length for each",
            )
        if not self.labels or (None in self.class_divisors and len(self.labels) > 1):
            raise MetricInputError(
                self.case,
                Side.TASK,
                f"the classes are {sorted(self.labels)} and their divisors {self.class_divisors}",
                "objects of several classes need a divisor that tells them apart",
            )
        if self.prediction.shape != self.reference.shape:
            raise MetricInputError(
                self.case,
                Side.PREDICTION,
                f"the prediction has shape {self.prediction.shape}, "
                f"the reference {self.reference.shape}",
                "both must lie on one grid",
            )
        sides = (Side.PREDICTION, self.prediction), (Side.REFERENCE, self.reference)
        for (side, array), divisor in zip(sides, self.class_divisors, strict=True):
            self._check_numbers(side, array, divisor)
        object.__setattr__(self, "prediction", _native(self.prediction))
        object.__setattr__(self, "reference", _native(self.reference))

    @classmethod
    def missing(
        cls,
        case: str,
        reference: IntArray,
        spacing_mm: tuple[float, ...],
        labels: Mapping[int, str],
        class_divisors: tuple[int | None, int | None],
    ) -> "InstanceCase":
        """Return the stand-in for a case without predictions, for pooled metrics."""
        nothing = np.zeros(reference.shape, dtype=np.uint8)
        return cls(case, nothing, reference, spacing_mm, labels, class_divisors, lost=True)

    @property
    def label_values(self) -> tuple[int, ...]:
        """Return the class values in ascending order."""
        return tuple(sorted(self.labels))

    @property
    def label_names(self) -> tuple[str, ...]:
        """Return the names of the classes, the order of every result."""
        return tuple(self.labels[value] for value in self.label_values)

    @property
    def n_items(self) -> int:
        """Return 1: a map of objects is one unit of statistics."""
        return 1

    def _check_numbers(self, side: Side, array: IntArray, divisor: int | None) -> None:
        if array.dtype.kind not in "iu" or int(array.min()) < 0:
            raise MetricInputError(
                self.case,
                side,
                f"the {side} is of type {array.dtype} and begins at {array.min()}",
                "objects are numbered by integers from 1, and 0 is none",
            )
        if divisor is None:
            return
        # A small type may not hold the divisor.
        found = np.unique(array[array > 0]).astype(np.int64) // divisor
        unknown = found[~np.isin(found, list(self.labels))]
        if unknown.size:
            raise MetricInputError(
                self.case,
                side,
                f"the {side} holds an object of class {int(unknown[0])}",
                f"classes are {sorted(self.labels)}, the whole part of number / {divisor}",
            )


def _native(array: IntArray) -> IntArray:
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
