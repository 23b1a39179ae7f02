"""Count, in one pass over a large table of scores, what ranks above and beside the true class."""

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases.faults import FloatArray
from proctor_metrics.compiled import kernel

IntArray = npt.NDArray[np.int64]


@kernel
def count_above(scores: FloatArray, columns: IntArray, above: IntArray, equal: IntArray) -> None:
    """Count the other columns of each row that score above the true one, and the same.

    Args:
        scores: float64 of shape (n_items, n_columns), C order.
        columns: int64 of shape (n_items,): the true column.
        above: int64 of shape (n_items,). Written.
        equal: likewise. Written.
    """
    for item in range(scores.shape[0]):
        row = scores[item]
        true = row[columns[item]]
        higher = same = 0
        for column in range(row.size):
            higher += row[column] > true
            same += row[column] == true
        above[item], equal[item] = higher, same - 1
