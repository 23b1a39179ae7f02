"""How far answers go along with their reference: Pearson's correlation and Lin's concordance.

A correlation is blind to the scale of the answers, so an item of a missing case cannot be given a
number of its own: it takes that end of what was answered elsewhere that speaks against it.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from proctor_metrics.bootstrap import replicate_means
from proctor_metrics.cases import Case, FloatArray
from proctor_metrics.metric import Direction
from proctor_metrics.parameters import Parameters
from proctor_metrics.regression.kinds import (
    ROUNDING,
    Answers,
    PooledNumbersMetric,
    undefined_for_few,
)


class CorrelationMetric(PooledNumbersMetric):
    """A coefficient in [-1, 1] of all answers and references, for each column."""

    direction = Direction.HIGHER

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read the parameters: there are none."""
        return cls(declared_worst=parameters.worst())

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return f"{self.name}.v1;edge=v1"

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for equal numbers and for missing cases."""
        return (
            "Each column is a label of its own.",
            "Equal answers to all items score 0; equal references are undefined (NaN).",
            "An item of a missing case counts as answered with the lowest of all answers where its"
            " reference lies above the mean, else with the highest.",
            "Without any answer the value is the worst.",
        )

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return -1, the opposite of the reference."""
        return -1.0

    def replicates(self, cases: Sequence[Case], weights: npt.NDArray[np.integer]) -> FloatArray:
        """Score each weighted resample of all items; see `PooledMetric.replicates`.

        Raises:
            MetricInputError: a case holds no numbers.
            ValueError: there are no cases, or the weights do not fit the items.
        """
        tables, reference = self._tables(cases, weights)
        answered = [table.prediction for table in tables if not table.lost and table.n_items]
        if not answered:
            return np.full((reference.shape[0], weights.shape[0]), self.worst((), ()))
        low = np.concatenate(answered).min(axis=0)
        high = np.concatenate(answered).max(axis=0)
        middle = reference.mean(axis=1)
        prediction = np.concatenate(
            [
                np.where(table.reference > middle, low, high) if table.lost else table.prediction
                for table in tables
            ]
        ).T
        found = self._coefficients(Answers(prediction, reference), weights)
        return undefined_for_few(found, weights)

    @abstractmethod
    def _coefficients(self, answers: Answers, weights: npt.NDArray[np.integer]) -> FloatArray:
        """Return the coefficient of each column and resample, float64 of shape (n_columns, B)."""


@dataclass(frozen=True)
class PearsonCorrelation(CorrelationMetric):
    """Pearson's r: covariance of answers and references by the product of their deviations.

    Input: finite numbers, (n_items, n_columns). Values: float64 of shape (n_columns,), in [-1, 1],
    no unit, higher is better; blind to a shift and a scale of the answers. Items may carry integer
    weights (bootstrap). Equal answers to all items score 0, since they tell nothing; equal
    references and fewer than two items are NaN. Source: Pearson, Proc. R. Soc. 58 (1895) 240.
    Checked against SciPy's `pearsonr`.

    >>> from proctor_metrics import ValueCase
    >>> predicted, true = np.array([[1.0], [3.0], [2.0]]), np.array([[1.0], [2.0], [3.0]])
    >>> PearsonCorrelation().pooled([ValueCase("a", predicted, true, ("age",))]).round(12)
    array([0.5])
    """

    name = "pearson"

    def _coefficients(self, answers: Answers, weights: npt.NDArray[np.integer]) -> FloatArray:
        moments = _moments(answers, weights)
        deviations = np.sqrt(moments.prediction * moments.reference)
        return _ratios(moments.covariance, deviations, moments)


@dataclass(frozen=True)
class ConcordanceCorrelation(CorrelationMetric):
    """Lin's concordance: 2 cov(p, r) / (var p + var r + (mean p - mean r)^2), for each column.

    Input: finite numbers, (n_items, n_columns). Values: float64 of shape (n_columns,), in [-1, 1],
    no unit, higher is better; 1 only where answers equal references. Variances are those of the
    population (1 / n), as in the paper. Items may carry integer weights (bootstrap). Equal answers
    to all items score 0; equal references and fewer than two items are NaN. Source: Lin, Biometrics
    45 (1989) 255. Checked against the formula on SciPy's and numpy's moments.

    >>> from proctor_metrics import ValueCase
    >>> predicted, true = np.array([[2.0], [3.0], [4.0]]), np.array([[1.0], [2.0], [3.0]])
    >>> ConcordanceCorrelation().pooled([ValueCase("a", predicted, true, ("age",))]).round(6)
    array([0.571429])
    """

    name = "concordance_correlation"

    def _coefficients(self, answers: Answers, weights: npt.NDArray[np.integer]) -> FloatArray:
        moments = _moments(answers, weights)
        whole = moments.prediction + moments.reference + moments.shift**2
        return _ratios(2 * moments.covariance, whole, moments)


class _Moments(NamedTuple):
    """Variances, covariance and difference of means, float64 of shape (n_columns, B) each.

    A variance that is rounding of equal numbers is 0.
    """

    prediction: FloatArray
    reference: FloatArray
    covariance: FloatArray
    shift: FloatArray


def _moments(answers: Answers, weights: npt.NDArray[np.integer]) -> _Moments:
    # From the mean of all, so that squares of large numbers do not cancel.
    means = [side.mean(axis=1, keepdims=True) for side in answers]
    predicted, true = (side - mean for side, mean in zip(answers, means, strict=True))
    mean_p, mean_r = replicate_means(predicted, weights), replicate_means(true, weights)
    return _Moments(
        prediction=_variance(predicted, mean_p, weights),
        reference=_variance(true, mean_r, weights),
        covariance=replicate_means(predicted * true, weights) - mean_p * mean_r,
        shift=(means[0] - means[1]) + mean_p - mean_r,
    )


def _variance(
    deviations: FloatArray, means: FloatArray, weights: npt.NDArray[np.integer]
) -> FloatArray:
    squares = replicate_means(deviations**2, weights)
    variance = squares - means**2
    return np.where(variance > ROUNDING * squares, variance, 0.0)


def _ratios(numerator: FloatArray, denominator: FloatArray, moments: _Moments) -> FloatArray:
    varied = (moments.prediction > 0) & (moments.reference > 0)
    values = np.where(varied, numerator / np.where(varied, denominator, 1.0), 0.0)
    return np.where(moments.reference > 0, np.clip(values, -1.0, 1.0), np.nan)
