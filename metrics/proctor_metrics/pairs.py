"""Counts the pairs of items that rise in two quantities, in any number of weighted resamples.

All pairs are n^2; a merge sort meets each of them once in O(n log n). The order in which it merges
depends on the quantities alone, never on the weights, so every level of it is one gather and one
running sum for all replicates at once.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

# Items times replicates handled at once: what the caches hold, about 3 MB for each array.
_CHUNK_ELEMENTS = 400_000

_Integers = npt.NDArray[np.int64]
_Places = npt.NDArray[np.intp]


class RisingPairs:
    """Two quantities of the same items.

    Args:
        first: any values in an order, of shape (n_items,).
        second: likewise, of the same shape.

    >>> pairs = RisingPairs(np.array([1, 2, 3]), np.array([1, 3, 2]))
    >>> pairs.counts(np.array([[1, 1, 1], [2, 1, 0]]))
    array([2, 2])
    """

    def __init__(self, first: npt.NDArray[np.generic], second: npt.NDArray[np.generic]) -> None:
        _, firsts = np.unique(first, return_inverse=True)
        _, seconds = np.unique(second, return_inverse=True)
        # Falling within equal values of the first, so that no such pair counts as rising.
        self._order = np.lexsort((-seconds, firsts))
        self._seconds = seconds[self._order]

    def counts(
        self, weights: npt.NDArray[np.integer], lower: npt.NDArray[np.bool_] | None = None
    ) -> _Integers:
        """Return the pairs (i, j) with first and second of i below those of j, by weight.

        Args:
            weights: integers of shape (B, n_items); a pair counts as the product of its weights.
            lower: the items that may be i, booleans of shape (n_items,); all where not given.

        Returns:
            int64 of shape (B,).
        """
        # Items first, so that what is done to an item is done to all replicates in one stride.
        drawn = np.ascontiguousarray(weights.T[self._order])
        below_of = drawn if lower is None else drawn * lower[self._order, np.newaxis]
        found = np.zeros(weights.shape[0], dtype=np.int64)
        step = max(1, _CHUNK_ELEMENTS // max(1, drawn.shape[0]))
        for level in self._levels():
            for start in range(0, found.size, step):
                chunk = slice(start, start + step)
                left = below_of[level.left, chunk]
                below = np.zeros((level.left.size + 1, left.shape[1]), dtype=np.int64)
                np.cumsum(left, axis=0, out=below[1:])
                rising = below[level.left_below] - below[level.left_before]
                found[chunk] += (drawn[level.right, chunk] * rising).sum(axis=0)
        return found

    def _levels(self) -> Iterator["_Level"]:
        """Return every merge of two neighbouring runs, all of one width at a time."""
        n_items = self._seconds.size
        # Of equal seconds the later item first: a left one then never counts as lower.
        by_second = np.lexsort((-np.arange(n_items), self._seconds))
        width = 1
        while width < n_items:
            merged = by_second[np.argsort(by_second // (2 * width), kind="stable")]
            in_right = (merged // width) % 2 == 1
            right = merged[in_right]
            yield _Level(
                left=merged[~in_right],
                right=right,
                left_below=np.cumsum(~in_right)[in_right],
                # Every block before one that has a right half has a whole left one.
                left_before=right // (2 * width) * width,
            )
            width *= 2


class _Level(NamedTuple):
    """Items of the left and right halves of all blocks, each block in the order of the seconds.

    `left_below` counts, for each right item, the left ones of its and earlier blocks that have a
    lower second; `left_before` those of earlier blocks alone.
    """

    left: _Places
    right: _Places
    left_below: _Places
    left_before: _Places
