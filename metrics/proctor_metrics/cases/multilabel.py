"""Tables of label scores: several labels may hold for an item, or none."""

from dataclasses import dataclass

import numpy as np

from proctor_metrics.cases.faults import BoolArray, FloatArray, MetricInputError, Side


@dataclass(frozen=True, eq=False)
class MultilabelCase:
    """One table of label scores against which labels hold; each row is an item.

    Attributes:
        case: id of the case, used in errors.
        prediction: float64 of shape (n_items, n_labels); row i answers item i.
        reference: booleans of the same shape; zeros and ones of any number type are taken.
        columns: names of the labels.
        lost: True for a case that was never answered (see `MultilabelCase.missing`); its
            predictions are NaN and only pooled metrics take it, at its worst.

    Raises:
        MetricInputError: shapes do not fit, a score is not finite, or a reference value is
            neither 0 nor 1.
    """

    case: str
    prediction: FloatArray
    reference: BoolArray
    columns: tuple[str, ...]
    lost: bool = False

    def __post_init__(self) -> None:
        n_labels = len(self.columns)
        if not n_labels or len(set(self.columns)) < n_labels:
            raise MetricInputError(
                self.case,
                Side.TASK,
                f"the labels are {self.columns}",
                "there must be at least one, each of its own name",
            )
        if self.reference.ndim != 2 or self.reference.shape[1] != n_labels:
            raise MetricInputError(
                self.case,
                Side.REFERENCE,
                f"the reference has shape {self.reference.shape}",
                f"it must hold a 0 or 1 for each item and each of {n_labels} labels",
            )
        if not np.isin(self.reference, (0, 1)).all():
            raise MetricInputError(
                self.case,
                Side.REFERENCE,
                "the reference holds a value that is neither 0 nor 1",
                "a label holds for an item, 1, or does not, 0",
            )
        if self.prediction.shape != self.reference.shape or self.prediction.dtype.kind not in "fiu":
            raise MetricInputError(
                self.case,
                Side.PREDICTION,
                f"the prediction has shape {self.prediction.shape} and type "
                f"{self.prediction.dtype}",
                f"a table of numbers of shape {self.reference.shape} is expected",
            )
        object.__setattr__(
            self, "prediction", np.ascontiguousarray(self.prediction, dtype=np.float64)
        )
        object.__setattr__(self, "reference", np.ascontiguousarray(self.reference, dtype=np.bool_))
        finite = np.isfinite(self.prediction)
        if not self.lost and not finite.all():
            row, column = np.argwhere(~finite)[0]
            raise MetricInputError(
                self.case,
                Side.PREDICTION,
                f"the prediction is {self.prediction[row, column]} in row {row}, "
                f"column {self.columns[column]!r}",
                "every score must be a finite number",
            )

    @classmethod
    def missing(cls, case: str, reference: BoolArray, columns: tuple[str, ...]) -> "MultilabelCase":
        """Return the stand-in for a case without predictions, for pooled metrics."""
        return cls(case, np.full(reference.shape, np.nan), reference, columns, lost=True)

    @property
    def n_items(self) -> int:
        """Return the number of rows."""
        return int(self.reference.shape[0])
