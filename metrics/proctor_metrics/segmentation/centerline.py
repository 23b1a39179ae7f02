"""Overlap of each mask with the other's centerline: a Dice for vessels, nerves and roads.

A thin branch counts by its length and not by its volume, so that a broken connection shows.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Self

import numpy as np

from proctor_metrics.cases import BoolArray, FloatArray, MaskCase
from proctor_metrics.parameters import Parameters
from proctor_metrics.segmentation.overlap_metric import OverlapMetric, OverlapRules
from proctor_metrics.segmentation.structure_metric import cropped


@dataclass(frozen=True)
class CenterlineDice(OverlapMetric):
    """Centerline Dice (clDice) of each structure: 2 T S / (T + S).

    T, the topology precision, is the share of the prediction's skeleton that lies in the
    reference; S, the topology sensitivity, the share of the reference's skeleton that lies in
    the prediction. Skeletons by scikit-image: Zhang's thinning in 2-D, Lee's in 3-D, voxel by
    voxel, whatever the spacing. A few small objects thin to nothing in 3-D; such a mask is its
    own skeleton.
    Values: float64 of shape (n_structures, 1), in [0, 1], no unit, higher is better.
    Both empty: 1, or left out (NaN), and flag `both_empty`. Prediction empty: 0. Reference
    empty: 0, or left out. NaN cannot occur otherwise.
    Source: Shit et al., CVPR (2021) 16560; Maier-Hein et al., Metrics Reloaded, Nature Methods
    21 (2024), `cldice`. Checked by hand on lines and bars.

    >>> from proctor_metrics import MaskCase
    >>> predicted, true = np.array([[1, 1, 0, 0]]), np.array([[1, 1, 1, 1]])
    >>> case = MaskCase("a", predicted, true, (1.0, 1.0), {1: "vessel"})
    >>> CenterlineDice().per_item(case).values.round(6)
    array([[0.666667]])
    """

    name = "cldice"

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `both_empty` and `reference_empty`.

        Raises:
            MetricParameterError: scikit-image, which finds the skeletons, is not installed.
        """
        if find_spec("skimage") is None:
            raise parameters.error("name", "needs scikit-image; `pip install scikit-image`")
        return cls(rules=OverlapRules.read(parameters), declared_worst=parameters.worst())

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return f"cldice.skimage.v1;{self._edge}"

    def _shares(self, mask: MaskCase) -> FloatArray:
        shares = np.zeros(len(mask.structures))
        for index, predicted, true in cropped(mask):
            if mask.turned:  # Thinning goes by the order of the axes.
                predicted, true = predicted.T, true.T
            precision = _share_inside(_skeleton(predicted), true)
            sensitivity = _share_inside(_skeleton(true), predicted)
            if precision + sensitivity > 0:
                shares[index] = 2 * precision * sensitivity / (precision + sensitivity)
        return shares


def _share_inside(skeleton: BoolArray, mask: BoolArray) -> float:
    return np.count_nonzero(skeleton & mask) / np.count_nonzero(skeleton)


def _skeleton(mask: BoolArray) -> BoolArray:
    # Importing it takes longer than most cases, so only who asks for it waits.
    from skimage.morphology import skeletonize

    found: BoolArray = skeletonize(np.ascontiguousarray(mask)).astype(np.bool_)  # type: ignore[no-untyped-call]
    return found if found.any() else mask
