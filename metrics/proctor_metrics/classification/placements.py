"""How many classes score above the true one of each item, and how many the same.

Both decide every k of top-k accuracy at once, and need one pass over the scores and no sorting. A
large table is counted by a compiled loop at the speed of memory; a small one by NumPy, since
loading the compiler takes half a second.
"""

from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from proctor_metrics.threads import side_by_side

# Scores from which on loading the compiler pays, in a process that meets several such tables.
_COMPILED_FROM = 8_000_000
# Scores compared at once where there is none; bounds the temporary booleans to 1 MB.
_CHUNK_ELEMENTS = 1_000_000
# Parts of a large table that are counted side by side.
_PARTS = 8


class Placements(NamedTuple):
    """Of each item, int64 of shape (n_items,); the true class itself is in neither."""

    above: npt.NDArray[np.int64]
    equal: npt.NDArray[np.int64]


def placements(scores: npt.NDArray[np.floating], true_columns: npt.NDArray[np.int64]) -> Placements:
    """Count the classes above and level with the true one.

    Args:
        scores: finite floats of shape (n_items, n_classes), C-ordered and of native byte order.
        true_columns: the column of each item's class.

    >>> placements(np.array([[0.5, 0.2, 0.5, 0.9]]), np.array([0]))
    Placements(above=array([1]), equal=array([1]))
    """
    above = np.empty(scores.shape[0], dtype=np.int64)
    equal = np.empty(scores.shape[0], dtype=np.int64)
    if scores.size >= _COMPILED_FROM:
        from proctor_metrics.classification.placement_kernel import count_places

        parts = pairwise(np.linspace(0, scores.shape[0], _PARTS + 1).astype(int).tolist())
        side_by_side(
            [
                partial(
                    count_places,
                    scores[first:end],
                    true_columns[first:end],
                    above[first:end],
                    equal[first:end],
                )
                for first, end in parts
            ]
        )
        return Placements(above, equal)
    step = max(1, _CHUNK_ELEMENTS // max(1, scores.shape[1]))
    for first in range(0, scores.shape[0], step):
        rows = slice(first, first + step)
        part = scores[rows]
        own = np.take_along_axis(part, true_columns[rows, np.newaxis], axis=1)
        above[rows] = np.count_nonzero(part > own, axis=1)
        equal[rows] = np.count_nonzero(part == own, axis=1) - 1
    return Placements(above, equal)
