"""Free-response ROC: how much is found at how many false positives an item.

Every score is a threshold, and equal scores are one, since no threshold parts them. Between two
thresholds the curve is straight. Replicates are running sums of weights over boxes in the order
of their scores, read at the few rates that are asked for.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import Case, FloatArray
from proctor_metrics.detection.assignment import Assignment
from proctor_metrics.detection.box_metric import (
    SHARED_RULES,
    BoxMetric,
    read_closeness,
    rule_text,
)
from proctor_metrics.detection.closeness import Closeness, Criterion
from proctor_metrics.detection.matching import Matches, MatchRule
from proctor_metrics.detection.pooling import CHUNK_ELEMENTS, pool
from proctor_metrics.metric import UNLABELLED, PooledMetric, number_text
from proctor_metrics.parameters import Parameters

_OWN_RADIUS = Closeness(Criterion.RADIUS)
_LUNA_RATES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


class FrocAssignment(StrEnum):
    """How predictions and references are paired; see `Assignment`."""

    HITS = "hits"
    GREEDY = "greedy"


class FrocLabels(StrEnum):
    """What has a label of its own: nothing, each rate of false positives, or each class."""

    MEAN = "mean"
    RATES = "rates"
    CLASSES = "classes"


@dataclass(frozen=True)
class _Sensitivity(BoxMetric, PooledMetric):
    """What both metrics share: sensitivity at rates of false positives, all classes in one."""

    by: Closeness = _OWN_RADIUS
    assignment: FrocAssignment = FrocAssignment.HITS

    @property
    def rule(self) -> MatchRule:
        """Return what decides about pairs."""
        return MatchRule((self.by,), Assignment(self.assignment))

    @property
    @abstractmethod
    def rates_asked(self) -> tuple[float, ...]:
        """Return false positives an item at which the curve is read."""

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for pairs, ties, empties and missing cases."""
        return (
            self.assignment_rule,
            "Boxes of equal score are one threshold; between two the curve is straight.",
            "Undefined (NaN) without any reference; 0 where nothing is found.",
            *SHARED_RULES,
        )

    def _sensitivities(self, found: Matches, weights: npt.NDArray[np.integer]) -> FloatArray:
        """Return float64 of shape (n_rates, B)."""
        order = np.argsort(-found.scores, kind="stable")
        scores, items = found.scores[order], found.items[order]
        ends = np.flatnonzero(np.append(scores[1:] != scores[:-1], True)[: scores.size])
        to_find = found.to_find.sum(axis=1)
        rates = np.asarray(self.rates_asked)[:, np.newaxis]
        result = np.full((rates.size, weights.shape[0]), np.nan)
        step = max(1, CHUNK_ELEMENTS // max(1, items.size))
        for first in range(0, weights.shape[0], step):
            # Sums of integers that a float64 holds exactly.
            part = weights[first : first + step].astype(np.float64)
            drawn = part[:, items]
            right = _sums(drawn * found.hits[0, order], ends)
            wrong = _sums(drawn * found.wrong[0, order], ends)
            total = part @ to_find
            read = _read(wrong, right, rates * part.sum(axis=1))
            target = result[:, first : first + step]
            np.divide(read, total, out=target, where=total > 0)
        return result


@dataclass(frozen=True)
class Froc(_Sensitivity):
    """Mean sensitivity at `rates` false positives an item: FROC score, CPM in LUNA16.

    A reference is found at a threshold if a box that scores as much meets it; a box that meets
    none is a false positive. `match` says what meeting is: within the reference's own `radius`,
    `inside` its box, up to a `center_distance`, or from an `iou` on. `assignment`: `hits` leaves
    further boxes on one reference out, as LUNA16 and CAMELYON16 do; `greedy` counts them as
    false. `rates` are 1/8, 1/4, 1/2, 1, 2, 4 and 8 by default. All classes are one count, and a
    box meets references of its own class. `labels`: `mean` alone, each of `rates`, or `classes`.
    Input: boxes or points in 2-D or 3-D with finite scores. Values: float64 of shape
    (n_labels,), in [0, 1], no unit, higher is better. No reference: NaN. Nothing found: 0.
    Source: Setio et al., Medical Image Analysis 42 (2017) 1; van Ginneken et al., Medical Image
    Analysis 14 (2010) 707. Checked against a count at every threshold.

    >>> from proctor_metrics.cases import BoxCase, ReferenceBoxes
    >>> there = ReferenceBoxes.of_rows([[0, 1, 5, 5], [1, 1, 5, 5]], 2)
    >>> found = np.array([[0, 1, 0.9, 5, 6], [1, 1, 0.8, 50, 50], [1, 1, 0.7, 5, 5]])
    >>> case = BoxCase("a", found, there, 2, ("nodule",), (1,))
    >>> by = Closeness(Criterion.CENTER_DISTANCE, 2.0)
    >>> Froc(by=by, rates=(0.25, 1.0), label_by=FrocLabels.RATES).pooled([case])
    array([0.5, 1. ])
    """

    name = "froc"

    rates: tuple[float, ...] = _LUNA_RATES
    label_by: FrocLabels = FrocLabels.MEAN

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `match`, `distance`, `iou` (0.5), `assignment`, `rates` and `labels`."""
        return cls(
            by=read_closeness(parameters, Criterion.RADIUS),
            assignment=parameters.choice("assignment", FrocAssignment.HITS),
            rates=parameters.ascending("rates", _LUNA_RATES),
            label_by=parameters.choice("labels", FrocLabels.MEAN),
            declared_worst=parameters.worst(),
        )

    @property
    def definition(self) -> str:
        """Return the definition id."""
        rates = ",".join(number_text(rate) for rate in self.rates)
        return f"froc.v1{rule_text(self.rule)};rates={rates};labels={self.label_by};edge=v1"

    @property
    def rates_asked(self) -> tuple[float, ...]:
        """Return what the task declares."""
        return self.rates

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the rates, the classes, or the one label of the mean."""
        names = self.class_names(case)
        match self.label_by:
            case FrocLabels.MEAN:
                return UNLABELLED
            case FrocLabels.RATES:
                return tuple(f"fppi={number_text(rate)}" for rate in self.rates)
            case FrocLabels.CLASSES:
                return names

    def replicates(self, cases: Sequence[Case], weights: npt.NDArray[np.integer]) -> FloatArray:
        """Score each weighted resample of all items; see `PooledMetric.replicates`.

        Raises:
            MetricInputError: a case holds no boxes, or others than the rule needs.
            ValueError: there are no cases, or the weights do not fit the items.
        """
        found = pool(self, cases, weights)
        match self.label_by:
            case FrocLabels.RATES:
                return self._sensitivities(found, weights)
            case FrocLabels.MEAN:
                read = self._sensitivities(found, weights)
                return np.asarray(read.mean(axis=0, keepdims=True))
            case FrocLabels.CLASSES:
                classes = range(found.to_find.shape[1])
                reads = [self._sensitivities(found.of_class(one), weights) for one in classes]
                return np.asarray([read.mean(axis=0) for read in reads])


@dataclass(frozen=True)
class SensitivityAtFppi(_Sensitivity):
    """Sensitivity at `fppi` false positives an item: one point of the FROC curve.

    `match`, `assignment`, input, classes, empties and direction as in `froc`. Values: float64 of
    shape (1,), in [0, 1], no unit, higher is better. Source: Chakraborty, Medical Physics 16
    (1989) 561.

    >>> from proctor_metrics.cases import BoxCase, ReferenceBoxes
    >>> there = ReferenceBoxes.of_rows([[0, 1, 5, 5], [1, 1, 5, 5]], 2)
    >>> found = np.array([[0, 1, 0.9, 5, 6], [1, 1, 0.8, 50, 50], [1, 1, 0.7, 5, 5]])
    >>> case = BoxCase("a", found, there, 2, ("nodule",), (1,))
    >>> by = Closeness(Criterion.CENTER_DISTANCE, 2.0)
    >>> SensitivityAtFppi(by=by, fppi=0.25).pooled([case])
    array([0.5])
    """

    name = "sensitivity_at_fppi"

    fppi: float = 1.0

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `fppi`, `match`, `distance`, `iou` (0.5) and `assignment`."""
        return cls(
            fppi=parameters.number("fppi", None, above=0, at_most=1e6),
            by=read_closeness(parameters, Criterion.RADIUS),
            assignment=parameters.choice("assignment", FrocAssignment.HITS),
            declared_worst=parameters.worst(),
        )

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return f"sensitivity_at_fppi.v1;fppi={number_text(self.fppi)}{rule_text(self.rule)};edge=v1"

    @property
    def rates_asked(self) -> tuple[float, ...]:
        """Return the one rate."""
        return (self.fppi,)

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the one label of all classes."""
        self.class_names(case)
        return UNLABELLED

    def replicates(self, cases: Sequence[Case], weights: npt.NDArray[np.integer]) -> FloatArray:
        """Score each weighted resample of all items; see `PooledMetric.replicates`.

        Raises:
            MetricInputError: a case holds no boxes, or others than the rule needs.
            ValueError: there are no cases, or the weights do not fit the items.
        """
        return self._sensitivities(pool(self, cases, weights), weights)


def _sums(amounts: FloatArray, ends: npt.NDArray[np.intp]) -> FloatArray:
    """Return the sums up to every threshold, from none on: float64 of shape (B, 1 + n_ends)."""
    sums = np.cumsum(amounts, axis=1)[:, ends]
    return np.concatenate([np.zeros((len(amounts), 1)), sums], axis=1)


def _read(wrong: FloatArray, right: FloatArray, limits: FloatArray) -> FloatArray:
    """Read the curve of each replicate at its limits.

    Args:
        wrong: float64 of shape (B, n), ascending: false positives at each threshold.
        right: float64 of shape (B, n), what is found there.
        limits: float64 of shape (n_rates, B).
    """
    read = np.empty(limits.shape)
    every = np.arange(len(wrong))
    for index, limit in enumerate(limits):
        here = (wrong <= limit[:, np.newaxis]).sum(axis=1) - 1
        further = np.minimum(here + 1, wrong.shape[1] - 1)
        low, high = wrong[every, here], wrong[every, further]
        share = np.divide(limit - low, high - low, out=np.zeros(low.shape), where=high > low)
        at, beyond = right[every, here], right[every, further]
        read[index] = at + share * (beyond - at)
    return read
