"""How exact a board's numbers are: whole, to some digits, or to steps of one in n."""

from __future__ import annotations

import math
from typing import NamedTuple


class Grid(NamedTuple):
    """The numbers that a board may show.

    Attributes:
        digits: after the decimal point; all where none.
        steps: steps in one unit, by the Ladder; any where none.
    """

    digits: int | None = None
    steps: int | None = None

    def of(self, value: float) -> float:
        """Return the number that stands for ``value``.

        >>> Grid(digits=2).of(0.128), Grid(steps=4).of(0.7), Grid().of(0.123456)
        (0.13, 0.75, 0.123456)
        """
        # Of a number too large to be counted in steps every step is lost already.
        if self.steps is not None and math.isfinite(value * self.steps):
            value = round(value * self.steps) / self.steps
        return value if self.digits is None else round(value, self.digits)

    def or_none(self, value: float | None) -> float | None:
        """Return the same, and nothing for nothing."""
        return None if value is None else self.of(value)


EXACT = Grid()
"""Every number as it is."""
