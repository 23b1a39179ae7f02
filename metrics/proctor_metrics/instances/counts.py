"""How many objects of a case are wrong, overlooked, or too many or too few in all."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from proctor_metrics.cases import Case, FloatArray
from proctor_metrics.instances.object_metric import (
    Counts,
    component_rule,
    counts_of,
    empty_flags,
    object_case,
)
from proctor_metrics.instances.objects import Components
from proctor_metrics.instances.pairing import HALF_IOU, ObjectRule
from proctor_metrics.metric import CaseType, Direction, ItemScores, PerItemMetric
from proctor_metrics.parameters import Parameters


class CountedObjects(StrEnum):
    """Which objects are counted.

    `false_positive`: of the prediction without a pair. `false_negative`: of the reference without
    a pair. `difference`: how many more or fewer the prediction has, whichever they are.
    """

    FALSE_POSITIVE = "false_positive"
    FALSE_NEGATIVE = "false_negative"
    DIFFERENCE = "difference"


@dataclass(frozen=True)
class InstanceCountError(PerItemMetric):
    """Number of objects of each class of a case that are `of` one kind of mistake.

    `false_positive`: predicted, without a pair. `false_negative`: in the reference, without one.
    `difference`: the absolute difference of both numbers, whatever is paired. Pairs by `match`.
    A mask is cut into its connected `components`, by each label or region.
    Values: float64 of shape (n_classes, 1), whole numbers from 0, in objects, lower is better.
    Empties: the number, which may be 0, and the flag. A worst value has to be declared.
    Source: Maier-Hein et al., Nature Methods 21 (2024), counting of instances.

    >>> from proctor_metrics import MaskCase
    >>> predicted, true = np.array([[1, 0, 1, 0, 1]]), np.array([[1, 0, 0, 0, 1]])
    >>> case = MaskCase("a", predicted, true, (1.0, 1.0), {1: "lesion"})
    >>> InstanceCountError().per_item(case).values
    array([[1.]])
    """

    name = "instance_count_error"
    direction = Direction.LOWER
    case_type = CaseType.OBJECTS

    of: CountedObjects = CountedObjects.DIFFERENCE
    rule: ObjectRule = HALF_IOU
    components: Components = Components.FACES_EDGES_CORNERS

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `of`, `match`, `iou` (0.5), `distance_mm` and `components`.

        Raises:
            MetricParameterError: no worst value is declared.
        """
        worst = parameters.worst()
        if worst is None:
            raise parameters.error(
                "worst", "a number of objects has no natural worst value; declare one"
            )
        return cls(
            of=parameters.choice("of", CountedObjects.DIFFERENCE),
            rule=ObjectRule.read(parameters),
            components=parameters.choice("components", Components.FACES_EDGES_CORNERS),
            declared_worst=worst,
        )

    @property
    def unit(self) -> str:
        """Return objects."""
        return "objects"

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return (
            f"instance_count_error.v1;of={self.of};{self.rule.text}"
            f";components={self.components};edge=v1"
        )

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for pairs, components and empties."""
        return (
            self.rule.sentence,
            component_rule(self.components),
            "Objects of an empty class are counted as of any other, and it is flagged.",
        )

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the names of the classes, or of a mask's structures."""
        return object_case(self, case).label_names

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return nothing: `build` asks for a declared value."""
        raise NotImplementedError("a number of objects has no natural worst value")

    def per_item(self, case: Case) -> ItemScores:
        """Count in every class of the case."""
        counts = counts_of(object_case(self, case), self.rule, self.components)
        return ItemScores(self.labels(case), self._counted(counts).T, empty_flags(counts))

    def _counted(self, counts: Counts) -> FloatArray:
        match self.of:
            case CountedObjects.FALSE_POSITIVE:
                return counts.wrong
            case CountedObjects.FALSE_NEGATIVE:
                return counts.overlooked
            case CountedObjects.DIFFERENCE:
                return abs(counts.wrong - counts.overlooked)
