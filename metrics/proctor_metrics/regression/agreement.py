"""Bland and Altman's agreement of two ways to measure: how large a difference must be expected."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from proctor_metrics.bootstrap import replicate_means
from proctor_metrics.cases import Case, FloatArray
from proctor_metrics.metric import Direction
from proctor_metrics.parameters import Parameters
from proctor_metrics.regression.kinds import PooledNumbersMetric, undefined_for_few, value_case

_BIAS, _LOWER, _UPPER, _FURTHEST = "bias", "lower_limit", "upper_limit", "furthest_limit"

# Of a normal distribution 95 % lies within so many standard deviations of the mean.
_DEVIATIONS = 1.96


@dataclass(frozen=True)
class BlandAltman(PooledNumbersMetric):
    """Mean difference p - r over all items, and the limits that 95 % of differences lie within.

    Labels, for each column: `bias` b = mean(p - r); `lower_limit` and `upper_limit`,
    b - 1.96 s and b + 1.96 s, s the standard deviation of the differences (n - 1); and
    `furthest_limit`, that limit's distance from 0 which is larger, the one label that can rank,
    since a signed value is best in the middle. Input: finite numbers, (n_items, n_columns). Values:
    float64 of shape (4 n_columns,), in the unit of the numbers; `furthest_limit` from 0 without
    upper bound, lower is better. Items may carry integer weights (bootstrap). NaN for fewer than
    two items. Several columns name the labels `column.bias` and so on; there is no mean over
    labels. An item of a missing case counts as answered with that end of the reference's range that
    lies further from it. Source: Bland & Altman, Lancet 327 (1986) 307. Checked against numpy's
    mean and deviation.

    >>> from proctor_metrics import ValueCase
    >>> predicted, true = np.array([[1.0], [2.0], [6.0]]), np.array([[1.0], [1.0], [4.0]])
    >>> case = ValueCase("a", predicted, true, ("age",))
    >>> dict(zip(BlandAltman().labels(case), BlandAltman().pooled([case]).tolist(), strict=True))
    {'bias': 1.0, 'lower_limit': -0.96, 'upper_limit': 2.96, 'furthest_limit': 2.96}
    """

    name = "bland_altman"
    direction = Direction.LOWER
    mean_over_labels = False

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read the parameters: there are none."""
        return cls(declared_worst=parameters.worst())

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return "bland_altman.v1;deviations=1.96;edge=v1"

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for columns, for signs and for missing cases."""
        return (
            "Each column has labels of its own.",
            "Differences are answer less reference; furthest_limit alone can rank.",
            "An item of a missing case counts as answered with the end of the reference's range"
            " that lies further from it.",
        )

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the four labels, with the column before them where there are several."""
        columns = value_case(self, case).columns
        prefixes = [""] if len(columns) == 1 else [f"{column}." for column in columns]
        return tuple(
            f"{prefix}{label}"
            for prefix in prefixes
            for label in (_BIAS, _LOWER, _UPPER, _FURTHEST)
        )

    def can_rank(self, label: str) -> bool:
        """Tell whether this is a limit without its sign."""
        return label.endswith(_FURTHEST)

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return infinity; a missing case is answered with the far end of the range instead."""
        return float("inf")

    def replicates(self, cases: Sequence[Case], weights: npt.NDArray[np.integer]) -> FloatArray:
        """Score each weighted resample of all items; see `PooledMetric.replicates`.

        Raises:
            MetricInputError: a case holds no numbers.
            ValueError: there are no cases, or the weights do not fit the items.
        """
        prediction, reference = self._answers(cases, weights)
        differences = prediction - reference
        middle = differences.mean(axis=1, keepdims=True)
        # From the mean of all, so that squares of large differences do not cancel.
        shifts = replicate_means(differences - middle, weights)
        squares = replicate_means((differences - middle) ** 2, weights)
        counts = weights.sum(axis=1).astype(np.float64)
        variance = np.maximum(squares - shifts**2, 0.0) * counts / np.maximum(counts - 1, 1)
        bias, reach = middle + shifts, _DEVIATIONS * np.sqrt(variance)
        lower, upper = bias - reach, bias + reach
        furthest = np.maximum(np.abs(lower), np.abs(upper))
        stacked = np.stack([bias, lower, upper, furthest], axis=1)
        return undefined_for_few(stacked.reshape(-1, weights.shape[0]), weights)
