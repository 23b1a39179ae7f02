"""Lists of classes: one class for every item."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases.faults import MetricInputError, Side

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
