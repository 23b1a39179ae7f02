"""How exact a board's numbers are: whole, to some digits, or to steps of one in n.

What is made of many numbers would tell more digits than are shown of each: how often one of two
that look alike is first says which is ahead. So intervals and ranks of draws stand around the
shown value, and tests are of cases as they are shown.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


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

    def of_cases(self, values: FloatArray) -> FloatArray:
        """Return scores of cases as exact as they are shown; the steps are of means alone."""
        return values if self.digits is None else np.round(values, self.digits)

    def around(self, shown: FloatArray, replicates: FloatArray) -> FloatArray:
        """Return replicates moved to lie around what is shown of their value.

        Args:
            shown: float64 of shape (n, n_columns), NaN where there is no value.
            replicates: float64 of shape (n, n_columns, draws).

        >>> Grid(digits=1).around(np.array([[0.5]]), np.array([[[0.53, 0.55, 0.57]]])).round(9)
        array([[[0.48, 0.5 , 0.52]]])
        """
        if self == EXACT or not replicates.size:
            return replicates
        known = np.isfinite(replicates)
        counts = known.sum(axis=2)
        sums = np.where(known, replicates, 0.0).sum(axis=2)
        shift = shown - sums / np.maximum(counts, 1)
        shift[~np.isfinite(shift) | (counts == 0)] = 0.0
        return np.asarray(replicates + shift[:, :, np.newaxis])


EXACT = Grid()
"""Every number as it is."""
