"""How far answers are in the order of their reference: Spearman's rho and Kendall's tau-b.

Both depend on orders alone, and the order of the items is the same in every bootstrap replicate:
all sorting is done once, and a replicate is a vector of weights on what is sorted. Spearman takes
O(n) a replicate, Kendall O(n log n): pairs are counted as a merge sort would count them, level by
level, for all replicates at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import FloatArray
from proctor_metrics.regression.correlation import CorrelationMetric
from proctor_metrics.regression.kinds import Answers

# Items times replicates handled at once; bounds memory to about 3 MB for each array.
_CHUNK_ELEMENTS = 400_000

_Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SpearmanCorrelation(CorrelationMetric):
    """Spearman's rho: Pearson's correlation of the ranks, ties taking the mean of their ranks.

    Input: finite numbers, (n_items, n_columns). Values: float64 of shape (n_columns,), in [-1, 1],
    no unit, higher is better; blind to any increasing change of the answers. Items may carry
    integer weights (bootstrap); the ranks are those within the resample. Equal answers to all items
    score 0; equal references and fewer than two items are NaN. Cost: O(n) a replicate.
    Source: Spearman, Am. J. Psychol. 15 (1904) 72. Checked against SciPy's `spearmanr`.

    >>> from proctor_metrics import ValueCase
    >>> predicted, true = np.array([[1.0], [9.0], [2.0]]), np.array([[1.0], [2.0], [3.0]])
    >>> SpearmanCorrelation().pooled([ValueCase("a", predicted, true, ("age",))]).round(12)
    array([0.5])
    """

    name = "spearman"

    def _coefficients(self, answers: Answers, weights: npt.NDArray[np.integer]) -> FloatArray:
        found = np.empty((answers.reference.shape[0], weights.shape[0]))
        for index, (predicted, true) in enumerate(zip(*answers, strict=True)):
            places = [_Places(side) for side in (predicted, true)]
            for chunk, drawn in _chunks(weights):
                # Twice the distance of a rank from the middle one, an exact integer.
                p, r = (place.centered_ranks(drawn) for place in places)
                w = drawn.astype(np.float64)
                found[index, chunk] = _coefficient(
                    np.einsum("bi,bi,bi->b", w, p, r),
                    np.einsum("bi,bi,bi->b", w, p, p),
                    np.einsum("bi,bi,bi->b", w, r, r),
                )
        return found


@dataclass(frozen=True)
class KendallTau(CorrelationMetric):
    """Kendall's tau-b: concordant less discordant pairs, by the root of the pairs untied each.

    tau = (C - D) / sqrt((n0 - n1) (n0 - n2)) of all n0 pairs, n1 tied in the answers, n2 tied in
    the reference. Input: finite numbers, (n_items, n_columns). Values: float64 of shape
    (n_columns,), in [-1, 1], no unit, higher is better; blind to any increasing change of the
    answers. Items may carry integer weights (bootstrap); an item drawn twice is tied with itself.
    Equal answers to all items score 0; equal references and fewer than two items are NaN. Cost:
    O(n log n) a replicate. Source: Kendall, Biometrika 33 (1945) 239. Checked against SciPy's
    `kendalltau`.

    >>> from proctor_metrics import ValueCase
    >>> predicted, true = np.array([[1.0], [9.0], [2.0]]), np.array([[1.0], [2.0], [3.0]])
    >>> KendallTau().pooled([ValueCase("a", predicted, true, ("age",))]).round(6)
    array([0.333333])
    """

    name = "kendall_tau"

    def _coefficients(self, answers: Answers, weights: npt.NDArray[np.integer]) -> FloatArray:
        found = np.empty((answers.reference.shape[0], weights.shape[0]))
        for index, (predicted, true) in enumerate(zip(*answers, strict=True)):
            pairs = _Pairs(predicted, true)
            concordant = pairs.concordant(weights)
            for chunk, drawn in _chunks(weights):
                found[index, chunk] = pairs.tau(drawn, concordant[chunk])
        return found


class _Places:
    """One order of the items, with its runs of equal values."""

    def __init__(self, values: npt.NDArray[np.generic]) -> None:
        self.order = np.argsort(values, kind="stable")
        ordered = values[self.order]
        first = np.concatenate(([True], ordered[1:] != ordered[:-1]))
        self._starts = np.flatnonzero(first)
        self.dense = np.empty(values.size, dtype=np.int64)
        self.dense[self.order] = np.cumsum(first) - 1

    def run_weights(self, weights: _Integers) -> _Integers:
        """Return the items of each run in each resample, of shape (B, n_runs)."""
        summed: _Integers = np.add.reduceat(weights[:, self.order], self._starts, axis=1)
        return summed

    def tied_pairs(self, weights: _Integers) -> _Integers:
        """Return the pairs within a run in each resample, of shape (B,)."""
        counts = self.run_weights(weights)
        pairs: _Integers = (counts * (counts - 1) // 2).sum(axis=1)
        return pairs

    def centered_ranks(self, weights: _Integers) -> FloatArray:
        """Return 2 * midrank - (n + 1) of each item in each resample, of shape (B, n_items)."""
        counts = self.run_weights(weights)
        up_to = np.cumsum(counts, axis=1)
        doubled = 2 * up_to - counts - up_to[:, -1:]
        return doubled[:, self.dense].astype(np.float64)


class _Pairs:
    """The pairs of items, counted in O(n log n) for any weights."""

    def __init__(self, predicted: FloatArray, true: FloatArray) -> None:
        self._predicted, self._true = _Places(predicted), _Places(true)
        p, r = self._predicted.dense, self._true.dense
        self._both = _Places(p * (int(r.max()) + 1) + r)
        # Falling references within equal answers, so that no such pair counts as concordant.
        self._order = np.lexsort((-r, p))
        self._references = r[self._order]

    def tau(self, weights: _Integers, concordant: _Integers) -> FloatArray:
        """Return tau-b of each resample, of shape (B,)."""
        counts = weights.sum(axis=1)
        tied_r = self._true.tied_pairs(weights)
        untied_p = counts * (counts - 1) // 2 - self._predicted.tied_pairs(weights)
        untied_r = counts * (counts - 1) // 2 - tied_r
        # n0 - n1 - n2 + n3 pairs, n3 tied in both, are concordant or discordant.
        decided = untied_p - tied_r + self._both.tied_pairs(weights)
        surplus = 2 * concordant - decided
        return _coefficient(
            surplus.astype(np.float64), untied_p.astype(np.float64), untied_r.astype(np.float64)
        )

    def concordant(self, weights: npt.NDArray[np.integer]) -> _Integers:
        """Return the pairs that rise in both, in each resample, of shape (B,)."""
        # Items first, so that what is done to an item is done to all replicates in one stride.
        drawn = np.ascontiguousarray(weights.T[self._order])
        found = np.zeros(weights.shape[0], dtype=np.int64)
        step = max(1, _CHUNK_ELEMENTS // drawn.shape[0])
        for level in self._levels():
            for first in range(0, found.size, step):
                chunk = slice(first, first + step)
                left = drawn[level.left, chunk]
                below = np.zeros((level.left.size + 1, left.shape[1]), dtype=np.int64)
                np.cumsum(left, axis=0, out=below[1:])
                lower = below[level.left_below] - below[level.left_before]
                found[chunk] += (drawn[level.right, chunk] * lower).sum(axis=0)
        return found

    def _levels(self) -> Iterator["_Level"]:
        """Return every merge of two neighbouring runs, all of one width at a time."""
        n_items = self._references.size
        # By reference, and of equal ones the later first: a left one then never counts as lower.
        by_reference = np.lexsort((-np.arange(n_items), self._references))
        width = 1
        while width < n_items:
            block = by_reference // (2 * width)
            merged = by_reference[np.argsort(block, kind="stable")]
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
    """Items of the left and right halves of all blocks, each block in the order of references.

    `left_below` counts, for each right item, the left ones of its and earlier blocks that have a
    lower reference; `left_before` those of earlier blocks alone.
    """

    left: npt.NDArray[np.intp]
    right: npt.NDArray[np.intp]
    left_below: npt.NDArray[np.intp]
    left_before: npt.NDArray[np.intp]


def _chunks(weights: npt.NDArray[np.integer]) -> Iterator[tuple[slice, _Integers]]:
    step = max(1, _CHUNK_ELEMENTS // max(1, weights.shape[1]))
    for first in range(0, weights.shape[0], step):
        chunk = slice(first, first + step)
        yield chunk, weights[chunk].astype(np.int64)


def _coefficient(shared: FloatArray, predicted: FloatArray, true: FloatArray) -> FloatArray:
    """Return shared / sqrt(predicted * true); 0 for equal answers, NaN for equal references."""
    varied = (predicted > 0) & (true > 0)
    roots = np.sqrt(np.where(varied, predicted * true, 1.0))
    values = np.where(varied, np.clip(shared / roots, -1.0, 1.0), 0.0)
    return np.where(true > 0, values, np.nan)
