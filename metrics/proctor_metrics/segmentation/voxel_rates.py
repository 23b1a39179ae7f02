"""Rates of a structure's voxels: how many are found, and how many of those found are right.

Each looks at one kind of mistake and can be made perfect at the price of the other: they go
beside an overlap, or in pairs. Specificity and NPV also depend on how much background an image
shows, so they compare submissions on one data set and nothing else.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import Case
from proctor_metrics.metric import ItemScores, mask_case
from proctor_metrics.segmentation.structure_metric import VoxelConfusion
from proctor_metrics.segmentation.undefined import PartlyUndefined


class _Rate(NamedTuple):
    """Right voxels of those that are asked about; int64 of shape (n_structures,) each.

    Attributes:
        nothing: booleans: not even the other side has anything to ask about.
    """

    right: npt.NDArray[np.int64]
    asked: npt.NDArray[np.int64]
    nothing: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class VoxelRate(PartlyUndefined):
    """A rate of voxels of each structure, with the rule for 0/0."""

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return 0."""
        return 0.0

    def per_item(self, case: Case) -> ItemScores:
        """Score every structure of the case."""
        mask = mask_case(self, case)
        rate = self._rate(VoxelConfusion.of(mask))
        values = np.where(
            rate.nothing, float(self.undefined), rate.right / np.maximum(rate.asked, 1)
        )
        return self._scores(mask, values)

    @abstractmethod
    def _rate(self, voxels: VoxelConfusion) -> _Rate:
        """Return the counts of the rate."""


@dataclass(frozen=True)
class VoxelSensitivity(VoxelRate):
    """Share of the reference's voxels that are found: TP / (TP + FN), of each structure.

    Values: float64 of shape (n_structures, 1), in [0, 1], no unit, higher is better. Also
    called recall and true positive rate.
    Prediction empty: 0. Reference empty: undefined, so left out (NaN), or 0 or 1 as `undefined`
    says; flags `both_empty` or `reference_empty`.
    Source: Yerushalmy, Public Health Reports 62 (1947) 1432; Maier-Hein et al., Metrics
    Reloaded, Nature Methods 21 (2024), `sensitivity`. Checked against scikit-learn.

    >>> from proctor_metrics import MaskCase
    >>> predicted, true = np.array([[1, 0, 1, 0]]), np.array([[1, 1, 0, 0]])
    >>> case = MaskCase("a", predicted, true, (1.0, 1.0), {1: "lesion", 2: "other"})
    >>> VoxelSensitivity().per_item(case).values.ravel()
    array([0.5, nan])
    """

    name = "voxel_sensitivity"
    aliases = ("sensitivity", "voxel_recall")

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return f"voxel_sensitivity.v1;{self._edge}"

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rule for an empty reference."""
        return (self._rule("the reference does not hold"),)

    def _rate(self, voxels: VoxelConfusion) -> _Rate:
        asked = voxels.true_positive + voxels.false_negative
        return _Rate(voxels.true_positive, asked, asked == 0)


@dataclass(frozen=True)
class VoxelSpecificity(VoxelRate):
    """Share of the voxels outside the reference that are left alone: TN / (TN + FP).

    Values: float64 of shape (n_structures, 1), in [0, 1], no unit, higher is better. It grows
    with the background that the image shows.
    Reference empty: the formula. Reference fills the image: undefined, so left out (NaN), or 0
    or 1 as `undefined` says, and flag `undefined` where it is left out.
    Source: Yerushalmy, Public Health Reports 62 (1947) 1432; Maier-Hein et al., Metrics
    Reloaded, Nature Methods 21 (2024), `specificity`. Checked against scikit-learn.

    >>> from proctor_metrics import MaskCase
    >>> predicted, true = np.array([[1, 0, 1, 0]]), np.array([[1, 1, 0, 0]])
    >>> VoxelSpecificity().per_item(MaskCase("a", predicted, true, (1.0, 1.0), {1: "x"})).values
    array([[0.5]])
    """

    name = "voxel_specificity"

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return f"voxel_specificity.v1;{self._edge}"

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rule for a reference without background."""
        return (self._rule("fills the whole reference"),)

    def _rate(self, voxels: VoxelConfusion) -> _Rate:
        asked = voxels.true_negative + voxels.false_positive
        return _Rate(voxels.true_negative, asked, asked == 0)


@dataclass(frozen=True)
class VoxelPrecision(VoxelRate):
    """Share of the predicted voxels that are right: TP / (TP + FP), of each structure.

    Values: float64 of shape (n_structures, 1), in [0, 1], no unit, higher is better. Also
    called positive predictive value.
    Prediction empty, reference not: 0. Reference empty, prediction not: the formula, 0. Both
    empty: undefined, so left out (NaN), or 0 or 1 as `undefined` says, and flag `both_empty`.
    Source: Fletcher and Fletcher, Clinical Epidemiology (2005) 45; Maier-Hein et al., Metrics
    Reloaded, Nature Methods 21 (2024), `ppv`. Checked against scikit-learn.

    >>> from proctor_metrics import MaskCase
    >>> predicted, true = np.array([[1, 0, 1, 1]]), np.array([[1, 1, 0, 1]])
    >>> case = MaskCase("a", predicted, true, (1.0, 1.0), {1: "lesion"})
    >>> VoxelPrecision().per_item(case).values.round(6)
    array([[0.666667]])
    """

    name = "voxel_precision"
    aliases = ("ppv",)

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return f"voxel_ppv.v1;{self._edge}"

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for empty masks."""
        return (
            self._rule("is empty in prediction and reference"),
            "A structure that is in the reference alone scores 0.",
        )

    def _rate(self, voxels: VoxelConfusion) -> _Rate:
        asked = voxels.true_positive + voxels.false_positive
        return _Rate(voxels.true_positive, asked, asked + voxels.false_negative == 0)


@dataclass(frozen=True)
class VoxelNegativePredictiveValue(VoxelRate):
    """Share of the voxels left alone that are rightly so: TN / (TN + FN), of each structure.

    Values: float64 of shape (n_structures, 1), in [0, 1], no unit, higher is better. It grows
    with the background that the image shows.
    Prediction fills the image, reference does not: 0. Both fill it: undefined, so left out
    (NaN), or 0 or 1 as `undefined` says, and flag `undefined` where it is left out.
    Source: Fletcher and Fletcher, Clinical Epidemiology (2005) 45; Maier-Hein et al., Metrics
    Reloaded, Nature Methods 21 (2024), `npv`. Checked against scikit-learn.

    >>> from proctor_metrics import MaskCase
    >>> predicted, true = np.array([[1, 0, 0, 0]]), np.array([[1, 1, 0, 0]])
    >>> case = MaskCase("a", predicted, true, (1.0, 1.0), {1: "lesion"})
    >>> VoxelNegativePredictiveValue().per_item(case).values.round(6)
    array([[0.666667]])
    """

    name = "voxel_npv"

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return f"voxel_npv.v1;{self._edge}"

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for masks without background."""
        return (
            self._rule("fills prediction and reference"),
            "A structure that fills the prediction alone scores 0.",
        )

    def _rate(self, voxels: VoxelConfusion) -> _Rate:
        asked = voxels.true_negative + voxels.false_negative
        return _Rate(voxels.true_negative, asked, asked + voxels.false_positive == 0)
