"""Tables of numbers: one or several quantities for every item."""

from dataclasses import dataclass

import numpy as np

from proctor_metrics.cases.faults import FloatArray, MetricInputError, Side


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
        check_shape(self.case, self.prediction, self.reference.shape)
        for name in ("prediction", "reference"):
            object.__setattr__(
                self, name, np.ascontiguousarray(getattr(self, name), dtype=np.float64)
            )
        check_finite(self.case, Side.REFERENCE, self.reference, self.columns)
        if not self.lost:
            check_finite(self.case, Side.PREDICTION, self.prediction, self.columns)

    @classmethod
    def missing(cls, case: str, reference: FloatArray, columns: tuple[str, ...]) -> "ValueCase":
        """Return the stand-in for a case without predictions, for pooled metrics."""
        return cls(case, np.full(reference.shape, np.nan), reference, columns, lost=True)

    @property
    def n_items(self) -> int:
        """Return the number of rows."""
        return int(self.reference.shape[0])


def check_shape(case: str, prediction: FloatArray, expected: tuple[int, ...]) -> None:
    """Refuse a prediction that is no table of numbers of the expected shape.

    Raises:
        MetricInputError: it is not.
    """
    if prediction.shape != expected or prediction.dtype.kind not in "fiu":
        raise MetricInputError(
            case,
            Side.PREDICTION,
            f"the prediction has shape {prediction.shape} and type {prediction.dtype}",
            f"a table of numbers of shape {expected} is expected",
        )


def check_finite(case: str, side: Side, table: FloatArray, columns: tuple[str, ...]) -> None:
    """Refuse a table with a value that is no finite number; of a reference none is shown.

    Raises:
        MetricInputError: it holds one.
    """
    finite = np.isfinite(table)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        value = f" is {table[row, column]}" if side is Side.PREDICTION else " is not finite"
        raise MetricInputError(
            case,
            side,
            f"the {side}{value} in row {row}, column {columns[column]!r}",
            "every value must be a finite number",
        )
