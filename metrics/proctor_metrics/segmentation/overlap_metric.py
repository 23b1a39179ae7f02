"""What all shares of agreement have in common: the range, and the rules for empty masks."""

from abc import abstractmethod
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from proctor_metrics.cases import Case, FloatArray, MaskCase
from proctor_metrics.metric import Direction, ItemScores, mask_case
from proctor_metrics.parameters import Parameters
from proctor_metrics.segmentation.structure_metric import (
    LEFT_OUT,
    Empties,
    StructureMetric,
    edge_text,
)


class BothEmpty(StrEnum):
    """What a structure that nobody has found where there is none counts."""

    ONE = "1"
    LEFT_OUT = LEFT_OUT


class ReferenceEmpty(StrEnum):
    """What a structure that is only in the prediction counts."""

    ZERO = "0"
    LEFT_OUT = LEFT_OUT


@dataclass(frozen=True)
class OverlapRules:
    """What empty structures count, fixed for a challenge."""

    both_empty: BothEmpty = BothEmpty.ONE
    reference_empty: ReferenceEmpty = ReferenceEmpty.ZERO

    @classmethod
    def read(cls, parameters: Parameters) -> "OverlapRules":
        """Read `both_empty` and `reference_empty`."""
        return cls(
            parameters.choice("both_empty", BothEmpty.ONE),
            parameters.choice("reference_empty", ReferenceEmpty.ZERO),
        )


@dataclass(frozen=True)
class OverlapMetric(StructureMetric):
    """A share of agreement of each structure, from 0 to 1, with the rules for empty masks."""

    direction = Direction.HIGHER

    rules: OverlapRules = field(default=OverlapRules(), kw_only=True)

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for empty masks."""
        both = (
            "scores 1 and is flagged"
            if self.rules.both_empty is BothEmpty.ONE
            else "is left out of the mean and flagged"
        )
        first = f"A structure that is empty in prediction and reference {both}."
        if self.rules.reference_empty is ReferenceEmpty.ZERO:
            return (first, "A structure that is empty in only one of them scores 0.")
        return (
            first,
            "A structure that is in the prediction alone is left out of the mean and flagged.",
            "A structure that is in the reference alone scores 0.",
        )

    @property
    def can_be_undefined(self) -> bool:
        """Tell whether a structure may be left out."""
        return LEFT_OUT in (self.rules.both_empty, self.rules.reference_empty)

    @property
    def _edge(self) -> str:
        rules = self.rules
        return edge_text(both_empty=rules.both_empty, reference_empty=rules.reference_empty)

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return 0, the value of no agreement."""
        return 0.0

    def per_item(self, case: Case) -> ItemScores:
        """Score every structure of the case."""
        mask = mask_case(self, case)
        empties = Empties.of(mask.counts)
        values = np.select(
            [empties.both, empties.prediction, empties.reference],
            [float(self.rules.both_empty), 0.0, float(self.rules.reference_empty)],
            self._shares(mask),
        )
        return self._scores(mask, values)

    @abstractmethod
    def _shares(self, mask: MaskCase) -> FloatArray:
        """Return the share of each structure; whatever for one that is empty on a side."""
