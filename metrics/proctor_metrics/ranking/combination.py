"""Put several columns of a board into one score: means, sums of ranks, ranks within cases.

Submissions are rows; what they are ranked by are columns (a metric of a task, for a label or
over all).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import FloatArray
from proctor_metrics.metric import Direction
from proctor_metrics.ranking.ranks import Missing, RankTies, rank


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


def rank_sums(
    values: FloatArray,
    directions: Sequence[Direction],
    ties: RankTies = RankTies.MIN,
    missing: Missing = Missing.LAST,
) -> FloatArray:
    """Return the sum of the ranks over the second axis; the best possible is n_columns.

    Args:
        values: float64 of shape (n, n_columns, ...).
        directions: which end is better, for each column.
        ties: the rank that equal values share.
        missing: the rank of NaN; nothing can be dropped here, so `drop` ranks it last.

    Raises:
        ValueError: the directions do not fit the columns.
    """
    _check_columns(values, directions, axis=1)
    sums = np.zeros(np.delete(values.shape, 1))
    for column, direction in enumerate(directions):
        sums += rank(values[:, column], direction, ties, missing.of_scores)
    return sums


def case_ranks(
    values: FloatArray,
    directions: Sequence[Direction],
    case_ties: RankTies = RankTies.AVERAGE,
    missing: Missing = Missing.LAST,
) -> FloatArray:
    """Return each submission's mean rank over the columns in each case.

    Args:
        values: float64 of shape (n, n_cases, n_columns).
        directions: which end is better, for each column.
        case_ties: the rank that equal values share within a case.
        missing: the rank of NaN; where dropped, the mean is over the columns that are there.

    Returns:
        float64 of shape (n, n_cases); NaN where all columns are dropped.

    Raises:
        ValueError: the directions do not fit the columns.
    """
    _check_columns(values, directions, axis=2)
    total = np.zeros(values.shape[:2])
    counts = np.zeros(values.shape[:2])
    for column, direction in enumerate(directions):
        ranks = rank(values[:, :, column], direction, case_ties, missing)
        total += np.nan_to_num(ranks)
        counts += ~np.isnan(ranks)
    means = np.full(total.shape, np.nan)
    np.divide(total, counts, out=means, where=counts > 0)
    return means


def _ranking(scores: FloatArray, direction: Direction) -> Ranking:
    return Ranking(scores, direction, rank(scores, direction).astype(np.int64))


def _check_columns(values: FloatArray, directions: Sequence[Direction], axis: int) -> None:
    if values.ndim <= axis or values.shape[axis] != len(directions) or not directions:
        raise ValueError(
            f"{len(directions)} directions do not fit the columns of values of shape "
            f"{values.shape}, which are on axis {axis}"
        )
