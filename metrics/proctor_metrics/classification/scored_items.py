"""Items with one score each and a yes or no beside it: what rankings of scores are made of.

A replicate is a vector of integer weights on the items. Scores are sorted once for all replicates,
and counts are whole numbers, exact in float64, until the last division. An item of a lost case
takes its place at the wrong end: a positive one below every score, another one above all of them,
which no answer can undercut.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import (
    BoolArray,
    Case,
    FloatArray,
    MetricInputError,
    Side,
    TableCase,
)

# Items times replicates handled at once; bounds memory to about 32 MB for each array.
CHUNK_ELEMENTS = 4_000_000


@dataclass(frozen=True, eq=False)
class ScoredItems:
    """One score for each item.

    Attributes:
        scores: floats of shape (n_items,); infinite for the items of lost cases.
        positive: booleans of the same shape.
    """

    scores: npt.NDArray[np.floating]
    positive: BoolArray


class ThresholdCounts(NamedTuple):
    """What is called positive at or above every threshold, in the replicates `rows`.

    The first threshold is above every score, the last is the lowest score. All are float64 of
    shape (n_replicates, n_thresholds), never falling along the last axis.
    """

    rows: slice
    true_positives: FloatArray
    false_positives: FloatArray


def tables_of(metric: str, cases: Sequence[Case]) -> list[TableCase]:
    """Return the cases as tables of the same columns.

    Raises:
        MetricInputError: a case holds no class scores, or the cases disagree on their columns.
        ValueError: there are no cases.
    """
    if not cases:
        raise ValueError(f"{metric} needs at least one case")
    tables = [table_of(metric, case) for case in cases]
    for table in tables:
        if table.class_values != tables[0].class_values:
            raise MetricInputError(
                table.case,
                Side.TASK,
                f"the columns are of the classes {table.class_values}",
                f"those of case {tables[0].case!r} are of {tables[0].class_values}",
            )
    return tables


def table_of(metric: str, case: Case) -> TableCase:
    """Return the case as a table, answered or lost.

    Raises:
        MetricInputError: it is another kind of case.
    """
    if isinstance(case, TableCase):
        return case
    raise MetricInputError(
        case.case, Side.TASK, "the case holds no class scores", f"{metric} is computed from tables"
    )


def position_of(metric: str, case: str, positive: int | None, class_values: tuple[int, ...]) -> int:
    """Return where the positive class stands among the classes.

    Raises:
        MetricInputError: it is none of them.
    """
    if positive not in class_values:
        raise MetricInputError(
            case,
            Side.TASK,
            f"the positive class of {metric} is {positive}",
            f"it must be one of {list(class_values)}",
        )
    return class_values.index(positive)


def scored_items(tables: Sequence[TableCase], column: int) -> ScoredItems:
    """Return the scores of one column, with the items of its class as the positive ones."""
    return at_its_worst(
        np.concatenate([table.prediction[:, column] for table in tables]),
        np.concatenate([table.true_columns == column for table in tables]),
        np.concatenate([np.full(table.n_items, table.lost) for table in tables]),
    )


def at_its_worst(
    scores: npt.NDArray[np.floating], positive: BoolArray, lost: BoolArray
) -> ScoredItems:
    """Return the items with those of lost cases on the wrong side of all others."""
    worst = np.where(positive, -np.inf, np.inf)
    return ScoredItems(np.where(lost, worst, scores), positive)


def check_weights(weights: npt.NDArray[np.integer], n_items: int) -> None:
    """Refuse weights that are not one row of whole numbers for each replicate.

    Raises:
        ValueError: they do not fit the items.
    """
    if weights.ndim != 2 or weights.shape[1] != n_items:
        raise ValueError(f"weights of shape {weights.shape} do not fit {n_items} items")


def chunks(weights: npt.NDArray[np.integer], n_columns: int) -> Iterator[slice]:
    """Cut the replicates so that an array of `n_columns` for each of them stays small."""
    step = max(1, CHUNK_ELEMENTS // max(1, n_columns))
    for first in range(0, weights.shape[0], step):
        yield slice(first, min(first + step, weights.shape[0]))


def threshold_counts(
    items: ScoredItems, weights: npt.NDArray[np.integer]
) -> Iterator[ThresholdCounts]:
    """Count at every distinct score, a chunk of replicates at a time."""
    order = np.argsort(-items.scores, kind="stable")
    ordered = items.scores[order]
    # Last item of each run of equal scores: equal scores are called positive together.
    ends = np.flatnonzero(np.concatenate((ordered[1:] != ordered[:-1], [True])))
    for rows in chunks(weights, order.size):
        drawn = np.take(weights[rows], order, axis=1).astype(np.float64)
        counts = []
        for chosen in (items.positive[order], ~items.positive[order]):
            cumulated = np.take(np.cumsum(drawn * chosen, axis=1), ends, axis=1)
            counts.append(np.concatenate((np.zeros((cumulated.shape[0], 1)), cumulated), axis=1))
        yield ThresholdCounts(rows, *counts)


def roc_areas(
    scores: npt.NDArray[np.floating],
    positive: npt.NDArray[np.intp],
    negative: npt.NDArray[np.intp],
    weights: npt.NDArray[np.integer],
) -> FloatArray:
    """Return the share of pairs in order in each replicate, equal scores counted one half.

    Args:
        scores: floats of shape (n_items,).
        positive: which items should score high.
        negative: which items should score low.
        weights: integers of shape (B, n_items).

    Returns:
        float64 of shape (B,); NaN where one side has no weight.
    """
    positive = positive[np.argsort(scores[positive], kind="stable")]
    negative = negative[np.argsort(scores[negative], kind="stable")]
    below = np.searchsorted(scores[negative], scores[positive], side="left")
    up_to = np.searchsorted(scores[negative], scores[positive], side="right")
    areas = np.full(weights.shape[0], np.nan)
    for rows in chunks(weights, positive.size + negative.size):
        high = np.take(weights[rows], positive, axis=1).astype(np.float64)
        low = np.zeros((high.shape[0], negative.size + 1))
        drawn = np.take(weights[rows], negative, axis=1)
        np.cumsum(drawn, axis=1, out=low[:, 1:], dtype=np.float64)
        twice_beaten = np.take(low, below, axis=1)
        if np.array_equal(below, up_to):
            twice_beaten *= 2
        else:
            twice_beaten += np.take(low, up_to, axis=1)
        twice_won = np.einsum("ij,ij->i", high, twice_beaten)
        twice_pairs = 2 * high.sum(axis=1) * low[:, -1]
        np.divide(twice_won, twice_pairs, out=areas[rows], where=twice_pairs > 0)
    return areas


def average_precisions(items: ScoredItems, weights: npt.NDArray[np.integer]) -> FloatArray:
    """Return the sum of (R_n - R_(n-1)) P_n over the thresholds of each replicate.

    Positive items of lost cases are never found: recall stays below 1. At the lowest threshold
    they would all be found at once, with a precision that some answers fall short of.

    Returns:
        float64 of shape (B,); NaN where there is no positive item, or no other.
    """
    found = np.full(weights.shape[0], np.nan)
    last = -1 if np.isneginf(items.scores).any() else None
    for rows, hits, alarms in threshold_counts(items, weights):
        called = hits + alarms
        precision = np.divide(hits, called, out=np.zeros_like(hits), where=called > 0)
        gained = (np.diff(hits, axis=1) * precision[:, 1:])[:, :last].sum(axis=1)
        defined = (hits[:, -1] > 0) & (alarms[:, -1] > 0)
        np.divide(gained, hits[:, -1], out=found[rows], where=defined)
    return found
