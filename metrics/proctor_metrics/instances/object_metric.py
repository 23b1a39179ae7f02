"""What metrics of objects share: their counts in each class of a case, and the rules told of them.

A metric of each case takes maps of objects, and masks, which it cuts into connected components. A
metric of a whole set takes maps alone: it has to know which case was never answered.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import (
    BoolArray,
    Case,
    FloatArray,
    InstanceCase,
    MaskCase,
    MetricInputError,
    Side,
)
from proctor_metrics.instances.objects import Components, objects_of
from proctor_metrics.instances.pairing import HALF_IOU, ObjectRule, tally
from proctor_metrics.metric import (
    CaseType,
    Direction,
    ItemScores,
    Metric,
    PerItemMetric,
    PooledMetric,
)

_TOUCHING = {
    Components.FACES: "by a face",
    Components.FACES_EDGES: "by face or edge",
    Components.FACES_EDGES_CORNERS: "by face, edge or corner",
}


class Counts(NamedTuple):
    """Objects of each class: float64 of shape (n, n_classes), whole numbers but the last."""

    paired: FloatArray
    wrong: FloatArray
    overlooked: FloatArray
    iou_sum: FloatArray


@dataclass(frozen=True)
class ObjectMetric(Metric):
    """A share of objects, without a unit, better the higher; 0 is its worst."""

    direction = Direction.HIGHER

    rule: ObjectRule = HALF_IOU

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return 0."""
        return 0.0

    @abstractmethod
    def _score(self, counts: Counts) -> FloatArray:
        """Return float64 of shape (n, n_classes); NaN where there is no object at all."""


@dataclass(frozen=True)
class ItemObjectMetric(ObjectMetric, PerItemMetric):
    """A metric of the objects of each case."""

    case_type = CaseType.OBJECTS

    components: Components = Components.FACES_EDGES_CORNERS

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for pairs, components and empties."""
        return (
            self.rule.sentence,
            component_rule(self.components),
            "A class without an object in prediction and reference scores 1 and is flagged.",
            "A class with objects in only one of them scores 0 and is flagged.",
        )

    @property
    def _shared_text(self) -> str:
        return f"{self.rule.text};components={self.components}"

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the names of the classes, or of a mask's structures."""
        return object_case(self, case).label_names

    def per_item(self, case: Case) -> ItemScores:
        """Score every class of the case."""
        counts = counts_of(object_case(self, case), self.rule, self.components)
        scores = self._score(counts)[0]
        return ItemScores(
            self.labels(case),
            np.where(np.isnan(scores), 1.0, scores)[:, np.newaxis],
            empty_flags(counts),
        )


@dataclass(frozen=True)
class PooledObjectMetric(ObjectMetric, PooledMetric):
    """A metric of the objects of all cases together."""

    case_type = CaseType.INSTANCES

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for pairs, absent classes and missing cases."""
        return (
            self.rule.sentence,
            "Undefined (NaN) for a class without an object in prediction and reference.",
            "In a missing case each object is overlooked, and one is wrong for each; in one"
            " without objects one of each class is wrong.",
        )

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the names of the classes."""
        return instance_case(self, case).label_names

    def compact(self, case: Case) -> Case:
        """Pair the objects of a case, once for all that is asked of it later."""
        self._case_counts(instance_case(self, case))
        return case

    def replicates(self, cases: Sequence[Case], weights: npt.NDArray[np.integer]) -> FloatArray:
        """Score each weighted resample of all cases; see `PooledMetric.replicates`.

        Raises:
            MetricInputError: a case holds no maps of objects.
            ValueError: there are no cases, or the weights do not fit them.
        """
        if not cases or weights.ndim != 2 or weights.shape[1] != len(cases):
            raise ValueError(f"weights of shape {weights.shape} do not fit {len(cases)} cases")
        each = [self._case_counts(instance_case(self, case)) for case in cases]
        drawn = weights.astype(np.float64)
        sums = (drawn @ np.concatenate(parts) for parts in zip(*each, strict=True))
        return np.ascontiguousarray(self._score(Counts(*sums)).T)

    def _case_counts(self, case: InstanceCase) -> Counts:
        return case.once(("counts", self.rule), lambda: self._counted(case))

    def _counted(self, case: InstanceCase) -> Counts:
        counts = counts_of(case, self.rule, Components.FACES_EDGES_CORNERS)
        if not case.lost:
            return counts
        there = counts.overlooked
        return counts._replace(wrong=there if there.any() else np.ones(there.shape))


def object_case(metric: Metric, case: Case) -> MaskCase | InstanceCase:
    """Return the case as one of objects.

    Raises:
        MetricInputError: it is another kind of case.
    """
    if isinstance(case, MaskCase | InstanceCase):
        return case
    raise MetricInputError(
        case.case,
        Side.TASK,
        "the case holds neither objects nor masks",
        f"{metric.name} is computed from them",
    )


def instance_case(metric: Metric, case: Case) -> InstanceCase:
    """Return the case as one of maps of objects.

    Raises:
        MetricInputError: it is another kind of case.
    """
    if isinstance(case, InstanceCase):
        return case
    raise MetricInputError(
        case.case,
        Side.TASK,
        "the case holds no maps of objects",
        f"{metric.name} is computed from them",
    )


def component_rule(components: Components) -> str:
    """Return the sentence about what an object of a mask is."""
    return f"Voxels of a mask that touch {_TOUCHING[components]} are one object."


def empty_flags(counts: Counts) -> dict[str, BoolArray]:
    """Return the flags of empty classes, of shape (n_classes, n)."""
    found = (counts.paired + counts.wrong > 0).T
    there = (counts.paired + counts.overlooked > 0).T
    return {
        "both_empty": ~found & ~there,
        "prediction_empty": ~found & there,
        "reference_empty": found & ~there,
    }


def counts_of(case: MaskCase | InstanceCase, rule: ObjectRule, components: Components) -> Counts:
    """Count the objects of each class of one case, in arrays of shape (1, n_classes)."""
    found = [tally(objects, rule) for objects in objects_of(case, components)]
    columns = np.array(found, dtype=np.float64).reshape(len(found), 4).T
    return Counts(*(column[np.newaxis, :] for column in columns))
