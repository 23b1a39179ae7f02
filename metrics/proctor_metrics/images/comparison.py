"""What metrics of images share: one number an image, and the range that its values may have."""

from abc import abstractmethod

import numpy as np

from proctor_metrics.cases import Case, ImageCase, MetricInputError, Side
from proctor_metrics.metric import (
    UNLABELLED,
    CaseType,
    ItemScores,
    Metric,
    PerItemMetric,
    number_text,
)

RANGE_BOUNDS = (1e-30, 1e30)
"""Between them lies every range of values that a task may declare."""


def image_case(metric: Metric, case: Case) -> ImageCase:
    """Return the case as one of images.

    Raises:
        MetricInputError: it is another kind of case.
    """
    if isinstance(case, ImageCase):
        return case
    raise MetricInputError(
        case.case, Side.TASK, "the case holds no image", f"{metric.name} compares images"
    )


def data_range(metric: Metric, case: ImageCase, declared: float | None) -> float:
    """Return the declared range of values, else the reference's own inside its region.

    Raises:
        MetricInputError: none is declared and all values of the reference are equal.
    """
    if declared is not None:
        return declared
    found = float(case.true.max() - case.true.min())
    if found == 0:
        raise MetricInputError(
            case.case,
            Side.REFERENCE,
            "all values of the reference are equal",
            f"{metric.name} needs a range of values; declare data_range",
        )
    return found


def range_text(declared: float | None) -> str:
    """Return how a definition id names the range of values."""
    return "reference" if declared is None else number_text(declared)


class ImageMetric(PerItemMetric):
    """A number for each image."""

    case_type = CaseType.IMAGE

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rule for regions."""
        return ("Where the reference is NaN nothing is compared.",)

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the one label."""
        return UNLABELLED

    def per_item(self, case: Case) -> ItemScores:
        """Score the image of the case.

        Raises:
            MetricInputError: the case holds no image, or one on which the metric is undefined.
        """
        value = self._value(image_case(self, case))
        return ItemScores(UNLABELLED, np.array([[value]], dtype=np.float64))

    @abstractmethod
    def _value(self, case: ImageCase) -> float:
        """Return the value of one image."""
