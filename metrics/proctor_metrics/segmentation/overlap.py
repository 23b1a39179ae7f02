"""Overlap of a label's voxels in prediction and reference.

Counts are exact integers; one division at the end is the only rounding.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Self

import numpy as np

from proctor_metrics.cases import Case, FloatArray, LabelCounts
from proctor_metrics.metric import CaseType, Direction, ItemScores, PerItemMetric, mask_case
from proctor_metrics.parameters import Parameters


class OverlapMetric(PerItemMetric):
    """A ratio of voxel counts of each label, with the rules for empty masks."""

    direction = Direction.HIGHER
    case_type = CaseType.MASK

    @property
    def unit(self) -> str:
        """Return no unit."""
        return ""

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for empty masks."""
        return (
            "A label that is empty in prediction and reference scores 1 and is flagged.",
            "A label that is empty in only one of them scores 0.",
        )

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the names of the mask's labels."""
        return mask_case(self, case).label_names

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return 0, the value of no overlap."""
        return 0.0

    def per_item(self, case: Case) -> ItemScores:
        """Score every label of the case."""
        mask = mask_case(self, case)
        both_empty = mask.counts.prediction + mask.counts.reference == 0
        values = np.where(both_empty, 1.0, self._ratios(mask.counts))
        return ItemScores(
            mask.label_names, values[:, np.newaxis], {"both_empty": both_empty[:, np.newaxis]}
        )

    @abstractmethod
    def _ratios(self, counts: LabelCounts) -> FloatArray:
        """Return the ratio of each label; whatever for one that is in neither mask."""


@dataclass(frozen=True)
class Dice(OverlapMetric):
    """Dice similarity coefficient of each label: 2 |P and R| / (|P| + |R|).

    Values: float64 of shape (n_labels, 1), in [0, 1], no unit, higher is better.
    Both empty: 1 and flag `both_empty`. One empty: 0. NaN cannot occur.
    Source: Dice, Ecology 26 (1945) 297; Maier-Hein et al., Metrics Reloaded, Nature Methods
    21 (2024), `dsc`. Checked against MedPy.

    >>> from proctor_metrics import MaskCase
    >>> predicted, true = np.array([[1, 1, 0]]), np.array([[0, 1, 1]])
    >>> Dice().per_item(MaskCase("a", predicted, true, (1.0, 1.0), {1: "lesion"})).values
    array([[0.5]])
    """

    name = "dice"

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read the parameters: there are none."""
        return cls(declared_worst=parameters.worst())

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return "dsc.v1;edge=v1"

    def _ratios(self, counts: LabelCounts) -> FloatArray:
        total = counts.prediction + counts.reference
        return np.asarray(2 * counts.overlap / np.maximum(total, 1))


@dataclass(frozen=True)
class IntersectionOverUnion(OverlapMetric):
    """Intersection over union of each label: |P and R| / |P or R|, the Jaccard index.

    Values: float64 of shape (n_labels, 1), in [0, 1], no unit, higher is better. With the Dice
    coefficient D of the same label it is D / (2 - D), so both order single cases alike.
    Both empty: 1 and flag `both_empty`. One empty: 0. NaN cannot occur.
    Source: Jaccard, New Phytologist 11 (1912) 37; Maier-Hein et al., Metrics Reloaded, Nature
    Methods 21 (2024), `iou`. Checked against MedPy.

    >>> from proctor_metrics import MaskCase
    >>> predicted, true = np.array([[1, 1, 0]]), np.array([[0, 1, 1]])
    >>> case = MaskCase("a", predicted, true, (1.0, 1.0), {1: "lesion"})
    >>> IntersectionOverUnion().per_item(case).values.round(6)
    array([[0.333333]])
    """

    name = "iou"

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read the parameters: there are none."""
        return cls(declared_worst=parameters.worst())

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return "iou.v1;edge=v1"

    def _ratios(self, counts: LabelCounts) -> FloatArray:
        union = counts.prediction + counts.reference - counts.overlap
        return np.asarray(counts.overlap / np.maximum(union, 1))
