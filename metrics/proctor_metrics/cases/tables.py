"""Tables of class scores: a number for every item and class."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases.faults import MetricInputError, Side


@dataclass(frozen=True, eq=False)
class TableCase:
    """One table of class scores against its reference classes; each row is an item.

    Attributes:
        case: id of the case, used in errors.
        prediction: float32 where it was given so, else float64, of shape (n_items, n_columns);
            row i answers item i. A large table is not made twice as large: metrics widen what
            they take of it.
        reference: int64 of shape (n_items,), the class value of each item.
        columns: names of the columns.
        class_values: column j scores the class whose reference value is class_values[j].
        lost: True for a case that was never answered (see `TableCase.missing`); its
            predictions are NaN and only pooled metrics take it, at its worst.

    Raises:
        MetricInputError: shapes do not fit, a score is not finite, or a reference value is no
            class of the task.
    """

    case: str
    prediction: npt.NDArray[np.floating]
    reference: npt.NDArray[np.int64]
    columns: tuple[str, ...]
    class_values: tuple[int, ...]
    lost: bool = False

    def __post_init__(self) -> None:
        if len(self.columns) != len(self.class_values) or len(set(self.class_values)) != len(
            self.columns
        ):
            raise MetricInputError(
                self.case,
                Side.TASK,
                f"there are {len(self.columns)} columns for class values {self.class_values}",
                "each column must score one class of its own",
            )
        if self.reference.ndim != 1 or self.reference.dtype.kind not in "iu":
            raise MetricInputError(
                self.case,
                Side.REFERENCE,
                f"the reference has shape {self.reference.shape} and type {self.reference.dtype}",
                "it must be one integer for each item",
            )
        expected = (self.reference.shape[0], len(self.columns))
        if self.prediction.shape != expected or self.prediction.dtype.kind not in "fiu":
            raise MetricInputError(
                self.case,
                Side.PREDICTION,
                f"the prediction has shape {self.prediction.shape} and type "
                f"{self.prediction.dtype}, the reference {expected[0]} items",
                f"a table of numbers of shape {expected} is expected",
            )
        # Type and memory order are made uniform; a copy is made only where they differ.
        kind = np.float32 if self.prediction.dtype == np.float32 else np.float64
        object.__setattr__(self, "prediction", np.ascontiguousarray(self.prediction, dtype=kind))
        object.__setattr__(self, "reference", np.ascontiguousarray(self.reference, dtype=np.int64))
        self._check_values()

    @classmethod
    def missing(
        cls,
        case: str,
        reference: npt.NDArray[np.int64],
        columns: tuple[str, ...],
        class_values: tuple[int, ...],
    ) -> "TableCase":
        """Return the stand-in for a case without predictions, for pooled metrics."""
        empty = np.full((reference.shape[0], len(columns)), np.nan)
        return cls(case, empty, reference, columns, class_values, lost=True)

    @property
    def n_items(self) -> int:
        """Return the number of rows."""
        return int(self.reference.shape[0])

    @cached_property
    def true_columns(self) -> npt.NDArray[np.int64]:
        """Return the column of each item's class, int64 of shape (n_items,)."""
        order = np.argsort(self.class_values)
        ascending = np.asarray(self.class_values, dtype=np.int64)[order]
        return order[np.searchsorted(ascending, self.reference)].astype(np.int64)

    def _check_values(self) -> None:
        if not np.isin(self.reference, np.asarray(self.class_values, dtype=np.int64)).all():
            raise MetricInputError(
                self.case,
                Side.REFERENCE,
                "the reference holds a value that no column scores",
                f"class values are {list(self.class_values)}",
            )
        if not self.lost and not _is_finite(self.prediction):
            row, column = np.argwhere(~np.isfinite(self.prediction))[0]
            raise MetricInputError(
                self.case,
                Side.PREDICTION,
                f"the prediction is {self.prediction[row, column]} in row {row}, "
                f"column {self.columns[column]!r}",
                "every score must be a finite number",
            )


def _is_finite(scores: npt.NDArray[np.floating]) -> bool:
    """Tell without an array of booleans: NaN is the least and the greatest of what holds it."""
    return not scores.size or bool(np.isfinite(scores.min()) and np.isfinite(scores.max()))
