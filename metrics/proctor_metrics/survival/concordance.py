"""Harrell's concordance index, over all items of a dataset."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import Case, FloatArray
from proctor_metrics.metric import UNLABELLED
from proctor_metrics.pairs import RisingPairs
from proctor_metrics.parameters import Parameters
from proctor_metrics.survival.cohort import (
    Answer,
    Cohort,
    SurvivalMetric,
    cohort_of,
    survival_case,
)


@dataclass(frozen=True)
class ConcordanceIndex(SurvivalMetric):
    """Chance that of two items the one with the earlier event has the higher risk.

    C = (concordant + tied / 2) / comparable, for each column. A pair is comparable where the item
    seen less long had its event; of two of one time, where one had it and the other was censored,
    which then counts as seen longer. It is tied where both risks are equal. Input: finite numbers,
    (n_items, n_columns), higher for an earlier event, or lower if `answer` is `time`; times and
    events. Values: float64 of shape (n_columns,), in [0, 1], no unit, higher is better. Items may
    carry integer weights (bootstrap); an item drawn twice is not comparable with itself. NaN
    without a comparable pair. A pair with an item of a missing case counts as in the wrong order.
    Cost: O(n log n) a replicate. Source: Harrell et al., JAMA 247 (1982) 2543, and Stat. Med. 15
    (1996) 361. Checked against scikit-survival's `concordance_index_censored`.

    >>> from proctor_metrics import SurvivalCase
    >>> seen = np.array([[1.0, 1], [2.0, 0], [3.0, 1], [4.0, 0]])
    >>> case = SurvivalCase("a", np.array([[9.0], [2.0], [1.0], [5.0]]), seen, ("risk",))
    >>> ConcordanceIndex().pooled([case])
    array([0.75])
    """

    name = "concordance_index"

    answer: Answer = Answer.RISK

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `answer`."""
        answer = parameters.choice("answer", Answer.RISK)
        return cls(answer=answer, declared_worst=parameters.worst())

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return f"concordance_index.harrell.v1;answer={self.answer};ties=half;edge=v1"

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for ties and for missing cases."""
        return (
            "Equal risks count one half.",
            "Of one time, an event comes before a censored item; two events are not compared.",
            "A pair with an item of a missing case counts as in the wrong order.",
        )

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the columns, or the one label of a single column."""
        columns = survival_case(self, case).columns
        return UNLABELLED if len(columns) == 1 else columns

    def replicates(self, cases: Sequence[Case], weights: npt.NDArray[np.integer]) -> FloatArray:
        """Score each weighted resample of all items; see `PooledMetric.replicates`.

        Raises:
            MetricInputError: a case holds no times to an event.
            ValueError: there are no cases, or the weights do not fit the items.
        """
        cohort = cohort_of(self, cases, weights, self.answer)
        # An event at some time comes before those who were censored at it.
        _, ends = np.unique(cohort.times, return_inverse=True)
        ends = 2 * ends + ~cohort.events
        comparable = _earlier_events(ends, cohort.events, weights)
        drawn = weights * cohort.answered
        decided = _earlier_events(ends, cohort.events, drawn)
        found = np.full((cohort.risks.shape[0], weights.shape[0]), np.nan)
        for row, risks in zip(found, cohort.risks, strict=True):
            won, lost = _won_and_lost(ends, risks, cohort, drawn)
            np.divide(won + 0.5 * (decided - won - lost), comparable, out=row, where=comparable > 0)
        return found


def _earlier_events(
    ends: npt.NDArray[np.int64], events: npt.NDArray[np.bool_], weights: npt.NDArray[np.integer]
) -> npt.NDArray[np.int64]:
    """Return the pairs of an event and an item seen longer, int64 of shape (B,)."""
    order = np.argsort(ends, kind="stable")
    starts = np.flatnonzero(np.diff(ends[order], prepend=-1))
    drawn = weights[:, order].astype(np.int64)
    items = np.add.reduceat(drawn, starts, axis=1)
    with_event = np.add.reduceat(drawn * events[order], starts, axis=1)
    longer = items.sum(axis=1, keepdims=True) - np.cumsum(items, axis=1)
    pairs: npt.NDArray[np.int64] = (with_event * longer).sum(axis=1)
    return pairs


def _won_and_lost(
    ends: npt.NDArray[np.int64],
    risks: FloatArray,
    cohort: Cohort,
    weights: npt.NDArray[np.integer],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the comparable pairs in the right and in the wrong order."""
    risks = np.where(cohort.answered, risks, 0.0)
    won = RisingPairs(ends, -risks).counts(weights, lower=cohort.events)
    lost = RisingPairs(ends, risks).counts(weights, lower=cohort.events)
    return won, lost
