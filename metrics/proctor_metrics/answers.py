"""Cases whose answer is a class or a number for each item: `LabelCase` and `ValueCase`.

They are to lists of classes and tables of numbers what `TableCase` is to tables of class scores:
checked once here, so that a metric may assume sound input.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from proctor_metrics.case_faults import FloatArray, MetricInputError, Side

UNANSWERED = -1
"""Position of the predicted class of an item of a case that was never answered."""


@dataclass(frozen=True, eq=False)
class LabelCase:
    """One class an item against its reference class.

    Attributes:
        case: id of the case, used in errors.
        prediction: integers of shape (n_items,), the class value answered for each item.
        reference: integers of shape (n_items,), the class value of each item.
        classes: names of the classes.
        class_values: the class value of each class, in the order of `classes`.
        lost: True for a case that was never answered (see `LabelCase.missing`).

    Raises:
        MetricInputError: shapes do not fit, or a value is no class of the task.
    """

    case: str
    prediction: npt.NDArray[np.integer]
    reference: npt.NDArray[np.integer]
    classes: tuple[str, ...]
    class_values: tuple[int, ...]
    lost: bool = False

    def __post_init__(self) -> None:
        if not self.classes or len(set(self.class_values)) != len(self.classes):
            raise MetricInputError(
                self.case,
                Side.TASK,
                f"there are {len(self.classes)} classes for class values {self.class_values}",
                "each class must have a value of its own",
            )
        for side, array in ((Side.REFERENCE, self.reference), (Side.PREDICTION, self.prediction)):
            if array.ndim != 1 or array.dtype.kind not in "iu":
                raise MetricInputError(
                    self.case,
                    side,
                    f"the {side} has shape {array.shape} and type {array.dtype}",
                    "it must be one integer for each item",
                )
        if self.prediction.shape != self.reference.shape:
            raise MetricInputError(
                self.case,
                Side.PREDICTION,
                f"the prediction has {self.prediction.shape[0]} items, "
                f"the reference {self.reference.shape[0]}",
                "row i must answer item i",
            )
        self._check_values(Side.REFERENCE, self.reference)
        if not self.lost:
            self._check_values(Side.PREDICTION, self.prediction)

    @classmethod
    def missing(
        cls,
        case: str,
        reference: npt.NDArray[np.integer],
        classes: tuple[str, ...],
        class_values: tuple[int, ...],
    ) -> "LabelCase":
        """Return the stand-in for a case without predictions, for pooled metrics."""
        return cls(case, np.zeros_like(reference), reference, classes, class_values, lost=True)

    @property
    def n_items(self) -> int:
        """Return the number of items."""
        return int(self.reference.shape[0])

    @cached_property
    def true_classes(self) -> npt.NDArray[np.intp]:
        """Return the position of each item's class among `classes`, of shape (n_items,)."""
        return self._positions(self.reference)

    @cached_property
    def predicted_classes(self) -> npt.NDArray[np.intp]:
        """Return the position of each answered class; `UNANSWERED` in a lost case."""
        if self.lost:
            return np.full(self.n_items, UNANSWERED, dtype=np.intp)
        return self._positions(self.prediction)

    def _positions(self, values: npt.NDArray[np.integer]) -> npt.NDArray[np.intp]:
        order = np.argsort(self.class_values)
        ascending = np.asarray(self.class_values, dtype=np.int64)[order]
        return np.asarray(order[np.searchsorted(ascending, values)], dtype=np.intp)

    def _check_values(self, side: Side, values: npt.NDArray[np.integer]) -> None:
        unknown = ~np.isin(values, np.asarray(self.class_values, dtype=np.int64))
        if unknown.any():
            found = (
                "holds a value that is no class"
                if side is Side.REFERENCE
                else f"is {values[unknown][0]} in row {int(np.argmax(unknown))}"
            )
            raise MetricInputError(
                self.case,
                side,
                f"the {side} {found}",
                f"class values are {list(self.class_values)}",
            )


@dataclass(frozen=True, eq=False)
class ValueCase:
    """Numbers for each item against their reference; each column is a quantity of its own.

    Attributes:
        case: id of the case, used in errors.
        prediction: float64 of shape (n_items, n_columns); row i answers item i.
        reference: float64 of the same shape.
        columns: names of the columns.
        lost: True for a case that was never answered (see `ValueCase.missing`); its
            predictions are NaN.

    Raises:
        MetricInputError: shapes do not fit, or a value is not finite.
    """

    case: str
    prediction: FloatArray
    reference: FloatArray
    columns: tuple[str, ...]
    lost: bool = False

    def __post_init__(self) -> None:
        n_columns = len(self.columns)
        if self.reference.ndim != 2 or self.reference.shape[1] != n_columns:
            raise MetricInputError(
                self.case,
                Side.REFERENCE,
                f"the reference has shape {self.reference.shape}",
                f"it must hold {n_columns} numbers for each item",
            )
        if self.prediction.shape != self.reference.shape or self.prediction.dtype.kind not in "fiu":
            raise MetricInputError(
                self.case,
                Side.PREDICTION,
                f"the prediction has shape {self.prediction.shape} and type "
                f"{self.prediction.dtype}",
                f"a table of numbers of shape {self.reference.shape} is expected",
            )
        for name in ("prediction", "reference"):
            object.__setattr__(
                self, name, np.ascontiguousarray(getattr(self, name), dtype=np.float64)
            )
        self._check_finite(Side.REFERENCE, self.reference)
        if not self.lost:
            self._check_finite(Side.PREDICTION, self.prediction)

    @classmethod
    def missing(cls, case: str, reference: FloatArray, columns: tuple[str, ...]) -> "ValueCase":
        """Return the stand-in for a case without predictions, for pooled metrics."""
        return cls(case, np.full(reference.shape, np.nan), reference, columns, lost=True)

    @property
    def n_items(self) -> int:
        """Return the number of rows."""
        return int(self.reference.shape[0])

    def _check_finite(self, side: Side, array: FloatArray) -> None:
        finite = np.isfinite(array)
        if not finite.all():
            row, column = np.argwhere(~finite)[0]
            value = f" is {array[row, column]}" if side is Side.PREDICTION else " is not finite"
            raise MetricInputError(
                self.case,
                side,
                f"the {side}{value} in row {row}, column {self.columns[column]!r}",
                "every value must be a finite number",
            )
