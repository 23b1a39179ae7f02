"""How far answers are in the order of their reference: Spearman's rho and Kendall's tau-b.

Both depend on orders alone, and the order of the items is the same in every bootstrap replicate:
all sorting is done once, and a replicate is a vector of weights on what is sorted. Spearman takes
O(n) a replicate, Kendall O(n log n).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import FloatArray
from proctor_metrics.pairs import RisingPairs
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
            concordant = pairs.rising.counts(weights)
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
    """The pairs of items, by what is tied in them."""

    def __init__(self, predicted: FloatArray, true: FloatArray) -> None:
        self._predicted, self._true = _Places(predicted), _Places(true)
        p, r = self._predicted.dense, self._true.dense
        self._both = _Places(p * (int(r.max()) + 1) + r)
        self.rising = RisingPairs(p, r)

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
