"""Overlap of a label's voxels in prediction and reference.

Counts are exact integers; one division at the end is the only rounding.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from proctor_metrics.cases import Case
from proctor_metrics.metric import CaseType, Direction, ItemScores, PerItemMetric, mask_case
from proctor_metrics.parameters import Parameters


@dataclass(frozen=True)
class Dice(PerItemMetric):
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
    direction = Direction.HIGHER
    case_type = CaseType.MASK

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read the parameters: there are none."""
        return cls(declared_worst=parameters.worst())

    @property
    def unit(self) -> str:
        """Return no unit."""
        return ""

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return "dsc.v1;edge=v1"

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
        counts = mask.counts
        total = counts.prediction + counts.reference
        both_empty = total == 0
        values = np.where(both_empty, 1.0, 2 * counts.overlap / np.maximum(total, 1))
        return ItemScores(
            mask.label_names, values[:, np.newaxis], {"both_empty": both_empty[:, np.newaxis]}
        )
