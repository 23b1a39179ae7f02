"""Difference of a label's volume in prediction and reference.

Says nothing about position: a mask in the wrong place can score 0. A second metric beside an
overlap or a distance, never alone.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import prod
from typing import Self

import numpy as np

from proctor_metrics.cases import Case
from proctor_metrics.metric import CaseType, Direction, ItemScores, PerItemMetric, mask_case
from proctor_metrics.parameters import Parameters

_MM3_PER_ML = 1000.0


class VolumeForm(StrEnum):
    """In what the difference of two volumes is given."""

    ABSOLUTE_PERCENT = "absolute_percent"
    ABSOLUTE_ML = "absolute_ml"


@dataclass(frozen=True)
class VolumeError(PerItemMetric):
    """Absolute volume difference of each label, with Vp and Vr the two volumes.

    `absolute_percent`: 100 |Vp - Vr| / Vr, the AVD of MRBrainS13, in %, from 0 without upper
    bound. `absolute_ml`: |Vp - Vr| in millilitres, at most the volume of the image.
    Values: float64 of shape (n_labels, 1), lower is better.
    Both empty: 0 and flag `both_empty`. Prediction empty: the formula (100 %, or Vr).
    Reference empty: in percent undefined, so the declared worst value and flag
    `reference_empty`; in millilitres the formula. NaN cannot occur.
    A percentage has no natural worst value, so that form requires the task to declare one.
    Source: Mendrik et al., Computational Intelligence and Neuroscience (2015) 813696, AVD.

    >>> from proctor_metrics import MaskCase
    >>> predicted, true = np.array([[1, 1, 1]]), np.array([[0, 1, 1]])
    >>> metric = VolumeError(declared_worst=100.0)
    >>> metric.per_item(MaskCase("a", predicted, true, (1.0, 1.0), {1: "lesion"})).values
    array([[50.]])
    """

    name = "volume_error"
    direction = Direction.LOWER
    case_type = CaseType.MASK

    form: VolumeForm = VolumeForm.ABSOLUTE_PERCENT

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `form`.

        Raises:
            MetricParameterError: an unknown form, or a percentage without a worst value.
        """
        metric = cls(
            form=parameters.choice("form", VolumeForm.ABSOLUTE_PERCENT),
            declared_worst=parameters.worst(),
        )
        if metric.form is VolumeForm.ABSOLUTE_PERCENT and metric.declared_worst is None:
            raise parameters.error(
                "worst",
                "a percentage has no natural worst value; declare `worst` on the metric, above "
                "any answer that should beat a missing one (an empty prediction scores 100)",
            )
        return metric

    @property
    def unit(self) -> str:
        """Return the unit of the form."""
        return "%" if self.form is VolumeForm.ABSOLUTE_PERCENT else "ml"

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return f"volume_error.v1;form={self.form};edge=v1"

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for empty masks."""
        both = "A label that is empty in prediction and reference scores 0 and is flagged."
        if self.form is VolumeForm.ABSOLUTE_ML:
            return (both,)
        return (
            both,
            "A label that only the prediction holds takes the worst value and is flagged.",
        )

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the names of the mask's labels."""
        return mask_case(self, case).label_names

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return the volume of the image in ml; a percentage always has a declared one."""
        return prod(reference_shape) * prod(spacing_mm) / _MM3_PER_ML

    def per_item(self, case: Case) -> ItemScores:
        """Score every label of the case."""
        mask = mask_case(self, case)
        predicted, true = mask.counts.prediction, mask.counts.reference
        difference = np.abs(predicted - true)
        reference_empty = (true == 0) & (predicted > 0)
        if self.form is VolumeForm.ABSOLUTE_ML:
            values = difference * prod(mask.spacing_mm) / _MM3_PER_ML
        else:
            worst = self.worst(mask.reference.shape, mask.spacing_mm)
            values = np.where(reference_empty, worst, 100.0 * difference / np.maximum(true, 1))
        flags = {
            "both_empty": ((true == 0) & (predicted == 0))[:, np.newaxis],
            "reference_empty": reference_empty[:, np.newaxis],
        }
        return ItemScores(mask.label_names, values[:, np.newaxis], flags)
