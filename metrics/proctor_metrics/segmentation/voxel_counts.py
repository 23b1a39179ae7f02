"""Numbers of voxels of a structure: what every overlap is made of, for whoever wants to see it."""

from dataclasses import dataclass
from enum import StrEnum
from math import prod
from typing import Self, assert_never

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import Case, MaskCase
from proctor_metrics.metric import Direction, ItemScores, mask_case
from proctor_metrics.parameters import Parameters
from proctor_metrics.segmentation.structure_metric import StructureMetric, VoxelConfusion


class Counted(StrEnum):
    """Which voxels are counted."""

    FALSE_POSITIVE = "false_positive"
    FALSE_NEGATIVE = "false_negative"
    TRUE_POSITIVE = "true_positive"
    PREDICTION = "prediction"
    REFERENCE = "reference"


@dataclass(frozen=True)
class VoxelCount(StructureMetric):
    """Number of voxels of each structure that are `of` one kind.

    `false_positive`: in the prediction alone. `false_negative`: in the reference alone.
    `true_positive`: in both. `prediction`, `reference`: in that. The first two are mistakes, of
    which fewer are better; nothing is ranked by the others.
    Values: float64 of shape (n_structures, 1), whole numbers from 0, in voxels.
    Empty masks: the number, which may be 0, and the flag. NaN cannot occur. Worst value: the
    number of voxels of the image.
    Source: Maier-Hein et al., Metrics Reloaded, Nature Methods 21 (2024), `numb_fp` and so on.

    >>> from proctor_metrics import MaskCase
    >>> predicted, true = np.array([[1, 1, 1]]), np.array([[0, 1, 0]])
    >>> VoxelCount().per_item(MaskCase("a", predicted, true, (1.0, 1.0), {1: "lesion"})).values
    array([[2.]])
    """

    name = "voxel_count"
    direction = Direction.LOWER

    of: Counted = Counted.FALSE_POSITIVE

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `of`."""
        return cls(
            of=parameters.choice("of", Counted.FALSE_POSITIVE), declared_worst=parameters.worst()
        )

    @property
    def unit(self) -> str:
        """Return voxels."""
        return "voxels"

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return f"voxel_count.v1;of={self.of};edge=v1"

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rule for empty masks."""
        return ("Voxels of an empty structure are counted as of any other, and it is flagged.",)

    def can_rank(self, label: str) -> bool:
        """Tell whether the voxels are mistakes."""
        return self.of in (Counted.FALSE_POSITIVE, Counted.FALSE_NEGATIVE)

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return the number of voxels of the image."""
        return float(prod(reference_shape))

    def per_item(self, case: Case) -> ItemScores:
        """Count in every structure of the case."""
        mask = mask_case(self, case)
        return self._scores(mask, self._counted(mask).astype(np.float64))

    def _counted(self, mask: MaskCase) -> npt.NDArray[np.int64]:
        voxels = VoxelConfusion.of(mask)
        match self.of:
            case Counted.FALSE_POSITIVE:
                return voxels.false_positive
            case Counted.FALSE_NEGATIVE:
                return voxels.false_negative
            case Counted.TRUE_POSITIVE:
                return voxels.true_positive
            case Counted.PREDICTION:
                return mask.counts.prediction
            case Counted.REFERENCE:
                return mask.counts.reference
            case _ as unreachable:
                assert_never(unreachable)
