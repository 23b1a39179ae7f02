"""What can be wrong with a case, and whose it is to mend.

The owner of a fault is the hard part: a bad prediction is its author's, a bad reference the
organizer's, so every error says which side is at fault.
"""

from enum import StrEnum

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.integer]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


class Side(StrEnum):
    """Where a fault in a case lies."""

    PREDICTION = "prediction"
    REFERENCE = "reference"
    TASK = "task"


class MetricInputError(ValueError):
    """A case cannot be scored; the message names the case, what was found and the rule.

    Where `side` is `prediction` the message may be shown to the participant: of the reference
    it tells shape and type at most, never a value. The other messages are the organizer's.

    Attributes:
        case: id of the case.
        side: who can mend it: the prediction's author, or the organizer (reference, task).
        rule: the rule that was broken, as a sentence.
    """

    def __init__(self, case: str, side: Side, found: str, rule: str) -> None:
        super().__init__(f"case {case!r}: {found}; {rule}")
        self.case = case
        self.side = side
        self.rule = rule


class UnknownLabelError(ValueError):
    """One side holds a label that is not known."""

    def __init__(self, side: Side, label: int) -> None:
        super().__init__(f"the {side} holds unknown label {label}")
        self.side = side
        self.label = label
