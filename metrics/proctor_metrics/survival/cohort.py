"""All items of a dataset with their times, events and answers, as metrics of survival see them."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import (
    BoolArray,
    Case,
    FloatArray,
    MetricInputError,
    Side,
    SurvivalCase,
)
from proctor_metrics.metric import CaseType, Direction, Metric, PooledMetric


class Answer(StrEnum):
    """What a large number says: that the event comes early, or late."""

    RISK = "risk"
    TIME = "time"


class Cohort(NamedTuple):
    """All items in the order of the dataset.

    Attributes:
        risks: float64 of shape (n_columns, n_items), larger for an earlier event; NaN where a case
            was lost.
        times: float64 of shape (n_items,).
        events: booleans of shape (n_items,).
        answered: booleans of shape (n_items,).
    """

    risks: FloatArray
    times: FloatArray
    events: BoolArray
    answered: BoolArray


class SurvivalMetric(PooledMetric):
    """A measure of how well risks tell who has an event first; 1 is best, one half is chance."""

    direction = Direction.HIGHER
    case_type = CaseType.SURVIVAL

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return 0, every pair in the wrong order."""
        return 0.0


def survival_case(metric: Metric, case: Case) -> SurvivalCase:
    """Return the case as one of times and events.

    Raises:
        MetricInputError: it is another kind of case.
    """
    if isinstance(case, SurvivalCase):
        return case
    raise MetricInputError(
        case.case,
        Side.TASK,
        "the case holds no times to an event",
        f"{metric.name} compares risks with them",
    )


def cohort_of(
    metric: Metric, cases: Sequence[Case], weights: npt.NDArray[np.integer], answer: Answer
) -> Cohort:
    """Put all cases together.

    Raises:
        MetricInputError: a case holds no times to an event.
        ValueError: there are no cases, or the weights do not fit the items.
    """
    if not cases:
        raise ValueError(f"{metric.name} needs at least one case")
    tables = [survival_case(metric, case) for case in cases]
    risks = np.concatenate([table.prediction for table in tables]).T
    if weights.ndim != 2 or weights.shape[1] != risks.shape[1]:
        raise ValueError(f"weights of shape {weights.shape} do not fit {risks.shape[1]} items")
    return Cohort(
        risks=risks if answer is Answer.RISK else -risks,
        times=np.concatenate([table.times for table in tables]),
        events=np.concatenate([table.events for table in tables]),
        answered=np.concatenate([np.full(table.n_items, not table.lost) for table in tables]),
    )
