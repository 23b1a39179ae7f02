"""How well a heatmap ranks the voxels of what is marked above all others: AUROC and AP."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import BoolArray, Case, FloatArray, ImageCase, MetricInputError, Side
from proctor_metrics.images.comparison import ImageMetric, image_case
from proctor_metrics.metric import UNLABELLED, Direction, ItemScores
from proctor_metrics.parameters import Parameters


class VoxelRankingMetric(ImageMetric):
    """A number for each image by the order of its voxels alone."""

    direction = Direction.HIGHER

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for regions and for references of one kind."""
        return (
            *super().edge_rules,
            "Undefined where no voxel of the reference is marked, or all are.",
        )

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return 0, every marked voxel below all others."""
        return 0.0

    def per_item(self, case: Case) -> ItemScores:
        """Score the heatmap of the case; NaN and flagged where it is undefined.

        Raises:
            MetricInputError: the case holds no image, or a reference that is not 0 or 1.
        """
        value = self._value(image_case(self, case))
        flags = {"undefined": np.array([[True]])} if np.isnan(value) else {}
        return ItemScores(UNLABELLED, np.array([[value]], dtype=np.float64), flags)

    def _value(self, case: ImageCase) -> float:
        true = case.true
        if not np.isin(true, (0, 1)).all():
            raise MetricInputError(
                case.case,
                Side.REFERENCE,
                "the reference holds other values than 0 and 1",
                f"{self.name} needs 1 where something is, 0 elsewhere, NaN where it does not count",
            )
        marked = true == 1
        if marked.all() or not marked.any():
            return float("nan")
        return self._ranking(case.predicted, marked)

    @abstractmethod
    def _ranking(self, scores: FloatArray, marked: BoolArray) -> float:
        """Return the value of voxels some of which are marked and some not."""


@dataclass(frozen=True)
class VoxelAuroc(VoxelRankingMetric):
    """AUROC of each heatmap: how often a marked voxel is above an unmarked one, ties half.

    AUROC = (sum of ranks of marked - n1 (n1 + 1) / 2) / (n1 n0), ranks from 1, ties their mean.
    Input: finite numbers on 2 or 3 axes; the reference is 1 where something is and 0 elsewhere; a
    mask is 1 where it has any label. Values: float64 of shape (1, 1), in [0, 1], no unit, higher is
    better. Voxels where the reference is NaN do not count. Source: Fawcett, Pattern Recognit. Lett.
    27 (2006) 861. Checked against scikit-learn's `roc_auc_score`.

    >>> from proctor_metrics import ImageCase
    >>> case = ImageCase("a", np.array([[0.9, 0.4], [0.4, 0.1]]), np.array([[1, 1], [0, 0]]))
    >>> VoxelAuroc().per_item(case).values
    array([[0.875]])
    """

    name = "voxel_auroc"

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read the parameters: there are none but the worst value."""
        return cls(declared_worst=parameters.worst())

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return "voxel_auroc.v1;edge=v1"

    def _ranking(self, scores: FloatArray, marked: BoolArray) -> float:
        # Here, so that who compares images otherwise waits for no statistics.
        from scipy.stats import rankdata

        ranks: npt.NDArray[np.float64] = rankdata(scores)
        n_marked = int(marked.sum())
        above = float(ranks[marked].sum()) - n_marked * (n_marked + 1) / 2
        return above / (n_marked * (marked.size - n_marked))


@dataclass(frozen=True)
class VoxelAveragePrecision(VoxelRankingMetric):
    """Average precision of each heatmap over its voxels, for marks that are rare.

    AP = sum of (R_n - R_(n-1)) P_n over the distinct values as thresholds, highest first, without
    interpolation. Input: as for `voxel_auroc`. Values: float64 of shape (1, 1), in [0, 1], no unit,
    higher is better; by chance it is the share of marked voxels. Voxels where the reference is NaN
    do not count. Source: Davis & Goadrich, ICML (2006) 233. Checked against scikit-learn's
    `average_precision_score`.

    >>> from proctor_metrics import ImageCase
    >>> case = ImageCase("a", np.array([[0.9, 0.4], [0.4, 0.1]]), np.array([[1, 1], [0, 0]]))
    >>> VoxelAveragePrecision().per_item(case).values.round(6)
    array([[0.833333]])
    """

    name = "voxel_average_precision"

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read the parameters: there are none but the worst value."""
        return cls(declared_worst=parameters.worst())

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return "voxel_average_precision.v1;edge=v1"

    def _ranking(self, scores: FloatArray, marked: BoolArray) -> float:
        order = np.argsort(-scores, kind="stable")
        ends = np.append(np.flatnonzero(np.diff(scores[order])), scores.size - 1)
        hits = np.cumsum(marked[order])[ends]
        gained = np.diff(hits, prepend=0) / int(marked.sum())
        return float((gained * hits / (ends + 1)).sum())
