"""What an audit looked at, and what it found to differ."""

from __future__ import annotations

from dataclasses import dataclass, field

from proctor.spec.leaderboard import BoardRow
from proctor.spec.task import MetricSpec, TaskSpec

MEAN = "mean"
"""What a board calls the number over all labels, or the only one."""

AGREEMENT = 1e-9
"""The largest difference, absolute or by the size of the value, that is rounding alone."""


OF_ALL_CASES = "it is of all cases together, and these are some"
CASES_LOST = "a submission has cases without an answer"
"""Why nothing was compared, of a metric of all cases."""


@dataclass(frozen=True)
class Difference:
    """One number that is not what another library finds; ``where`` is a case, or the board."""

    submission: str
    where: str
    label: str
    shown: float | None
    found: float


@dataclass
class Finding:
    """One metric of one board, recomputed.

    Attributes:
        library: who did; empty where nobody here computes the metric.
        values: How many numbers were compared.
        largest: The largest absolute difference among them.
        edges: How many single scores followed an edge rule, for want of a value.
        differences: those beyond rounding.
        reason: why nothing was compared.
    """

    challenge: str
    metric: str
    library: str = ""
    values: int = 0
    largest: float = 0.0
    edges: int = 0
    differences: list[Difference] = field(default_factory=list)
    reason: str = ""

    @property
    def agrees(self) -> bool:
        """Whether the difference is rounding alone, and anything was compared at all."""
        return self.values > 0 and not self.differences

    def row(self) -> dict[str, object]:
        """Return the finding as a row of a table."""
        return {
            "challenge": self.challenge,
            "metric": self.metric,
            "against": self.library or f"nobody: {self.reason}",
            "values": self.values,
            "largest difference": f"{self.largest:.3g}",
            "by edge rule": self.edges,
        }

    def compare(
        self, submission: str, where: str, label: str, found: float, shown: float | None,
        allowed: float = 0.0,
    ) -> None:  # fmt: skip
        """Take a number of another library's beside the one that is shown."""
        difference = float("inf") if shown is None else abs(found - shown)
        self.values += 1
        self.largest = max(self.largest, difference)
        # Written so that a NaN is a difference.
        if not difference <= max(AGREEMENT, AGREEMENT * abs(found), allowed):
            self.differences.append(Difference(submission, where, label, shown, found))


@dataclass(frozen=True)
class Extent:
    """How much of a board is recomputed.

    Attributes:
        cases: so many of each submission at random; all where none. Of some, whatever is of all
            cases together is not compared.
        seed: of that choice.
        whole: whether the board's own numbers are made from all cases.
        allowed: by how much they may differ: what rounding of the board leaves.
    """

    cases: int | None = None
    seed: int = 0
    whole: bool = True
    allowed: float = 0.0

    @property
    def boards(self) -> bool:
        """Whether the board's numbers, and pooled metrics, can be compared."""
        return self.cases is None and self.whole


EVERYTHING = Extent()


def board_value(row: BoardRow, task: TaskSpec, metric: MetricSpec, label: str) -> float | None:
    """Return what a board shows in a column; None where it shows nothing."""
    value = row.values.get(f"{task.slug}/{metric.id}/{label}")
    return value.value if value else None
