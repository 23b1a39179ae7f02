"""How often each class was answered, was right and was there, in every weighted resample.

That is all that precision, recall and their kin are made of. Counting is one product of a sparse
matrix (which item is of which class) with the weights, so 1,000 resamples of 50,000 items of
1,000 classes take a second and no array of items times classes.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from proctor_metrics.cases import (
    UNANSWERED,
    Case,
    FloatArray,
    LabelCase,
    MetricInputError,
    Side,
    TableCase,
)
from proctor_metrics.classification.scored_items import check_weights, chunks, position_of


class ClassCounts(NamedTuple):
    """Whole numbers as float64 of shape (B, n_classes); `items` are all of them, in each class."""

    hits: FloatArray
    predicted: FloatArray
    true: FloatArray
    items: FloatArray


def as_labels(metric: str, case: Case) -> LabelCase:
    """Return the case as one class an item: of class scores the highest, of equals the first.

    Raises:
        MetricInputError: it is neither a list of classes nor a table of class scores.
    """
    if isinstance(case, LabelCase):
        return case
    if not isinstance(case, TableCase):
        raise MetricInputError(
            case.case,
            Side.TASK,
            "the case holds no classes",
            f"{metric} is computed from classes or class scores",
        )
    if case.lost:
        return LabelCase.missing(case.case, case.reference, case.columns, case.class_values)
    values = np.asarray(case.class_values, dtype=np.int64)
    answered = values[np.argmax(case.prediction, axis=1)]
    return LabelCase(case.case, answered, case.reference, case.columns, case.class_values)


def against_the_rest(metric: str, case: LabelCase, positive: int | None) -> LabelCase:
    """Return the case with two classes, the positive one as the second and all others as one.

    An item of a lost case is then a miss where it is positive, and a false alarm where it is not.

    Raises:
        MetricInputError: the positive class is none of the case's.
    """
    position = position_of(metric, case.case, positive, case.class_values)
    return LabelCase(
        case.case,
        (case.predicted_classes == position).astype(np.int64),
        (case.true_classes == position).astype(np.int64),
        ("rest", case.classes[position]),
        (0, 1),
        case.lost,
    )


def class_counts(cases: Sequence[LabelCase], weights: npt.NDArray[np.integer]) -> ClassCounts:
    """Count the items of each class in each weighted resample.

    An item of a lost case counts as answered with the class after its own, the last class's with
    the first: a miss, and a false positive, by a rule that nobody can choose.

    Args:
        cases: cases of the same classes, in the order of the dataset.
        weights: integers of shape (B, n_items).

    Raises:
        MetricInputError: the cases disagree on their classes.
        ValueError: there are no cases, or the weights do not fit the items.
    """
    check_same_classes(cases)
    n_classes = len(cases[0].classes)
    true = np.concatenate([case.true_classes for case in cases])
    predicted = np.concatenate([case.predicted_classes for case in cases])
    predicted = np.where(predicted == UNANSWERED, (true + 1) % n_classes, predicted)
    answered = np.concatenate([np.full(case.n_items, not case.lost) for case in cases])
    check_weights(weights, true.size)
    hits = np.flatnonzero((true == predicted) & answered)
    everyone = np.arange(true.size)
    members = sparse.vstack(
        [
            membership(true[hits], hits, n_classes, true.size),
            membership(predicted, everyone, n_classes, true.size),
            membership(true, everyone, n_classes, true.size),
        ],
        format="csr",
    )
    counts = weighted_sums(members, weights).reshape(-1, 3, n_classes)
    right, answers, there = counts.transpose(1, 0, 2)
    items = np.broadcast_to(there.sum(axis=1, keepdims=True), there.shape)
    return ClassCounts(right, answers, there, items)


def check_same_classes(cases: Sequence[LabelCase]) -> None:
    """Refuse cases of different classes.

    Raises:
        MetricInputError: the cases disagree on their classes.
        ValueError: there are no cases.
    """
    if not cases:
        raise ValueError("classes are counted over at least one case")
    for case in cases:
        if case.class_values != cases[0].class_values:
            raise MetricInputError(
                case.case,
                Side.TASK,
                f"the classes are {case.class_values}",
                f"those of case {cases[0].case!r} are {cases[0].class_values}",
            )


def membership(
    rows: npt.NDArray[np.integer],
    items: npt.NDArray[np.integer],
    n_rows: int,
    n_items: int,
    values: FloatArray | None = None,
) -> "sparse.csr_array":
    """Return which item counts in which row, and for how much: of shape (n_rows, n_items)."""
    data = np.ones(items.size) if values is None else values
    return sparse.csr_array((data, (rows, items)), shape=(n_rows, n_items))


def weighted_sums(members: "sparse.csr_array", weights: npt.NDArray[np.integer]) -> FloatArray:
    """Return what the items of each row come to in each replicate, of shape (B, n_rows)."""
    n_rows, n_items = members.shape
    sums = np.empty((weights.shape[0], n_rows))
    for chunk in chunks(weights, n_items):
        columns = np.ascontiguousarray(weights[chunk].T, dtype=np.float64)
        sums[chunk] = (members @ columns).T
    return sums
