"""Rank submissions by the schemes that challenges use.

Submissions are rows; what they are ranked by are columns (a metric of a task, for a label or
over all). The hard part is that equal means must tie: summed in another order, two equal means
differ in the last bit, so everything is rounded to 12 significant digits before it is compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import prod

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import FloatArray
from proctor_metrics.metric import Direction

SIGNIFICANT_DIGITS = 12

# Elements ranked at once; bounds temporary memory to some 100 MB whatever the board's size.
_CHUNK_ELEMENTS = 1_000_000

_LARGEST_POWER = 300
_POWERS = np.array([float(f"1e{power}") for power in range(_LARGEST_POWER + 1)])


class Scheme(StrEnum):
    """How the columns of a board become one rank."""

    MEAN = "mean"
    RANK_THEN_MEAN = "rank_then_mean"
    RANK_SUM = "rank_sum"


class RankTies(StrEnum):
    """The rank that equal values share: the best of their places, or the average."""

    MIN = "min"
    AVERAGE = "average"


@dataclass(frozen=True, eq=False)
class Ranking:
    """Submissions in order.

    Attributes:
        scores: float64 of shape (n,): the number the order was made from (a mean, a mean
            rank, a sum of ranks); NaN for a submission without one.
        direction: which end of the scores is better.
        ranks: int64 of shape (n,); 1 is best, ties share the better rank, NaN comes last.
    """

    scores: FloatArray
    direction: Direction
    ranks: npt.NDArray[np.int64]


def rank(values: FloatArray, direction: Direction, ties: RankTies = RankTies.MIN) -> FloatArray:
    """Rank along the first axis; each remaining position is a ranking of its own.

    Values are compared after rounding to 12 significant digits. NaN ranks last; all NaN tie.

    Args:
        values: float64 of shape (n, ...).
        direction: which end is better.
        ties: the rank that equal values share.

    Returns:
        float64 of the same shape, from 1.

    >>> rank(np.array([0.9, 0.7, 0.9, np.nan]), Direction.HIGHER)
    array([1., 3., 1., 4.])
    >>> rank(np.array([0.9, 0.7, 0.9]), Direction.HIGHER, RankTies.AVERAGE)
    array([1.5, 3. , 1.5])
    """
    columns = values.reshape(values.shape[0], prod(values.shape[1:]))
    ranks = np.empty(columns.shape, dtype=np.float64)
    step = max(1, _CHUNK_ELEMENTS // max(1, columns.shape[0]))
    for first in range(0, columns.shape[1], step):
        chunk = slice(first, first + step)
        # Sorting is fast along memory only, so each slice is turned around first.
        losses = _losses(np.ascontiguousarray(columns[:, chunk].T), direction)
        ranks[:, chunk] = _rank_last_axis(losses, ties).T
    return ranks.reshape(values.shape)


def rank_by_mean(values: FloatArray, directions: Sequence[Direction]) -> Ranking:
    """Rank by the mean over the columns, which must all have one direction.

    Args:
        values: float64 of shape (n, n_columns): each submission's mean in each column.
        directions: which end is better, for each column.

    Raises:
        ValueError: the directions differ or do not fit the columns.

    >>> rank_by_mean(np.array([[0.8, 0.9], [0.9, 0.9]]), [Direction.HIGHER] * 2).ranks
    array([2, 1])
    """
    scores, direction = mean_scores(values, directions)
    return _ranking(scores, direction)


def rank_then_mean(
    values: FloatArray,
    directions: Sequence[Direction],
    case_ties: RankTies = RankTies.AVERAGE,
) -> Ranking:
    """Rank within each case and column, average the ranks, and rank again.

    A missing value (NaN) ranks last in its case. Within a case ties take their average rank,
    so that a case in which many are equal weighs no more than another.

    Args:
        values: float64 of shape (n, n_cases, n_columns).
        directions: which end is better, for each column.
        case_ties: the rank that equal values share within a case.

    Raises:
        ValueError: the directions do not fit the columns.

    >>> values = np.array([[[0.9], [0.2]], [[0.8], [0.7]], [[0.1], [0.6]]])
    >>> ranking = rank_then_mean(values, [Direction.HIGHER])
    >>> ranking.scores, ranking.ranks
    (array([2. , 1.5, 2.5]), array([2, 1, 3]))
    """
    scores = case_ranks(values, directions, case_ties).mean(axis=1)
    return _ranking(scores, Direction.LOWER)


def rank_sum(
    values: FloatArray,
    directions: Sequence[Direction],
    standard_deviations: FloatArray | None = None,
) -> Ranking:
    """Rank in each column by the means, add up the ranks, and rank the sums (MRBrainS13).

    Equal sums are decided by the smaller standard deviation over the cases. The rules of
    MRBrainS13 do not say how the deviations of columns with different units are put together;
    here they are ranked in each column, small first, and the ranks are added up. What is then
    still equal shares a rank. A missing value (NaN) ranks last in its column.
    Source: https://mrbrains13.isi.uu.nl/evaluation/

    Args:
        values: float64 of shape (n, n_columns): each submission's mean in each column.
        directions: which end is better, for each column.
        standard_deviations: float64 of the shape of `values`; ties stay ties without.

    Raises:
        ValueError: the directions or deviations do not fit the values.

    >>> means = np.array([[0.9, 3.0], [0.8, 2.0], [0.7, 4.0]])
    >>> rank_sum(means, [Direction.HIGHER, Direction.LOWER]).ranks
    array([1, 1, 3])
    """
    sums = rank_sums(values, directions)
    ranking = _ranking(sums, Direction.LOWER)
    if standard_deviations is None:
        return ranking
    if standard_deviations.shape != values.shape:
        raise ValueError(
            f"standard deviations of shape {standard_deviations.shape} do not fit values of "
            f"shape {values.shape}"
        )
    spread = rank(standard_deviations, Direction.LOWER).sum(axis=1)
    # Sums of ranks are whole numbers of at most n * n_columns, so this orders by the sum
    # first and by the spread within it, exactly.
    combined = sums * (values.size + 1) + spread
    return Ranking(sums, Direction.LOWER, rank(combined, Direction.LOWER).astype(np.int64))


def mean_scores(
    values: FloatArray, directions: Sequence[Direction]
) -> tuple[FloatArray, Direction]:
    """Return the mean over the second axis and the direction that all columns share.

    Args:
        values: float64 of shape (n, n_columns, ...).
        directions: which end is better, for each column.

    Raises:
        ValueError: the directions differ or do not fit the columns.
    """
    _check_columns(values, directions, axis=1)
    if len(set(directions)) != 1:
        raise ValueError(
            "the mean of columns in which higher and lower is better has no meaning; "
            "rank by rank_sum or rank_then_mean instead"
        )
    return np.asarray(values.mean(axis=1)), directions[0]


def rank_sums(values: FloatArray, directions: Sequence[Direction]) -> FloatArray:
    """Return the sum of the ranks over the second axis; the best possible is n_columns.

    Args:
        values: float64 of shape (n, n_columns, ...).
        directions: which end is better, for each column.

    Raises:
        ValueError: the directions do not fit the columns.
    """
    _check_columns(values, directions, axis=1)
    sums = np.zeros(np.delete(values.shape, 1))
    for column, direction in enumerate(directions):
        sums += rank(values[:, column], direction)
    return sums


def case_ranks(
    values: FloatArray,
    directions: Sequence[Direction],
    case_ties: RankTies = RankTies.AVERAGE,
) -> FloatArray:
    """Return each submission's mean rank over the columns in each case.

    Args:
        values: float64 of shape (n, n_cases, n_columns).
        directions: which end is better, for each column.
        case_ties: the rank that equal values share within a case.

    Returns:
        float64 of shape (n, n_cases).

    Raises:
        ValueError: the directions do not fit the columns.
    """
    _check_columns(values, directions, axis=2)
    total = np.zeros(values.shape[:2])
    for column, direction in enumerate(directions):
        total += rank(values[:, :, column], direction, case_ties)
    return total / len(directions)


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


def _ranking(scores: FloatArray, direction: Direction) -> Ranking:
    return Ranking(scores, direction, rank(scores, direction).astype(np.int64))


def _losses(values: FloatArray, direction: Direction) -> FloatArray:
    """Return the values so that smaller is better and NaN is as bad as can be."""
    signed = -values if direction is Direction.HIGHER else values
    rounded = quantized(np.asarray(signed, dtype=np.float64))
    return np.where(np.isnan(rounded), np.inf, rounded)


def _rank_last_axis(losses: FloatArray, ties: RankTies) -> FloatArray:
    order = np.argsort(losses, axis=-1, kind="stable")
    ordered = np.take_along_axis(losses, order, axis=-1)
    length = losses.shape[-1]
    places = np.arange(length, dtype=np.float64)
    starts_run = np.ones(losses.shape, dtype=np.bool_)
    starts_run[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    first = np.maximum.accumulate(np.where(starts_run, places, 0.0), axis=-1)
    shared = first + 1.0
    if ties is RankTies.AVERAGE:
        ends_run = np.ones(losses.shape, dtype=np.bool_)
        ends_run[..., :-1] = starts_run[..., 1:]
        backward = np.where(ends_run, places, float(length))[..., ::-1]
        last = np.minimum.accumulate(backward, axis=-1)[..., ::-1]
        shared = (first + last) / 2 + 1.0
    ranks = np.empty(losses.shape, dtype=np.float64)
    np.put_along_axis(ranks, order, shared, axis=-1)
    return ranks


def _check_columns(values: FloatArray, directions: Sequence[Direction], axis: int) -> None:
    if values.ndim <= axis or values.shape[axis] != len(directions) or not directions:
        raise ValueError(
            f"{len(directions)} directions do not fit the columns of values of shape "
            f"{values.shape}, which are on axis {axis}"
        )
