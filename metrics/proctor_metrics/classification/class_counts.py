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

# Items times replicates handled at once; bounds memory to about 32 MB for each array.
_CHUNK_ELEMENTS = 4_000_000


class ClassCounts(NamedTuple):
    """Whole numbers as float64 of shape (B, n_classes)."""

    hits: FloatArray
    predicted: FloatArray
    true: FloatArray


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
    if not cases:
        raise ValueError("classes are counted over at least one case")
    n_classes = len(cases[0].classes)
    for case in cases:
        if case.class_values != cases[0].class_values:
            raise MetricInputError(
                case.case,
                Side.TASK,
                f"the classes are {case.class_values}",
                f"those of case {cases[0].case!r} are {cases[0].class_values}",
            )
    true = np.concatenate([case.true_classes for case in cases])
    predicted = np.concatenate([case.predicted_classes for case in cases])
    predicted = np.where(predicted == UNANSWERED, (true + 1) % n_classes, predicted)
    answered = np.concatenate([np.full(case.n_items, not case.lost) for case in cases])
    if weights.ndim != 2 or weights.shape[1] != true.size:
        raise ValueError(f"weights of shape {weights.shape} do not fit {true.size} items")
    hits = np.flatnonzero((true == predicted) & answered)
    members = sparse.vstack(
        [
            _membership(true[hits], hits, n_classes, true.size),
            _membership(predicted, np.arange(true.size), n_classes, true.size),
            _membership(true, np.arange(true.size), n_classes, true.size),
        ],
        format="csr",
    )
    counts = np.empty((3, weights.shape[0], n_classes))
    step = max(1, _CHUNK_ELEMENTS // max(1, true.size))
    for first in range(0, weights.shape[0], step):
        chunk = np.ascontiguousarray(weights[first : first + step].T, dtype=np.float64)
        found = (members @ chunk).reshape(3, n_classes, -1)
        counts[:, first : first + step] = found.transpose(0, 2, 1)
    return ClassCounts(*counts)


def _membership(
    classes: npt.NDArray[np.intp], items: npt.NDArray[np.intp], n_classes: int, n_items: int
) -> "sparse.csr_array":
    """Return which item is of which class: ones of shape (n_classes, n_items)."""
    return sparse.csr_array((np.ones(items.size), (classes, items)), shape=(n_classes, n_items))
