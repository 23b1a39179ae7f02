"""Texts: one answer for every item, against one or several that are accepted."""

from dataclasses import dataclass

from proctor_metrics.cases.faults import MetricInputError, Side


@dataclass(frozen=True, eq=False)
class TextCase:
    """One text an item against the texts that are accepted for it.

    Attributes:
        case: id of the case, used in errors.
        prediction: the answer to each item; an empty one is an answer.
        reference: the accepted texts of each item, at least one each.
        lost: True for a case that was never answered (see `TextCase.missing`); its answers are
            empty.

    Raises:
        MetricInputError: the numbers of items differ, or nothing is accepted for one.
    """

    case: str
    prediction: tuple[str, ...]
    reference: tuple[tuple[str, ...], ...]
    lost: bool = False

    def __post_init__(self) -> None:
        for row, accepted in enumerate(self.reference):
            if not accepted:
                raise MetricInputError(
                    self.case,
                    Side.REFERENCE,
                    f"the reference of row {row} is empty",
                    "each item needs at least one accepted text",
                )
        if len(self.prediction) != self.n_items:
            raise MetricInputError(
                self.case,
                Side.PREDICTION,
                f"the prediction has {len(self.prediction)} texts, the reference {self.n_items}",
                "text i must answer item i",
            )

    @classmethod
    def missing(cls, case: str, reference: tuple[tuple[str, ...], ...]) -> "TextCase":
        """Return the stand-in for a case without predictions, for pooled metrics."""
        return cls(case, ("",) * len(reference), reference, lost=True)

    @property
    def n_items(self) -> int:
        """Return the number of items."""
        return len(self.reference)
