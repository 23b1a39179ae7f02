"""Difference of a structure's volume in prediction and reference.

Says nothing about position: a mask in the wrong place can score 0. A second metric beside an
overlap or a distance, never alone.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import prod
from typing import Self

import numpy as np

from proctor_metrics.cases import Case
from proctor_metrics.metric import Direction, ItemScores, mask_case, number_text
from proctor_metrics.parameters import Parameters
from proctor_metrics.segmentation.structure_metric import Empties, StructureMetric

_MM3_PER_ML = 1000.0


class VolumeForm(StrEnum):
    """In what the difference of two volumes is given, with its sign or without."""

    ABSOLUTE_PERCENT = "absolute_percent"
    ABSOLUTE_RATIO = "absolute_ratio"
    ABSOLUTE_ML = "absolute_ml"
    SIGNED_PERCENT = "signed_percent"
    SIGNED_RATIO = "signed_ratio"
    SIGNED_ML = "signed_ml"


_SIGNED = (VolumeForm.SIGNED_PERCENT, VolumeForm.SIGNED_RATIO, VolumeForm.SIGNED_ML)
_PERCENT = (VolumeForm.ABSOLUTE_PERCENT, VolumeForm.SIGNED_PERCENT)
_ML = (VolumeForm.ABSOLUTE_ML, VolumeForm.SIGNED_ML)


@dataclass(frozen=True)
class VolumeError(StructureMetric):
    """Volume difference of each structure, with Vp and Vr the two volumes.

    `absolute_percent`: 100 |Vp - Vr| / Vr, the AVD of MRBrainS13, in %, from 0 without upper
    bound. `absolute_ratio`: |Vp - Vr| / Vr, the AVDR of Metrics Reloaded. `absolute_ml`:
    |Vp - Vr| in millilitres, at most the volume of the image. `signed_percent`, `signed_ratio`
    and `signed_ml`: the same of Vp - Vr, above 0 where the prediction is too large. Their mean
    is a bias, in which errors cancel, so nothing is ranked by them.
    Values: float64 of shape (n_structures, 1), lower is better where there is no sign.
    Both empty: 0 and flag `both_empty`. Prediction empty: the formula (100 %, or Vr), flag
    `prediction_empty`. Reference empty: of a percentage or ratio undefined, so the declared
    worst value; in millilitres the formula; flag `reference_empty`. NaN cannot occur.
    A form that has no natural worst value, which is every one but `absolute_ml`, requires the
    task to declare one.
    Source: Mendrik et al., Computational Intelligence and Neuroscience (2015) 813696, AVD;
    Maier-Hein et al., Metrics Reloaded, Nature Methods 21 (2024), `avdr`. Checked against MedPy's
    `ravd`.

    >>> from proctor_metrics import MaskCase
    >>> predicted, true = np.array([[1, 1, 1]]), np.array([[0, 1, 1]])
    >>> metric = VolumeError(declared_worst=100.0)
    >>> metric.per_item(MaskCase("a", predicted, true, (1.0, 1.0), {1: "lesion"})).values
    array([[50.]])
    """

    name = "volume_error"
    direction = Direction.LOWER

    form: VolumeForm = VolumeForm.ABSOLUTE_PERCENT

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `form`.

        Raises:
            MetricParameterError: an unknown form, or one without any worst value.
        """
        metric = cls(
            form=parameters.choice("form", VolumeForm.ABSOLUTE_PERCENT),
            declared_worst=parameters.worst(),
        )
        if metric.form is not VolumeForm.ABSOLUTE_ML and metric.declared_worst is None:
            what = "a percentage" if metric.form in _PERCENT else f"{metric.form}"
            raise parameters.error(
                "worst",
                f"{what} has no natural worst value; declare `worst` on the metric, above "
                "any answer that should beat a missing one (an empty prediction scores "
                f"{metric._value_of_nothing})",
            )
        return metric

    @property
    def unit(self) -> str:
        """Return the unit of the form."""
        if self.form in _PERCENT:
            return "%"
        return "ml" if self.form in _ML else ""

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return f"volume_error.v1;form={self.form};edge=v1"

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for empty masks."""
        both = "A structure that is empty in prediction and reference scores 0 and is flagged."
        if self.form in _ML:
            return (both,)
        worst = "" if self.declared_worst is None else f", {number_text(self.declared_worst)}"
        return (
            both,
            "A structure that is in the prediction alone takes the worst value"
            f"{worst}, and is flagged.",
        )

    @property
    def _value_of_nothing(self) -> str:
        size = "100" if self.form in _PERCENT else "1" if self.form not in _ML else "its volume"
        return f"-{size}" if self.form in _SIGNED and self.form not in _ML else size

    def can_rank(self, label: str) -> bool:
        """Tell whether the form has no sign."""
        return self.form not in _SIGNED

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return the volume of the image in ml; every other form has a declared one."""
        return prod(reference_shape) * prod(spacing_mm) / _MM3_PER_ML

    def per_item(self, case: Case) -> ItemScores:
        """Score every structure of the case."""
        mask = mask_case(self, case)
        difference = mask.counts.prediction - mask.counts.reference
        if self.form not in _SIGNED:
            difference = np.abs(difference)
        if self.form in _ML:
            values = np.asarray(difference * prod(mask.spacing_mm) / _MM3_PER_ML)
        else:
            scale = 100.0 if self.form in _PERCENT else 1.0
            values = np.where(
                Empties.of(mask.counts).reference,
                self.worst(mask.reference.shape, mask.spacing_mm),
                scale * difference / np.maximum(mask.counts.reference, 1),
            )
        return self._scores(mask, values)
