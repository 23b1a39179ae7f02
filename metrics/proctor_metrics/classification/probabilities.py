"""What counts as a row of class probabilities.

Rows that are no probability distribution are refused, never renormalised: dividing a row by
its sum would score an answer that nobody gave.
"""

import numpy as np

from proctor_metrics.cases import MetricInputError, Side, TableCase

SUM_TOLERANCE = 1e-3
"""How far from 1 a row may sum: room for rounded text."""

ROW_SUM_RULE = f"Rows must sum to 1 within {SUM_TOLERANCE:g}; they are refused, not renormalised."


def check_probabilities(metric: str, table: TableCase) -> None:
    """Refuse a table that is not of probabilities.

    Raises:
        MetricInputError: a score lies outside 0 to 1, or a row does not sum to 1.
    """
    outside = (table.prediction < 0) | (table.prediction > 1 + SUM_TOLERANCE)
    if outside.any():
        row, column = np.argwhere(outside)[0]
        raise MetricInputError(
            table.case,
            Side.PREDICTION,
            f"the prediction is {table.prediction[row, column]:g} in row {row}, column "
            f"{table.columns[column]!r}",
            f"{metric} needs probabilities from 0 to 1",
        )
    sums = table.prediction.sum(axis=1, dtype=np.float64)
    off = np.abs(sums - 1.0) > SUM_TOLERANCE
    if off.any():
        row = int(np.argmax(off))
        raise MetricInputError(
            table.case,
            Side.PREDICTION,
            f"the prediction's row {row} sums to {sums[row]:.6g}",
            f"{metric} needs rows that sum to 1 within {SUM_TOLERANCE:g}; "
            "they are not renormalised",
        )
