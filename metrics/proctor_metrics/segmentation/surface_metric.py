"""What all distances between surfaces share: the rules for empty masks, and the worst value.

Definitions of one name differ by a factor of tens on the same masks, so the definition is a
parameter and part of the definition id. The distances themselves are found once for a case and
shared by every metric that takes the same surfaces.
"""

from abc import abstractmethod
from math import hypot

import numpy as np

from proctor_metrics.cases import Case, SurfaceDefinition, SurfacePair
from proctor_metrics.metric import (
    CaseType,
    Direction,
    ItemScores,
    PerItemMetric,
    mask_case,
    number_text,
)


class SurfaceMetric(PerItemMetric):
    """A distance between the surfaces of each structure, with the rules for empty masks."""

    direction = Direction.LOWER
    case_type = CaseType.MASK

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
        return (
            "A structure that is empty in prediction and reference scores 0 and is flagged.",
            f"A structure that is empty in only one of them takes the worst value, {worst}.",
        )

    @property
    @abstractmethod
    def surface_definition(self) -> SurfaceDefinition:
        """Return what the surface of a mask is."""

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the names of the mask's structures."""
        return mask_case(self, case).label_names

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return the length of the image diagonal; no two surfaces are further apart."""
        edges = (n * mm for n, mm in zip(reference_shape, spacing_mm, strict=True))
        return hypot(*edges)

    def per_item(self, case: Case) -> ItemScores:
        """Score every structure of the case."""
        mask = mask_case(self, case)
        predicted_empty = mask.counts.prediction == 0
        true_empty = mask.counts.reference == 0
        worst = self.worst(mask.reference.shape, mask.spacing_mm)
        values = np.where(predicted_empty & true_empty, 0.0, worst)
        for index, pair in enumerate(mask.surfaces(self.surface_definition)):
            if pair is not None:
                values[index] = self._distance(pair)
        flags = {
            "both_empty": predicted_empty & true_empty,
            "prediction_empty": predicted_empty & ~true_empty,
            "reference_empty": true_empty & ~predicted_empty,
        }
        return ItemScores(
            mask.label_names,
            values[:, np.newaxis],
            {name: flag[:, np.newaxis] for name, flag in flags.items()},
        )

    @abstractmethod
    def _distance(self, pair: SurfacePair) -> float:
        """Return the distance of a structure that is in both masks."""
