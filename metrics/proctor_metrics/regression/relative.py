"""Errors beside the size of what was to be predicted."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import numpy as np

from proctor_metrics.cases import FloatArray, MetricInputError, Side, ValueCase
from proctor_metrics.parameters import Parameters
from proctor_metrics.regression.kinds import ItemErrorMetric, declared_worst_of


class ZeroReference(StrEnum):
    """What becomes of an item whose reference is 0, beside which no error has a size."""

    REFUSE = "refuse"
    LEAVE_OUT = "leave_out"


@dataclass(frozen=True)
class MeanAbsolutePercentageError(ItemErrorMetric):
    """Absolute error beside the reference, 100 |p - r| / |r|; the aggregate is their mean, MAPE.

    Input: finite numbers, (n_items, n_columns). Values: float64 of shape (n_columns, n_items), in
    percent, from 0 without upper bound, lower is better. A reference of 0: `refuse` takes it as a
    fault of the reference, `leave_out` gives NaN, which no mean counts (scikit-learn divides by
    2e-16 instead, and one such item decides). The worst value must be declared, in percent; a
    missing case takes it for its zeros too. Source: de Myttenaere et al., Neurocomputing 192
    (2016) 38. Checked against scikit-learn's `mean_absolute_percentage_error`.

    >>> from proctor_metrics import ValueCase
    >>> case = ValueCase("a", np.array([[1.0], [5.0]]), np.array([[2.0], [4.0]]), ("age",))
    >>> MeanAbsolutePercentageError(declared_worst=1000.0).per_item(case).values
    array([[50., 25.]])
    """

    name = "mape"

    zero_reference: ZeroReference = ZeroReference.REFUSE

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `zero_reference`; the worst value is required."""
        rule = parameters.choice("zero_reference", ZeroReference.REFUSE)
        return cls(zero_reference=rule, declared_worst=declared_worst_of(parameters, "an error"))

    @property
    def unit(self) -> str:
        """Return the unit, percent."""
        return "%"

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return f"mape.v1;zero_reference={self.zero_reference}"

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for several columns and for references of 0."""
        zero = (
            "A reference of 0 is a fault of the reference."
            if self.zero_reference is ZeroReference.REFUSE
            else "An item whose reference is 0 is left out."
        )
        return (*super().edge_rules, zero)

    def _errors(self, differences: FloatArray, values: ValueCase) -> FloatArray:
        zero = values.reference == 0
        if zero.any() and self.zero_reference is ZeroReference.REFUSE:
            row, column = np.argwhere(zero)[0]
            raise MetricInputError(
                values.case,
                Side.REFERENCE,
                f"the reference is 0 in row {row}, column {values.columns[column]!r}",
                "mape divides by it; say zero_reference: leave_out to leave such items out",
            )
        result = np.full(differences.shape, np.nan)
        np.divide(100 * np.abs(differences), np.abs(values.reference), out=result, where=~zero)
        return result
