"""Area under the curve at declared times: who has had the event by then, who has not yet.

Items that were censored before a time belong to neither; those with an event weigh for them, each
by the inverse of the chance of having been seen so long (IPCW). That chance is estimated from the
references of the whole set, anew in every bootstrap replicate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import Case, FloatArray, MetricInputError, Side, SurvivalCase
from proctor_metrics.metric import number_text
from proctor_metrics.parameters import Parameters
from proctor_metrics.survival.cohort import (
    Answer,
    Cohort,
    SurvivalMetric,
    cohort_of,
    survival_case,
)

# Items times replicates handled at once; bounds memory to about 32 MB for each array.
_CHUNK_ELEMENTS = 4_000_000


@dataclass(frozen=True)
class TimeDependentAuc(SurvivalMetric):
    """Chance that who had the event by a time has a higher risk than who had not, for each time.

    The cumulative/dynamic AUC(t) = sum_ij w_i [f_i > f_j] / (sum_i w_i
    sum_j 1) over the items i with an event at y_i <= t and j with y_j > t, equal risks counting one
    half; w_i = 1 / G(y_i), G the Kaplan-Meier estimate that an item is not yet censored, from all
    references. Input: finite numbers, (n_items, 1) for all of `times`, or a column for each of
    them, higher for an earlier event, or lower if `answer` is `time`; times and events. Values:
    float64 of shape (n_times,), in [0, 1], no unit, higher is better; the labels are the times.
    Items may carry integer weights (bootstrap). NaN at a time by which none had an event, or after
    which none was seen. Items of a missing case are ranked on the wrong side of all others. Source:
    Uno et al., JASA 102 (2007) 527; Hung & Chiang, Can. J. Stat. 38 (2010) 8. Checked against
    scikit-survival's `cumulative_dynamic_auc`, with the references in the place of training data.

    >>> from proctor_metrics import SurvivalCase
    >>> seen = np.array([[1.0, 1], [2.0, 0], [3.0, 1], [4.0, 0]])
    >>> case = SurvivalCase("a", np.array([[9.0], [2.0], [1.0], [5.0]]), seen, ("risk",))
    >>> TimeDependentAuc(times=(1.5, 3.0)).pooled([case])
    array([1. , 0.4])
    """

    name = "time_dependent_auc"

    times: tuple[float, ...] = ()
    answer: Answer = Answer.RISK

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `times`, ascending and in the unit of the reference, and `answer`."""
        return cls(
            times=parameters.ascending("times", ()),
            answer=parameters.choice("answer", Answer.RISK),
            declared_worst=parameters.worst(),
        )

    @property
    def definition(self) -> str:
        """Return the definition id."""
        times = ",".join(number_text(time) for time in self.times)
        return f"time_dependent_auc.ipcw.v1;times={times};answer={self.answer};ties=half;edge=v1"

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for ties, censored items, undefined times and missing cases."""
        return (
            "Equal risks count one half.",
            "Who is censored before a time belongs to neither side of it; the rest weigh for them.",
            "Undefined (NaN) at a time by which none had an event, or after which none was seen.",
            "Items of a missing case are ranked on the wrong side of all others.",
        )

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the times.

        Raises:
            MetricInputError: there is neither one column nor one for each time.
        """
        self._check_columns(survival_case(self, case))
        return tuple(number_text(time) for time in self.times)

    def replicates(self, cases: Sequence[Case], weights: npt.NDArray[np.integer]) -> FloatArray:
        """Score each weighted resample of all items; see `PooledMetric.replicates`.

        Raises:
            MetricInputError: a case holds no times to an event, or not one column for each time.
            ValueError: there are no cases, or the weights do not fit the items.
        """
        cohort = cohort_of(self, cases, weights, self.answer)
        self._check_columns(survival_case(self, cases[0]))
        curves = [
            _Curve(cohort, min(index, cohort.risks.shape[0] - 1), time)
            for index, time in enumerate(self.times)
        ]
        found = np.empty((len(self.times), weights.shape[0]))
        step = max(1, _CHUNK_ELEMENTS // max(1, weights.shape[1]))
        for first in range(0, weights.shape[0], step):
            chunk = slice(first, first + step)
            drawn = weights[chunk].astype(np.float64)
            uncensored = _uncensored(cohort, drawn)
            for row, curve in zip(found, curves, strict=True):
                row[chunk] = curve.areas(drawn, uncensored)
        return found

    def _check_columns(self, case: SurvivalCase) -> None:
        if len(case.columns) not in (1, len(self.times)):
            raise MetricInputError(
                case.case,
                Side.TASK,
                f"there are {len(case.columns)} columns for {len(self.times)} times",
                f"{self.name} takes one column, or one for each time",
            )


class _Curve:
    """The items in the order of their risks, at one time."""

    def __init__(self, cohort: Cohort, column: int, time: float) -> None:
        case = cohort.events & (cohort.times <= time)
        # Of a missing case, those with an event lie below all others, the rest above them.
        adverse = np.where(case, -np.inf, np.inf)
        risks = np.where(cohort.answered, cohort.risks[column], adverse)
        self._order = np.argsort(risks, kind="stable")
        ordered = risks[self._order]
        self._starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        self._case = case[self._order]
        self._control = (cohort.times > time)[self._order]

    def areas(self, weights: FloatArray, uncensored: FloatArray) -> FloatArray:
        """Return the area of each resample, float64 of shape (B,)."""
        drawn = weights[:, self._order]
        # Where none is seen so long, none is left to compare with either.
        chance = np.where(uncensored > 0, uncensored, 1.0)[:, self._order]
        cases = np.add.reduceat(drawn * self._case / chance, self._starts, axis=1)
        controls = np.add.reduceat(drawn * self._control, self._starts, axis=1)
        below = np.cumsum(controls, axis=1) - 0.5 * controls
        pairs = cases.sum(axis=1) * controls.sum(axis=1)
        found = np.full(weights.shape[0], np.nan)
        np.divide((cases * below).sum(axis=1), pairs, out=found, where=pairs > 0)
        return found


def _uncensored(cohort: Cohort, weights: FloatArray) -> FloatArray:
    """Return the chance of each item not to be censored by its time, of shape (B, n_items).

    Kaplan-Meier with the roles of event and censoring exchanged; at one time events come first.
    """
    times, place = np.unique(cohort.times, return_inverse=True)
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(times.size))
    drawn = weights[:, order]
    items = np.add.reduceat(drawn, starts, axis=1)
    events = np.add.reduceat(drawn * cohort.events[order], starts, axis=1)
    at_risk = items[:, ::-1].cumsum(axis=1)[:, ::-1] - events
    kept = np.ones_like(items)
    np.divide(at_risk - (items - events), at_risk, out=kept, where=at_risk > 0)
    return np.asarray(np.cumprod(kept, axis=1)[:, place], dtype=np.float64)
