"""Put the scores of items together: means over items and labels, and over strata.

Every aggregate says how many items it rests on. A missing case is not left out: it comes here
filled with its worst value and marked as not answered.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from proctor_metrics.cases import BoolArray, FloatArray


@dataclass(frozen=True, eq=False)
class LabelMeans:
    """Means over the items of a dataset.

    Attributes:
        means: float64 of shape (n_labels,); NaN for a label that no item defines.
        standard_deviations: of the same shape, with n - 1; NaN for fewer than two items.
        macro: unweighted mean over the labels; NaN when any label is NaN.
        n_used: items that were answered.
        n_total: items of the dataset.
    """

    means: FloatArray
    standard_deviations: FloatArray
    macro: float
    n_used: int
    n_total: int


@dataclass(frozen=True)
class StratumMean:
    """Mean of the items of one stratum."""

    stratum: str
    mean: float
    n_items: int


@dataclass(frozen=True)
class StrataGap:
    """The two strata that lie furthest apart, by their means."""

    lowest: StratumMean
    highest: StratumMean

    @property
    def gap(self) -> float:
        """Return the difference of the two means, never negative."""
        return self.highest.mean - self.lowest.mean


def label_means(values: FloatArray, answered: BoolArray | None = None) -> LabelMeans:
    """Average over items.

    Args:
        values: float64 of shape (n_labels, n_items); NaN is left out of mean and deviation.
        answered: booleans of shape (n_items,); all True where not given.

    >>> label_means(np.array([[1.0, 0.0], [0.5, 0.5]]), np.array([True, False]))
    LabelMeans(means=array([0.5, 0.5]), standard_deviations=array([0.70710678, 0.        ]), \
macro=0.5, n_used=1, n_total=2)
    """
    n_total = values.shape[1]
    defined = ~np.isnan(values)
    counts = defined.sum(axis=1)
    sums = np.where(defined, values, 0.0).sum(axis=1)
    means = _quotient(sums, counts)
    squares = np.where(defined, (values - means[:, np.newaxis]) ** 2, 0.0).sum(axis=1)
    return LabelMeans(
        means=means,
        standard_deviations=np.sqrt(_quotient(squares, counts - 1)),
        macro=float(means.mean()),
        n_used=n_total if answered is None else int(np.count_nonzero(answered)),
        n_total=n_total,
    )


def strata_means(values: FloatArray, strata: Sequence[str]) -> tuple[StratumMean, ...]:
    """Average over the items of each stratum, in the order of the strata's names.

    Args:
        values: float64 of shape (n_items,); NaN is left out.
        strata: the stratum of each item.

    Raises:
        ValueError: the numbers of items differ.
    """
    if values.shape != (len(strata),):
        raise ValueError(f"values of shape {values.shape} do not fit {len(strata)} strata entries")
    names = np.asarray(strata, dtype=np.str_)
    result = []
    for name in np.unique(names).tolist():
        chosen = values[names == name]
        chosen = chosen[~np.isnan(chosen)]
        mean = float(chosen.mean()) if chosen.size else float("nan")
        result.append(StratumMean(name, mean, int(chosen.size)))
    return tuple(result)


def largest_gap(means: Sequence[StratumMean]) -> StrataGap | None:
    """Return the lowest and the highest stratum, or None for fewer than two defined ones.

    >>> means = strata_means(np.array([1.0, 0.0, 0.5]), ["A", "B", "B"])
    >>> found = largest_gap(means)
    >>> found.lowest.stratum, found.highest.stratum, found.gap
    ('B', 'A', 0.75)
    """
    defined = [entry for entry in means if not np.isnan(entry.mean)]
    if len(defined) < 2:
        return None
    ordered = sorted(defined, key=lambda entry: entry.mean)
    return StrataGap(ordered[0], ordered[-1])


def _quotient(sums: FloatArray, counts: np.typing.NDArray[np.integer]) -> FloatArray:
    result = np.full(sums.shape, np.nan)
    np.divide(sums, counts, out=result, where=counts > 0)
    return result
