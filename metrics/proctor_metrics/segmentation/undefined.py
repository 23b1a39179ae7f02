"""The rule for 0/0 of metrics of voxels that have no natural value there."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from proctor_metrics.metric import Direction
from proctor_metrics.parameters import Parameters
from proctor_metrics.segmentation.structure_metric import LEFT_OUT, StructureMetric, edge_text


class Undefined(StrEnum):
    """What a structure counts of which a metric says nothing."""

    LEFT_OUT = LEFT_OUT
    ZERO = "0"
    ONE = "1"


@dataclass(frozen=True)
class PartlyUndefined(StructureMetric):
    """A metric without unit of each structure, with the rule for 0/0."""

    direction = Direction.HIGHER

    undefined: Undefined = field(default=Undefined.LEFT_OUT, kw_only=True)

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `undefined`."""
        return cls(
            undefined=parameters.choice("undefined", Undefined.LEFT_OUT),
            declared_worst=parameters.worst(),
        )

    @property
    def can_be_undefined(self) -> bool:
        """Tell whether a structure may be left out."""
        return self.undefined is Undefined.LEFT_OUT

    @property
    def _edge(self) -> str:
        return edge_text(undefined=self.undefined)

    def _rule(self, when: str) -> str:
        """Return the sentence for the board of what a structure then counts."""
        if self.undefined is Undefined.LEFT_OUT:
            return f"A structure that {when} is left out of the mean and flagged."
        return f"A structure that {when} scores {self.undefined}."
