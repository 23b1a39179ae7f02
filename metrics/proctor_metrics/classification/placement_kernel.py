"""The compiled loop of `placements`; importing it loads the compiler."""

import numpy as np
import numpy.typing as npt

from proctor_metrics.compiled import kernel

_Counts = npt.NDArray[np.int64]


@kernel
def count_places(
    scores: npt.NDArray[np.floating], true_columns: _Counts, above: _Counts, equal: _Counts
) -> None:
    """Count the other columns of each row that score above the true one, and the same.

    Args:
        scores: float32 or float64 of shape (n_items, n_columns), C order.
        true_columns: int64 of shape (n_items,).
        above: int64 of shape (n_items,). Written.
        equal: likewise. Written.
    """
    for row in range(scores.shape[0]):
        own = scores[row, true_columns[row]]
        # Counters as wide as a float32, so that the machine takes eight scores at a time.
        higher = np.uint32(0)
        level = np.uint32(0)
        for column in range(np.uint64(scores.shape[1])):
            higher = np.uint32(higher + np.uint32(scores[row, column] > own))
            level = np.uint32(level + np.uint32(scores[row, column] == own))
        above[row] = higher
        equal[row] = np.int64(level) - 1
