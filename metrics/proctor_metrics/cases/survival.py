"""Times to an event, some of them censored, against risks that were foretold."""

from dataclasses import dataclass

import numpy as np

from proctor_metrics.cases.faults import BoolArray, FloatArray, MetricInputError, Side
from proctor_metrics.cases.values import check_finite, check_shape

_TIME, _EVENT = "time", "event"


@dataclass(frozen=True, eq=False)
class SurvivalCase:
    """Predicted numbers for each item against the time at which it had its event, or left.

    Attributes:
        case: id of the case, used in errors.
        prediction: float64 of shape (n_items, n_columns); row i answers item i.
        reference: float64 of shape (n_items, 2): a time of at least 0, and 1 for an event or 0
            where the item was observed until then without one (censored).
        columns: names of the columns of the prediction.
        lost: True for a case that was never answered (see `SurvivalCase.missing`); its
            predictions are NaN.

    Raises:
        MetricInputError: shapes do not fit, a value is not finite, a time is below 0, or an event
            is neither 0 nor 1.
    """

    case: str
    prediction: FloatArray
    reference: FloatArray
    columns: tuple[str, ...]
    lost: bool = False

    def __post_init__(self) -> None:
        if self.reference.ndim != 2 or self.reference.shape[1] != 2:
            raise MetricInputError(
                self.case,
                Side.REFERENCE,
                f"the reference has shape {self.reference.shape}",
                "it must hold a time and an event for each item",
            )
        check_shape(self.case, self.prediction, (self.n_items, len(self.columns)))
        for name in ("prediction", "reference"):
            object.__setattr__(
                self, name, np.ascontiguousarray(getattr(self, name), dtype=np.float64)
            )
        check_finite(self.case, Side.REFERENCE, self.reference, (_TIME, _EVENT))
        if (self.times < 0).any() or not np.isin(self.reference[:, 1], (0, 1)).all():
            raise MetricInputError(
                self.case,
                Side.REFERENCE,
                "the reference holds a time below 0 or an event that is neither 0 nor 1",
                "it must hold times of at least 0, and 1 for an event or 0 for none",
            )
        if not self.lost:
            check_finite(self.case, Side.PREDICTION, self.prediction, self.columns)

    @classmethod
    def missing(cls, case: str, reference: FloatArray, columns: tuple[str, ...]) -> "SurvivalCase":
        """Return the stand-in for a case without predictions, for pooled metrics."""
        empty = np.full((reference.shape[0], len(columns)), np.nan)
        return cls(case, empty, reference, columns, lost=True)

    @property
    def n_items(self) -> int:
        """Return the number of items."""
        return int(self.reference.shape[0])

    @property
    def times(self) -> FloatArray:
        """Return when each item was last seen, float64 of shape (n_items,)."""
        return self.reference[:, 0]

    @property
    def events(self) -> BoolArray:
        """Return whether it had its event then, booleans of shape (n_items,)."""
        return np.asarray(self.reference[:, 1] == 1)
