"""What all distances between surfaces share: the rules for empty masks, and the worst value.

Definitions of one name differ by a factor of tens on the same masks, so the definition is a
parameter and part of the definition id. The distances themselves are found once for a case and
shared by every metric that takes the same surfaces.
"""

from abc import abstractmethod
from dataclasses import dataclass, field
from enum import StrEnum
from math import hypot, nan

import numpy as np

from proctor_metrics.cases import Case, SurfaceDefinition, SurfacePair
from proctor_metrics.metric import Direction, ItemScores, mask_case, number_text
from proctor_metrics.parameters import Parameters
from proctor_metrics.segmentation.structure_metric import (
    LEFT_OUT,
    Empties,
    StructureMetric,
    edge_text,
)


class BothEmpty(StrEnum):
    """What a structure that nobody has found where there is none counts."""

    ZERO = "0"
    LEFT_OUT = LEFT_OUT


class ReferenceEmpty(StrEnum):
    """What a structure that is only in the prediction counts."""

    WORST = "worst"
    LEFT_OUT = LEFT_OUT


@dataclass(frozen=True)
class DistanceRules:
    """What empty structures count, fixed for a challenge."""

    both_empty: BothEmpty = BothEmpty.ZERO
    reference_empty: ReferenceEmpty = ReferenceEmpty.WORST

    @classmethod
    def read(cls, parameters: Parameters) -> "DistanceRules":
        """Read `both_empty` and `reference_empty`."""
        return cls(
            parameters.choice("both_empty", BothEmpty.ZERO),
            parameters.choice("reference_empty", ReferenceEmpty.WORST),
        )


@dataclass(frozen=True)
class SurfaceMetric(StructureMetric):
    """A distance between the surfaces of each structure, with the rules for empty masks."""

    direction = Direction.LOWER

    rules: DistanceRules = field(default=DistanceRules(), kw_only=True)

    @property
    def unit(self) -> str:
        """Return millimetres."""
        return "mm"

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for empty masks."""
        worst = (
            "the length of the image diagonal"
            if self.declared_worst is None
            else f"{number_text(self.declared_worst)} mm"
        )
        both = (
            "scores 0 and is flagged"
            if self.rules.both_empty is BothEmpty.ZERO
            else "is left out of the mean and flagged"
        )
        first = f"A structure that is empty in prediction and reference {both}."
        if self.rules.reference_empty is ReferenceEmpty.WORST:
            return (
                first,
                f"A structure that is empty in only one of them takes the worst value, {worst}.",
            )
        return (
            first,
            "A structure that is in the prediction alone is left out of the mean and flagged.",
            f"A structure that is in the reference alone takes the worst value, {worst}.",
        )

    @property
    def can_be_undefined(self) -> bool:
        """Tell whether a structure may be left out."""
        return LEFT_OUT in (self.rules.both_empty, self.rules.reference_empty)

    @property
    def _edge(self) -> str:
        rules = self.rules
        return edge_text(both_empty=rules.both_empty, reference_empty=rules.reference_empty)

    @property
    @abstractmethod
    def surface_definition(self) -> SurfaceDefinition:
        """Return what the surface of a mask is."""

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return the length of the image diagonal; no two surfaces are further apart."""
        edges = (n * mm for n, mm in zip(reference_shape, spacing_mm, strict=True))
        return hypot(*edges)

    def per_item(self, case: Case) -> ItemScores:
        """Score every structure of the case."""
        mask = mask_case(self, case)
        empties = Empties.of(mask.counts)
        worst = self.worst(mask.reference.shape, mask.spacing_mm)
        kept = self.rules.reference_empty is ReferenceEmpty.WORST
        values = np.select(
            [empties.both, empties.reference],
            [float(self.rules.both_empty), worst if kept else nan],
            worst,
        )
        for index, pair in enumerate(mask.surfaces(self.surface_definition)):
            if pair is not None:
                values[index] = self._distance(pair)
        return self._scores(mask, values)

    @abstractmethod
    def _distance(self, pair: SurfacePair) -> float:
        """Return the distance of a structure that is in both masks."""
