"""Resample a dataset by group, the same way for every submission.

A draw is a vector of integer weights: how often each item was drawn. Weights depend on the
dataset, the number of samples and the seed, never on a submission, so the replicates of two
submissions are paired and their differences mean something. The hard part is to get the same
draws years later: NumPy promises a stable stream of raw bits from its bit generators, not of
its `Generator` methods, so the draws here are made from raw bits alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import floor

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import FloatArray

# Elements of a temporary array. Small ones stay in the cache and need no new memory each time,
# which takes several times as long as the arithmetic where a kernel is slow to give it.
_CHUNK_ELEMENTS = 32_768

# Resamples multiplied at once: enough that a large dataset is read seldom, and so few that a
# product over some hundred items is made by one thread, which need not wait for another.
_RESAMPLES_AT_ONCE = 64


@dataclass(frozen=True)
class Interval:
    """A percentile interval of bootstrap replicates.

    Attributes:
        low: lower end, NaN where no replicate is defined.
        high: upper end, likewise.
        n_used: replicates that are not NaN.
        n_total: replicates made.
    """

    low: float
    high: float
    n_used: int
    n_total: int


def draw_weights(
    groups: Sequence[str], dataset_digest: str, samples: int, seed: int
) -> npt.NDArray[np.uint16]:
    """Draw groups with replacement, as many as there are, `samples` times.

    Items of one group (a patient, a writer) are drawn together, since they are not
    independent. Groups are numbered by name, so the order of the items does not matter; a
    larger `samples` starts with other draws, since the number is part of the seed.

    Args:
        groups: the group of each item, in the order of the dataset.
        dataset_digest: digest of the dataset.
        samples: number of resamples, B.
        seed: seed of the ranking.

    Returns:
        uint16 of shape (B, n_items): how often each item counts in each resample.

    Raises:
        ValueError: there are no items or no samples, or a group was drawn too often to count.

    >>> draw_weights(["a", "a", "b"], "sha256:0", samples=3, seed=0).shape
    (3, 3)
    """
    if not groups or samples < 1:
        raise ValueError(f"cannot draw {samples} samples from {len(groups)} items")
    names, group_of_item = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    n_groups = names.size
    bits = np.random.PCG64(_seed(dataset_digest, samples, seed))
    weights = np.empty((samples, len(groups)), dtype=np.uint16)
    step = max(1, _CHUNK_ELEMENTS // n_groups)
    for first in range(0, samples, step):
        rows = min(step, samples - first)
        # The upper 53 bits as a fraction in [0, 1), times the number of groups. As signed numbers
        # they have the same values and become floating point several times as fast.
        upper = (bits.random_raw(rows * n_groups) >> np.uint64(11)).view(np.int64)
        fractions = upper * 2.0**-53
        drawn = (fractions * n_groups).astype(np.int64).reshape(rows, n_groups)
        drawn += np.arange(rows)[:, np.newaxis] * n_groups
        counts = np.bincount(drawn.ravel(), minlength=rows * n_groups).reshape(rows, n_groups)
        if counts.max() > np.iinfo(np.uint16).max:
            raise ValueError("a group was drawn more than 65,535 times")
        weights[first : first + rows] = counts.astype(np.uint16)[:, group_of_item]
    return weights


def replicate_means(values: FloatArray, weights: npt.NDArray[np.integer]) -> FloatArray:
    """Return the weighted mean of each label in each resample.

    A NaN is left out together with its weight; a resample in which nothing is left is NaN.
    Missing cases are not NaN: they are filled with their worst value before.

    Args:
        values: float64 of shape (n_labels, n_items).
        weights: integers of shape (B, n_items).

    Returns:
        float64 of shape (n_labels, B).

    Raises:
        ValueError: the numbers of items differ.

    >>> replicate_means(np.array([[1.0, 3.0]]), np.array([[1, 1], [2, 0]]))
    array([[2., 1.]])
    """
    if values.ndim != 2 or weights.ndim != 2 or values.shape[1] != weights.shape[1]:
        raise ValueError(
            f"values of shape {values.shape} and weights of shape {weights.shape} must have "
            "the same items on their last axis"
        )
    defined = ~np.isnan(values)
    filled = np.where(defined, values, 0.0)
    counted = defined.astype(np.float64)
    complete = bool(defined.all())
    n_replicates = weights.shape[0]
    means = np.full((values.shape[0], n_replicates), np.nan)
    for first in range(0, n_replicates, _RESAMPLES_AT_ONCE):
        part = slice(first, first + _RESAMPLES_AT_ONCE)
        chunk = weights[part].astype(np.float64).T
        total = chunk.sum(axis=0) if complete else counted @ chunk
        target = means[:, part]
        np.divide(filled @ chunk, total, out=target, where=total > 0)
    return means


def percentile_interval(replicates: FloatArray, level: float) -> Interval:
    """Return the interval left after dropping equal shares of both tails.

    Of n defined replicates, floor(n (1 - level) / 2) are dropped at each end; the ends are
    replicates themselves, never interpolated. NaN replicates are left out and counted.

    Args:
        replicates: float64 of shape (B,).
        level: share of the replicates to keep, in (0, 1).

    Raises:
        ValueError: the level is out of range.

    >>> percentile_interval(np.arange(100.0), level=0.9)
    Interval(low=5.0, high=94.0, n_used=100, n_total=100)
    """
    defined = np.sort(replicates[~np.isnan(replicates)])
    dropped = tail_size(defined.size, level)
    if defined.size == 0:
        return Interval(float("nan"), float("nan"), 0, replicates.size)
    low, high = defined[dropped], defined[-1 - dropped]
    return Interval(float(low), float(high), defined.size, replicates.size)


def tail_size(n_replicates: int, level: float) -> int:
    """Return how many replicates an interval leaves out at each end.

    Raises:
        ValueError: the level is not between 0 and 1.

    >>> tail_size(1000, 0.95)
    25
    """
    if not 0 < level < 1:
        raise ValueError(f"the level of an interval is {level}; it must lie between 0 and 1")
    # 1000 * (1 - 0.9) / 2 is 49.99... in floating point and must still give 50.
    return floor(n_replicates * (1 - level) / 2 + 1e-9)


def _seed(dataset_digest: str, samples: int, seed: int) -> int:
    text = f"proctor.bootstrap.v1|{dataset_digest}|{samples}|{seed}"
    return int.from_bytes(sha256(text.encode()).digest()[:16], "big")
