"""The variance of an area under the ROC curve in closed form, after DeLong.

An alternative to the bootstrap for areas alone: one sort instead of a thousand replicates, and a
paired test of two models on the same items. It takes arrays of independent items; items that come
in groups (several of one patient) need the bootstrap by group. A lost item is given an infinite
score on its wrong side, as `auroc` does.

Source: DeLong, DeLong & Clarke-Pearson, Biometrics 44 (1988) 837; in n log n: Sun & Xu, IEEE Signal
Processing Letters 21 (2014) 1389; interval on the logit scale: Pepe, The Statistical Evaluation of
Medical Tests (2003), 5.2.
"""

from dataclasses import dataclass
from math import erfc, exp, log, nan, sqrt
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import BoolArray, FloatArray


@dataclass(frozen=True)
class AreaInterval:
    """A confidence interval of one area; NaN at both ends where it is undefined."""

    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Areas:
    """The areas of several models on the same items, and how they vary together.

    Attributes:
        areas: float64 of shape (n_models,); NaN where a side has no item.
        covariance: float64 of shape (n_models, n_models); NaN where a side has fewer than two.
    """

    areas: FloatArray
    covariance: FloatArray

    def interval(self, model: int, level: float = 0.95) -> AreaInterval:
        """Return the interval of one model's area, symmetric on the logit scale.

        It lies within (0, 1). An area of exactly 0 or 1 has no variance here, which says nothing
        about the next sample: the interval is undefined.

        Raises:
            ValueError: the level is not between 0 and 1.

        >>> found = delong_areas(np.array([[0.1, 0.4, 0.35, 0.8]]), np.array([0, 0, 1, 1]) == 1)
        >>> found.areas[0], round(found.interval(0).low, 4), round(found.interval(0).high, 4)
        (np.float64(0.75), 0.0693, 0.9918)
        """
        if not 0 < level < 1:
            raise ValueError(f"the level of an interval is {level}; it must lie between 0 and 1")
        area, variance = float(self.areas[model]), float(self.covariance[model, model])
        if not 0 < area < 1 or not variance >= 0:
            return AreaInterval(nan, nan)
        middle = log(area / (1 - area))
        reach = NormalDist().inv_cdf((1 + level) / 2) * sqrt(variance) / (area * (1 - area))
        return AreaInterval(_logistic(middle - reach), _logistic(middle + reach))

    def p_value(self, first: int, second: int) -> float:
        """Return the two-sided p-value of equal areas; NaN where their difference cannot vary."""
        spread = self.covariance
        variance = float(spread[first, first] + spread[second, second] - 2 * spread[first, second])
        if not variance > 0:
            return nan
        difference = float(self.areas[first] - self.areas[second])
        return erfc(abs(difference) / sqrt(2 * variance))


def delong_areas(scores: npt.NDArray[np.floating], positive: BoolArray) -> Areas:
    """Return the areas of one or several models and their covariance.

    Args:
        scores: floats of shape (n_models, n_items), not NaN; equal scores count one half.
        positive: booleans of shape (n_items,).

    Raises:
        ValueError: the shapes do not fit, or a score is NaN.
    """
    if scores.ndim != 2 or positive.shape != (scores.shape[1],):
        raise ValueError(
            f"scores of shape {scores.shape} do not fit a reference of shape {positive.shape}; "
            "a row for each model, and a column for each item"
        )
    if np.isnan(scores).any():
        raise ValueError("a score is NaN; every item needs one")
    high, low = scores[:, positive], scores[:, ~positive]
    n_models = scores.shape[0]
    if not high.shape[1] or not low.shape[1]:
        return Areas(np.full(n_models, nan), np.full((n_models, n_models), nan))
    beaten = np.stack([_share_below(low[row], high[row]) for row in range(n_models)])
    beating = np.stack([1 - _share_below(high[row], low[row]) for row in range(n_models)])
    covariance = _covariance(beaten) / beaten.shape[1] + _covariance(beating) / beating.shape[1]
    return Areas(beaten.mean(axis=1), covariance)


def _share_below(others: npt.NDArray[np.floating], values: npt.NDArray[np.floating]) -> FloatArray:
    """Return for each value the share of the others below it, equal ones counted one half."""
    others = np.sort(others)
    below, up_to = (np.searchsorted(others, values, side=side) for side in ("left", "right"))
    return np.asarray((below + up_to) / (2 * others.size))


def _covariance(rows: FloatArray) -> FloatArray:
    if rows.shape[1] < 2:
        return np.full((rows.shape[0], rows.shape[0]), nan)
    centred = rows - rows.mean(axis=1, keepdims=True)
    return np.asarray(centred @ centred.T / (rows.shape[1] - 1))


def _logistic(value: float) -> float:
    return 1 / (1 + exp(-value))
