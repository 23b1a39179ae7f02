"""Rank values, with a rule for equal ones and a rule for missing ones.

The hard part is that equal means must tie: summed in another order, two equal means differ in
the last bit, so everything is rounded to 12 significant digits before it is compared.
"""

from enum import StrEnum
from math import prod
from typing import assert_never

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import FloatArray
from proctor_metrics.metric import Direction

SIGNIFICANT_DIGITS = 12

# Elements ranked at once; bounds temporary memory to some 100 MB whatever the board's size.
_CHUNK_ELEMENTS = 1_000_000

# Up to here comparing each value with every other is faster than sorting.
_FEW = 32

_LARGEST_POWER = 300
_POWERS = np.array([float(f"1e{power}") for power in range(_LARGEST_POWER + 1)])


class RankTies(StrEnum):
    """The rank that equal values share.

    ``min`` and ``max``: the best and the worst of their places; ``average``: the mean of their
    places; ``dense``: the best, and the next value has the next rank.
    """

    MIN = "min"
    AVERAGE = "average"
    DENSE = "dense"
    MAX = "max"


class Missing(StrEnum):
    """What a missing value (NaN) is to a ranking.

    ``last``: worse than every value, and equal to other missing ones.
    ``after_worst``: as ``last``, but its rank counts on from the worst rank that a value has, as
    challengeR does: of 0.5, 0.5 and a missing value the last has rank 2 (ties ``min``), not 3.
    ``drop``: not there: aggregates, ranks and tests are made of what is left.
    """

    LAST = "last"
    AFTER_WORST = "after_worst"
    DROP = "drop"

    @property
    def of_scores(self) -> "Missing":
        """Return what a missing score is, which cannot be dropped: it ranks last then."""
        return Missing.LAST if self is Missing.DROP else self


def rank(
    values: FloatArray,
    direction: Direction,
    ties: RankTies = RankTies.MIN,
    missing: Missing = Missing.LAST,
) -> FloatArray:
    """Rank along the first axis; each remaining position is a ranking of its own.

    Values are compared after rounding to 12 significant digits.

    Args:
        values: float64 of shape (n, ...).
        direction: which end is better.
        ties: the rank that equal values share.
        missing: the rank of NaN; infinitely bad values tie with NaN.

    Returns:
        float64 of the same shape, from 1; NaN where a missing value was dropped.

    >>> rank(np.array([0.9, 0.7, 0.9, np.nan]), Direction.HIGHER)
    array([1., 3., 1., 4.])
    >>> rank(np.array([0.9, 0.7, 0.9]), Direction.HIGHER, RankTies.AVERAGE)
    array([1.5, 3. , 1.5])
    >>> rank(np.array([0.9, 0.7, 0.9]), Direction.HIGHER, RankTies.DENSE)
    array([1., 2., 1.])
    >>> rank(np.array([0.5, 0.5, np.nan]), Direction.HIGHER, missing=Missing.AFTER_WORST)
    array([1., 1., 2.])
    """
    columns = values.reshape(values.shape[0], prod(values.shape[1:]))
    ranks = np.empty(columns.shape, dtype=np.float64)
    step = max(1, _CHUNK_ELEMENTS // max(1, columns.shape[0]))
    for first in range(0, columns.shape[1], step):
        chunk = slice(first, first + step)
        losses = _losses(columns[:, chunk], direction)
        few = columns.shape[0] <= _FEW and ties is not RankTies.DENSE
        ranks[:, chunk] = _by_counting(losses, ties) if few else _by_sorting(losses, ties)
    if missing is not Missing.LAST:
        _place_missing(ranks, np.isnan(columns), ties, missing)
    return ranks.reshape(values.shape)


def quantized(values: FloatArray) -> FloatArray:
    """Round to 12 significant digits; NaN and infinities stay.

    >>> quantized(np.array([0.1 + 0.2, 1234567890123.4, 0.0])).tolist()
    [0.3, 1234567890120.0, 0.0]
    """
    usable = np.isfinite(values) & (values != 0)
    magnitude = np.floor(np.log10(np.abs(values, where=usable, out=np.ones_like(values))))
    power = (SIGNIFICANT_DIGITS - 1 - magnitude).astype(np.int64)
    # Powers of ten below one are inexact, so a division by their inverse stands in for them.
    up = _POWERS[np.clip(power, 0, _LARGEST_POWER)]
    down = _POWERS[np.clip(-power, 0, _LARGEST_POWER)]
    return np.asarray(np.rint(values * up / down) * down / up)


def _losses(values: FloatArray, direction: Direction) -> FloatArray:
    """Return the values so that smaller is better and NaN is as bad as can be."""
    signed = -values if direction is Direction.HIGHER else values
    rounded = quantized(np.asarray(signed, dtype=np.float64))
    return np.where(np.isnan(rounded), np.inf, rounded)


def _by_counting(losses: FloatArray, ties: RankTies) -> FloatArray:
    """Rank by how many are better and how many are equal; not for dense ranks."""
    better = np.zeros(losses.shape)
    for row in losses:
        better += row < losses
    if ties is RankTies.MIN:
        return better + 1.0
    not_worse = np.zeros(losses.shape)
    for row in losses:
        not_worse += row <= losses
    return not_worse if ties is RankTies.MAX else (better + not_worse + 1) / 2


def _by_sorting(losses: FloatArray, ties: RankTies) -> FloatArray:
    # Sorting is fast along memory only, so the values are turned around first.
    turned = np.ascontiguousarray(losses.T)
    order = np.argsort(turned, axis=-1, kind="stable")
    ordered = np.take_along_axis(turned, order, axis=-1)
    starts_run = np.ones(turned.shape, dtype=np.bool_)
    starts_run[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    ranks = np.empty(turned.shape, dtype=np.float64)
    np.put_along_axis(ranks, order, _shared_ranks(starts_run, ties), axis=-1)
    return ranks.T


def _shared_ranks(starts_run: npt.NDArray[np.bool_], ties: RankTies) -> FloatArray:
    """Return the ranks of sorted values, given where each run of equal ones starts."""
    length = starts_run.shape[-1]
    places = np.arange(length, dtype=np.float64)
    if ties is RankTies.DENSE:
        return np.cumsum(starts_run, axis=-1, dtype=np.float64)
    first = np.maximum.accumulate(np.where(starts_run, places, 0.0), axis=-1)
    if ties is RankTies.MIN:
        return np.asarray(first + 1.0)
    ends_run = np.ones(starts_run.shape, dtype=np.bool_)
    ends_run[..., :-1] = starts_run[..., 1:]
    backward = np.where(ends_run, places, float(length))[..., ::-1]
    last = np.minimum.accumulate(backward, axis=-1)[..., ::-1]
    return np.asarray(last + 1.0 if ties is RankTies.MAX else (first + last) / 2 + 1.0)


def _place_missing(
    ranks: FloatArray, absent: npt.NDArray[np.bool_], ties: RankTies, missing: Missing
) -> None:
    """Give missing values, which rank last so far, the rank of another rule, in place."""
    if not absent.any():
        return
    if missing is Missing.DROP:
        ranks[absent] = np.nan
        return
    worst = np.where(absent, 0.0, ranks).max(axis=0)
    how_many = absent.sum(axis=0)
    match ties:
        case RankTies.MIN | RankTies.DENSE:
            rank_of_missing = worst + 1.0
        case RankTies.AVERAGE:
            rank_of_missing = worst + (how_many + 1) / 2
        case RankTies.MAX:
            rank_of_missing = worst + how_many
        case _ as unreachable:
            assert_never(unreachable)
    ranks[...] = np.where(absent, rank_of_missing, ranks)
