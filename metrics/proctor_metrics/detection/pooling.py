"""Put the matched boxes of all cases in one row.

Items are numbered through over all cases, so that a resample is a vector of integer weights on
them. A resample in which an item was drawn twice counts each of its boxes twice.
"""

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import Case, FloatArray, MetricInputError, Side
from proctor_metrics.detection.box_metric import BoxMetric
from proctor_metrics.detection.matching import Matches, matches

CHUNK_ELEMENTS = 4_000_000
"""Boxes times replicates handled at once; bounds memory to about 32 MB for each array."""


class ClassAverage(StrEnum):
    """How classes are put together where each has a value of its own."""

    MACRO = "macro"
    PER_CLASS = "per_class"


def pool(metric: BoxMetric, cases: Sequence[Case], weights: npt.NDArray[np.integer]) -> Matches:
    """Match every case and put what came of it in one row; `items` runs through all cases.

    Raises:
        MetricInputError: a case holds no boxes, or others than the rule needs, or the cases
            disagree on classes.
        ValueError: there are no cases, or the weights do not fit the items.
    """
    if not cases:
        raise ValueError(f"{metric.name} needs at least one case")
    boxes = [metric.box_case(case) for case in cases]
    n_items = np.array([case.n_items for case in boxes])
    if weights.ndim != 2 or weights.shape[1] != n_items.sum():
        raise ValueError(f"weights of shape {weights.shape} do not fit {n_items.sum()} items")
    for case in boxes:
        if case.class_values != boxes[0].class_values:
            raise MetricInputError(
                case.case,
                Side.TASK,
                f"the classes are {case.class_values}",
                f"those of case {boxes[0].case!r} are {boxes[0].class_values}",
            )
    found = [matches(case, metric.rule) for case in boxes]
    first = np.cumsum(n_items) - n_items
    return Matches(
        items=np.concatenate([one.items + start for one, start in zip(found, first, strict=True)]),
        classes=np.concatenate([one.classes for one in found]),
        scores=np.concatenate([one.scores for one in found]),
        hits=np.concatenate([one.hits for one in found], axis=1),
        wrong=np.concatenate([one.wrong for one in found], axis=1),
        to_find=np.concatenate([one.to_find for one in found]),
    )


def defined_means(values: FloatArray, axis: int) -> FloatArray:
    """Return the mean of what is not NaN along an axis, which stays; NaN where nothing is.

    >>> defined_means(np.array([[0.5, np.nan], [np.nan, np.nan]]), axis=1)
    array([[0.5],
           [nan]])
    """
    defined = ~np.isnan(values)
    counts = defined.sum(axis=axis, keepdims=True)
    sums = np.where(defined, values, 0).sum(axis=axis, keepdims=True)
    means = np.full(sums.shape, np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return means
