"""Agreement of a structure's voxels beyond chance: Cohen's kappa and Matthews' correlation.

Products of voxel counts leave the range of 64 bits for a volume of ordinary size, so they are
made of Python's integers; the one division at the end is the only rounding.
"""

from abc import abstractmethod
from dataclasses import dataclass
from math import copysign, sqrt

import numpy as np

from proctor_metrics.cases import Case
from proctor_metrics.metric import ItemScores, mask_case
from proctor_metrics.segmentation.structure_metric import VoxelConfusion
from proctor_metrics.segmentation.undefined import PartlyUndefined


@dataclass(frozen=True)
class VoxelAgreement(PartlyUndefined):
    """Agreement beyond chance of each structure, with the rule for 0/0."""

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for masks that are empty or fill the image."""
        return (
            self._rule("is empty, or fills the image, on both sides alike"),
            "A structure that is empty, or fills the image, on one side alone scores 0.",
        )

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return -1, the value of complete disagreement."""
        return -1.0

    def per_item(self, case: Case) -> ItemScores:
        """Score every structure of the case."""
        mask = mask_case(self, case)
        voxels = VoxelConfusion.of(mask)
        rows = zip(
            voxels.true_positive.tolist(),
            voxels.false_positive.tolist(),
            voxels.false_negative.tolist(),
            voxels.true_negative.tolist(),
            strict=True,
        )
        return self._scores(mask, np.array([self._value(*row) for row in rows]))

    def _value(self, tp: int, fp: int, fn: int, tn: int) -> float:
        everything = tp + fp + fn + tn
        if everything in (tp, tn):
            return float(self.undefined)
        if 0 in (tp + fp, tp + fn, tn + fp, tn + fn):
            return 0.0
        return self._beyond_chance(tp, fp, fn, tn)

    @abstractmethod
    def _beyond_chance(self, tp: int, fp: int, fn: int, tn: int) -> float:
        """Return the agreement where both sides hold the structure and background."""


@dataclass(frozen=True)
class VoxelKappa(VoxelAgreement):
    """Cohen's kappa of each structure's voxels: (po - pe) / (1 - pe).

    With po the share of voxels on which both agree and pe the share expected by chance; in
    counts 2 (TP TN - FP FN) / ((TP + FP)(FP + TN) + (TP + FN)(FN + TN)).
    Values: float64 of shape (n_structures, 1), in [-1, 1], no unit, higher is better; 0 is
    chance. It grows with the background that the image shows.
    Empty, or filling the image, on both sides: undefined, so left out (NaN), or 0 or 1 as
    `undefined` says. On one side: 0.
    Source: Cohen, Educational and Psychological Measurement 20 (1960) 37; Maier-Hein et al.,
    Metrics Reloaded, Nature Methods 21 (2024), `cohens_kappa`. Checked against scikit-learn.

    >>> from proctor_metrics import MaskCase
    >>> predicted, true = np.array([[1, 1, 0, 0]]), np.array([[1, 0, 0, 0]])
    >>> VoxelKappa().per_item(MaskCase("a", predicted, true, (1.0, 1.0), {1: "lesion"})).values
    array([[0.5]])
    """

    name = "voxel_kappa"

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return f"voxel_kappa.v1;{self._edge}"

    def _beyond_chance(self, tp: int, fp: int, fn: int, tn: int) -> float:
        chance = (tp + fp) * (fp + tn) + (tp + fn) * (fn + tn)
        return 2 * (tp * tn - fp * fn) / chance


@dataclass(frozen=True)
class VoxelMatthewsCorrelation(VoxelAgreement):
    """Matthews correlation coefficient of each structure's voxels.

    (TP TN - FP FN) / sqrt((TP + FP)(TP + FN)(TN + FP)(TN + FN)): the correlation of the two
    masks.
    Values: float64 of shape (n_structures, 1), in [-1, 1], no unit, higher is better; 0 is
    chance.
    Empty, or filling the image, on both sides: undefined, so left out (NaN), or 0 or 1 as
    `undefined` says. On one side: 0.
    Source: Matthews, Biochimica et Biophysica Acta 405 (1975) 442; Maier-Hein et al., Metrics
    Reloaded, Nature Methods 21 (2024), `mcc`. Checked against scikit-learn.

    >>> from proctor_metrics import MaskCase
    >>> predicted, true = np.array([[1, 1, 0, 0]]), np.array([[1, 0, 0, 0]])
    >>> case = MaskCase("a", predicted, true, (1.0, 1.0), {1: "lesion"})
    >>> VoxelMatthewsCorrelation().per_item(case).values.round(6)
    array([[0.57735]])
    """

    name = "voxel_mcc"

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return f"voxel_mcc.v1;{self._edge}"

    def _beyond_chance(self, tp: int, fp: int, fn: int, tn: int) -> float:
        difference = tp * tn - fp * fn
        # Squared, so that one exact quotient is rounded once and a perfect mask has exactly 1.
        square = difference**2 / ((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
        return copysign(sqrt(square), difference)
