"""Share of two surfaces that lies close enough to the other: the normalized surface distance.

How close is enough is clinical knowledge: the distance at which two experts differ, organ by
organ. So the tolerance has no default and may be one for each structure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote

import numpy as np

from proctor_metrics.cases import (
    Case,
    DirectedDistances,
    FloatArray,
    MaskCase,
    MetricInputError,
    Side,
    SurfaceDefinition,
)
from proctor_metrics.metric import mask_case, number_text
from proctor_metrics.parameters import Parameters
from proctor_metrics.segmentation.overlap_metric import OverlapMetric, OverlapRules

_ROUNDING = 1e-12


@dataclass(frozen=True)
class NormalizedSurfaceDistance(OverlapMetric):
    """Normalized surface distance, or surface Dice: the share of both surfaces within tolerance.

    (|Sp within t of Sr| + |Sr within t of Sp|) / (|Sp| + |Sr|), where Sp and Sr are the surfaces
    of prediction and reference and within means at most `tolerance_mm` (t) away, which is one
    number of mm or one for each label or region by its name. A distance that is larger than t by
    rounding alone (1e-12 of it) is within.
    `surfel`: surface elements on the dual grid, measured by their area. `voxel6`: voxels with a
    background face neighbor, by their number (MetricsReloaded, MONAI). `itk-6-26`: as `voxel6`,
    but towards the voxels of the other mask that have a background neighbor by face, edge or
    corner.
    Values: float64 of shape (n_structures, 1), in [0, 1], no unit, higher is better.
    Both empty: 1, or left out (NaN), and flag `both_empty`. Prediction empty: 0. Reference
    empty: 0, or left out. NaN cannot occur otherwise.
    Source: Nikolov et al., J. Med. Internet Res. 23 (2021) e26151; Maier-Hein et al., Metrics
    Reloaded, Nature Methods 21 (2024), `nsd`. Checked against surface-distance (`surfel`) and
    SciPy's distance transform (`voxel6`).

    >>> from proctor_metrics import MaskCase
    >>> predicted, true = np.array([[1, 0, 0, 1]]), np.array([[1, 0, 0, 0]])
    >>> case = MaskCase("a", predicted, true, (1.0, 2.0), {1: "lesion"})
    >>> NormalizedSurfaceDistance(2.0, surface=SurfaceDefinition.VOXEL6).per_item(case).values
    array([[0.66666667]])
    """

    name = "nsd"
    aliases = ("surface_dice",)

    tolerance_mm: float | tuple[tuple[str, float], ...]
    surface: SurfaceDefinition = SurfaceDefinition.SURFEL

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `tolerance_mm`, `definition`, `both_empty` and `reference_empty`."""
        tolerance = parameters.number_or_by_name("tolerance_mm", at_least=0.0)
        return cls(
            tuple(sorted(tolerance.items())) if isinstance(tolerance, Mapping) else tolerance,
            surface=parameters.choice("definition", SurfaceDefinition.SURFEL),
            rules=OverlapRules.read(parameters),
            declared_worst=parameters.worst(),
        )

    @property
    def definition(self) -> str:
        """Return the definition id."""
        if isinstance(self.tolerance_mm, tuple):
            pairs = ((quote(name), number_text(mm)) for name, mm in self.tolerance_mm)
            text = ",".join(f"{name}:{mm}" for name, mm in pairs)
        else:
            text = number_text(self.tolerance_mm)
        return f"nsd.{self.surface}.v1;tolerance_mm={text};{self._edge}"

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the names of the mask's structures, each of which has a tolerance."""
        mask = mask_case(self, case)
        self._tolerances(mask)
        return mask.label_names

    def _tolerances(self, mask: MaskCase) -> list[float]:
        if not isinstance(self.tolerance_mm, tuple):
            return [self.tolerance_mm] * len(mask.structures)
        by_name = dict(self.tolerance_mm)
        if set(by_name) != set(mask.label_names):
            raise MetricInputError(
                mask.case,
                Side.TASK,
                f"tolerance_mm is given for {sorted(by_name)}, scored are {list(mask.label_names)}",
                "every structure that is scored must have a tolerance, and no other",
            )
        return [by_name[name] for name in mask.label_names]

    def _shares(self, mask: MaskCase) -> FloatArray:
        pairs = mask.surfaces(self.surface)
        shares = np.zeros(len(mask.structures))
        for index, (pair, tolerance) in enumerate(zip(pairs, self._tolerances(mask), strict=True)):
            if pair is not None:
                both = pair.to_reference, pair.to_prediction
                near = sum(self._within(directed, tolerance) for directed in both)
                shares[index] = near / sum(float(each.weights.sum()) for each in both)
        return shares

    def _within(self, directed: DirectedDistances, tolerance_mm: float) -> float:
        near = directed.distances_mm <= tolerance_mm * (1 + _ROUNDING)
        # Where all of it is near, the sum has the order of the whole, so that the share is 1.
        return float(directed.weights.sum() if near.all() else directed.weights[near].sum())
