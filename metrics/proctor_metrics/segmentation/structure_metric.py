"""What all metrics of masks share: a value for each structure, and flags for the empty ones."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import BoolArray, Case, FloatArray, LabelCounts, MaskCase
from proctor_metrics.metric import CaseType, ItemScores, PerItemMetric, mask_case

LEFT_OUT = "nan"


@dataclass(frozen=True)
class Empties:
    """Which structures are empty: booleans of shape (n_structures,), never two at once."""

    both: BoolArray
    prediction: BoolArray
    reference: BoolArray

    @classmethod
    def of(cls, counts: LabelCounts) -> "Empties":
        """Tell the structures apart by their voxel counts."""
        prediction, reference = counts.prediction == 0, counts.reference == 0
        return cls(prediction & reference, prediction & ~reference, reference & ~prediction)


@dataclass(frozen=True)
class VoxelConfusion:
    """Voxels of each structure by what they are, and what they are taken for.

    int64 of shape (n_structures,): the structure in both, in the prediction only, in the
    reference only, in neither. They add up to the voxels of the image.
    """

    true_positive: npt.NDArray[np.int64]
    false_positive: npt.NDArray[np.int64]
    false_negative: npt.NDArray[np.int64]
    true_negative: npt.NDArray[np.int64]

    @classmethod
    def of(cls, mask: MaskCase) -> "VoxelConfusion":
        """Count them for each structure of a case."""
        counts = mask.counts
        either = counts.prediction + counts.reference - counts.overlap
        return cls(
            counts.overlap,
            counts.prediction - counts.overlap,
            counts.reference - counts.overlap,
            mask.reference.size - either,
        )


class StructureMetric(PerItemMetric):
    """A metric that gives each label or region of a mask one value."""

    case_type = CaseType.MASK

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the names of the mask's structures."""
        return mask_case(self, case).label_names

    def _scores(self, mask: MaskCase, values: FloatArray) -> ItemScores:
        """Put values of shape (n_structures,) and the flags of empty structures together."""
        empties = Empties.of(mask.counts)
        flags = {
            "both_empty": empties.both,
            "prediction_empty": empties.prediction,
            "reference_empty": empties.reference,
            "undefined": np.isnan(values),
        }
        return ItemScores(
            mask.label_names,
            values[:, np.newaxis],
            {name: flag[:, np.newaxis] for name, flag in flags.items()},
        )


def cropped(mask: MaskCase) -> Iterator[tuple[int, BoolArray, BoolArray]]:
    """Yield the place, prediction and reference of each structure that both hold, in its box."""
    there = (mask.counts.prediction > 0) & (mask.counts.reference > 0)
    for index, (structure, box) in enumerate(zip(mask.structures, mask.extents, strict=True)):
        if there[index] and box is not None:
            yield index, structure.mask(mask.prediction[box]), structure.mask(mask.reference[box])


def edge_text(**rules: StrEnum) -> str:
    """Return how the rules of a definition id that are not the usual ones are written.

    Each rule's usual value is the first of its enumeration.

    >>> class Rule(StrEnum):
    ...     ONE = "1"
    ...     LEFT_OUT = "nan"
    >>> edge_text(both_empty=Rule.ONE), edge_text(both_empty=Rule.LEFT_OUT)
    ('edge=v1', 'edge=v1;both_empty=nan')
    """
    unusual = [
        f"{name}={rule}" for name, rule in rules.items() if rule is not next(iter(type(rule)))
    ]
    return ";".join(["edge=v1", *unusual])
