"""Which prediction is paired with which reference, given how close each two are.

Four rules are in use, and they differ whenever predictions crowd around one reference, so a
metric declares the one it takes. All of them see the predictions of one item and class, in the
order of their scores, and know closeness alone.
"""

from enum import StrEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import BoolArray, FloatArray


class Assignment(StrEnum):
    """How predictions and references are paired.

    `greedy`: the best-scored prediction first takes the closest reference still free (COCO).
    `first_choice`: each looks at its closest reference alone, and is wrong if that is taken
    (Pascal VOC). `optimal`: the most pairs, and of those the closest, whatever the scores
    (Hungarian method). `hits`: every reference is found by the best-scored prediction that meets
    it; others that meet one are left out, neither right nor wrong (LUNA16).
    """

    GREEDY = "greedy"
    FIRST_CHOICE = "first_choice"
    OPTIMAL = "optimal"
    HITS = "hits"


class Found(NamedTuple):
    """What each prediction of one item and class is, at every limit.

    Attributes:
        hits: int64 of shape (n_limits, n), how many references it finds; more than 1 for `hits`.
        wrong: booleans of that shape. What neither finds nor is wrong is left out.
    """

    hits: npt.NDArray[np.int64]
    wrong: BoolArray


def assign(
    rule: Assignment,
    close: FloatArray,
    ignored: BoolArray,
    crowd: BoolArray,
    limits: FloatArray,
) -> Found:
    """Pair the predictions of one item and class with its references.

    Args:
        rule: how.
        close: float64 of shape (n, m), the closeness of each two; NaN where none is allowed.
            Predictions come in the order of their scores.
        ignored: booleans of shape (m,), references that nobody has to find.
        crowd: booleans of shape (m,), those of them that take any number of predictions.
        limits: float64 of shape (n_limits,); from this closeness on a pair is allowed.
    """
    match rule:
        case Assignment.GREEDY:
            return _by_score(close, ignored, crowd, limits, only_closest=False)
        case Assignment.FIRST_CHOICE:
            return _by_score(close, ignored, crowd, limits, only_closest=True)
        case Assignment.OPTIMAL:
            return _stack([_optimal(close, ignored, limit) for limit in limits])
        case Assignment.HITS:
            return _stack([_hits(close, ignored, limit) for limit in limits])


def _by_score(
    close: FloatArray,
    ignored: BoolArray,
    crowd: BoolArray,
    limits: FloatArray,
    *,
    only_closest: bool,
) -> Found:
    n_predicted = close.shape[0]
    hits = np.zeros((limits.size, n_predicted), dtype=np.int64)
    wrong = np.ones((limits.size, n_predicted), dtype=bool)
    rows, columns = np.nonzero(close >= limits.min())
    values = close[rows, columns]
    # A prediction asks references to be found first, the closest of them first; of two as close
    # the last in order, as COCO's own program does.
    waits = np.zeros(len(rows), dtype=bool) if only_closest else ignored[columns]
    order = np.lexsort((-columns, -values, waits, rows))
    asked = list(zip(rows[order].tolist(), columns[order].tolist(), values[order], strict=True))
    for index, limit in enumerate(limits):
        taken: set[int] = set()
        done = -1
        for row, column, value in asked:
            if row == done or value < limit:
                continue
            if only_closest:
                done = row
            if column in taken:
                continue
            done = row
            wrong[index, row] = False
            hits[index, row] = not ignored[column]
            if not (crowd[column] or (only_closest and ignored[column])):
                taken.add(column)
    return Found(hits, wrong)


def _optimal(close: FloatArray, ignored: BoolArray, limit: float) -> Found:
    allowed: BoolArray = np.asarray(close >= limit)
    pairs = optimal_pairs(np.where(allowed & ~ignored, close, np.nan))
    hits = np.zeros(len(close), dtype=np.int64)
    hits[pairs[0]] = 1
    left_out: BoolArray = np.asarray((allowed & ignored).any(axis=1))
    wrong: BoolArray = np.asarray((hits == 0) & ~left_out)
    return Found(hits, wrong)


def _hits(close: FloatArray, ignored: BoolArray, limit: float) -> Found:
    allowed: BoolArray = np.asarray(close >= limit)
    finders = np.argmax(allowed, axis=0)[allowed.any(axis=0) & ~ignored]
    wrong: BoolArray = np.asarray(~allowed.any(axis=1))
    return Found(np.bincount(finders, minlength=len(close)), wrong)


def optimal_pairs(close: FloatArray) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the most pairs there can be, and of those the closest by their sum.

    Args:
        close: float64 of shape (n, m); NaN where two must not be paired.

    Returns:
        The rows and the columns of the pairs.

    >>> optimal_pairs(np.array([[0.9, 0.8], [0.7, np.nan]]))
    (array([0, 1]), array([1, 0]))
    """
    allowed = ~np.isnan(close)
    if not allowed.any():
        return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
    # Imported when first asked for: it takes a quarter of a second, and other metrics need it not.
    from scipy.optimize import linear_sum_assignment

    lowest, highest = close[allowed].min(), close[allowed].max()
    # One pair more outweighs all that closeness can add: each pair is worth 1 and at most 1/k.
    share = (close - lowest) / (highest - lowest or 1.0) / (min(close.shape) + 1)
    rows, columns = linear_sum_assignment(np.where(allowed, 1 + share, 0.0), maximize=True)
    kept = allowed[rows, columns]
    return rows[kept], columns[kept]


def _stack(found: list[Found]) -> Found:
    return Found(np.stack([one.hits for one in found]), np.stack([one.wrong for one in found]))
