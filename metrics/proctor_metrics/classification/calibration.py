"""Whether probabilities mean what they say: calibration error over bins, plain and debiased.

An item that was said to be right with 0.8 should be right eight times in ten. Items are put in bins
by what was said, and the two sides compared in each bin. The plain form is biased upward, the more
so the fewer the items; replicates of a bootstrap are biased once more, so its interval may not
even hold the value. The debiased form mends the former.
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Self, assert_never

import numpy as np
import numpy.typing as npt
from scipy import sparse

from proctor_metrics.cases import Case, FloatArray, TableCase
from proctor_metrics.classification.averages import quotient
from proctor_metrics.classification.class_counts import membership, weighted_sums
from proctor_metrics.classification.probabilities import (
    ROW_SUM_RULE,
    SUM_TOLERANCE,
    check_probabilities,
)
from proctor_metrics.classification.scored_items import check_weights, table_of, tables_of
from proctor_metrics.metric import (
    UNLABELLED,
    CaseType,
    Direction,
    PooledMetric,
    number_text,
)
from proctor_metrics.parameters import Parameters


class CalibrationForm(StrEnum):
    """What is asked of a row: its highest probability, or each of them for its own class."""

    TOP_LABEL = "top_label"
    CLASS_WISE = "class_wise"


class _Statements(NamedTuple):
    """One probability for each item, and the share of it that came true."""

    said: FloatArray
    happened: FloatArray


class _BinSums(NamedTuple):
    """Of each bin: its items, and the sums of what was said and of what happened."""

    items: FloatArray
    said: FloatArray
    happened: FloatArray


@dataclass(frozen=True)
class BinnedCalibrationMetric(PooledMetric):
    """An error of calibration over equal-width bins."""

    direction = Direction.LOWER
    case_type = CaseType.TABLE

    form: CalibrationForm = CalibrationForm.TOP_LABEL
    bins: int = 15

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `form` and `bins`, how many there are."""
        return cls(
            form=parameters.choice("form", CalibrationForm.TOP_LABEL),
            bins=parameters.integer("bins", 15, minimum=1),
            declared_worst=parameters.worst(),
        )

    @property
    def definition(self) -> str:
        """Return the definition id."""
        ties = ";ties=expected" if self.form is CalibrationForm.TOP_LABEL else ""
        return (
            f"{self.name}.v1;form={self.form};bins={self.bins};width=equal;closed=right{ties}"
            f";row_sum={number_text(SUM_TOLERANCE)};edge=v1"
        )

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for bins, ties, row sums and missing cases."""
        ties = (
            ("Of m equal highest probabilities each counts as the answer 1/m times.",)
            if self.form is CalibrationForm.TOP_LABEL
            else ()
        )
        return (
            "A bin holds its upper end; the first holds 0 too.",
            *ties,
            ROW_SUM_RULE,
            "An item of a missing case is in a bin of its own, said for certain and wrong.",
        )

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the one label of an unlabelled metric."""
        return UNLABELLED

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return 1, certain and always wrong."""
        return 1.0

    def compact(self, case: Case) -> Case:
        """Return the case, once it is known to hold probabilities.

        Raises:
            MetricInputError: a row is no probability distribution.
        """
        table = table_of(self.name, case)
        if not table.lost:
            check_probabilities(self.name, table)
        return table

    def replicates(self, cases: Sequence[Case], weights: npt.NDArray[np.integer]) -> FloatArray:
        """Score each weighted resample of all items; see `PooledMetric.replicates`.

        Raises:
            MetricInputError: the cases disagree on columns, or a row is no distribution.
            ValueError: there are no cases, or the weights do not fit the items.
        """
        tables = tables_of(self.name, [self.compact(case) for case in cases])
        lost = np.concatenate([np.full(table.n_items, table.lost) for table in tables])
        check_weights(weights, lost.size)
        members = sparse.csr_array(np.stack([np.ones(lost.size), lost]))
        items, lost_items = weighted_sums(members, weights).T
        found = [
            self._error(self._sums(statements, lost, weights), items, lost_items)
            for statements in self._statements(tables)
        ]
        return np.asarray(np.mean(found, axis=0, keepdims=True))

    def _statements(self, tables: Sequence[TableCase]) -> Iterator[_Statements]:
        scores = np.concatenate([table.prediction for table in tables])
        true = np.concatenate([table.true_columns for table in tables])
        match self.form:
            case CalibrationForm.TOP_LABEL:
                highest = scores.max(axis=1)
                tied = np.count_nonzero(scores == highest[:, np.newaxis], axis=1)
                hit = scores[np.arange(true.size), true] == highest
                # Of lost items NaN equals nothing; they are counted apart.
                yield _Statements(highest.astype(np.float64), hit / np.maximum(tied, 1))
            case CalibrationForm.CLASS_WISE:
                for column in range(scores.shape[1]):
                    happened = (true == column).astype(np.float64)
                    yield _Statements(scores[:, column].astype(np.float64), happened)
            case _ as unreachable:
                assert_never(unreachable)

    def _sums(
        self, statements: _Statements, lost: npt.NDArray[np.bool_], weights: npt.NDArray[np.integer]
    ) -> _BinSums:
        answered = np.flatnonzero(~lost)
        said = np.clip(statements.said[answered], 0.0, 1.0)
        edges = np.linspace(0.0, 1.0, self.bins + 1)
        places = np.maximum(np.searchsorted(edges, said, side="left") - 1, 0)
        members = sparse.vstack(
            [
                membership(places, answered, self.bins, lost.size, values)
                for values in (np.ones(answered.size), said, statements.happened[answered])
            ],
            format="csr",
        )
        parts = weighted_sums(members, weights).reshape(-1, 3, self.bins)
        return _BinSums(*parts.transpose(1, 0, 2))

    @abstractmethod
    def _error(self, sums: _BinSums, items: FloatArray, lost_items: FloatArray) -> FloatArray:
        """Return the error of each replicate, NaN where it holds no items."""


@dataclass(frozen=True)
class ExpectedCalibrationError(BinnedCalibrationMetric):
    """Mean distance between what was said and what happened, over bins of probabilities.

    The sum over bins b of n_b / n |mean p in b - share that came true in b|, in `bins` bins of
    equal width, 15 by default; bin k of 0 to 1 is (k / bins, (k + 1) / bins], the first with 0.
    `top_label`: p is the highest probability of a row, and true that the item is of its class.
    `class_wise`: each column for its own class, then the unweighted mean over the classes.
    Input: probabilities in [0, 1], (n_items, n_columns), each row summing to 1 within 1e-3;
    anything else is refused. Values: float64 of shape (1,), in [0, 1], no unit, lower is better;
    biased upward, see `debiased_calibration_error`. NaN where there are no items. An item of a
    missing case counts as said for certain and wrong, in a bin of its own, which no answer exceeds.
    Source: Naeini et al., AAAI (2015) 2901; Guo et al., ICML (2017) 1321; class-wise: Kull et al.,
    NeurIPS (2019); Maier-Hein et al., Metrics Reloaded, Nature Methods 21 (2024), `ece`. Checked
    against SciPy's `binned_statistic`.

    >>> from proctor_metrics import TableCase
    >>> scores = np.array([[0.9, 0.1], [0.9, 0.1], [0.3, 0.7], [0.3, 0.7]])
    >>> case = TableCase("a", scores, np.array([0, 0, 1, 0]), ("x", "y"), (0, 1))
    >>> ExpectedCalibrationError().pooled([case]).round(6)
    array([0.15])
    """

    name = "expected_calibration_error"

    def _error(self, sums: _BinSums, items: FloatArray, lost_items: FloatArray) -> FloatArray:
        apart = np.abs(sums.said - sums.happened).sum(axis=1) + lost_items
        return quotient(apart, items)


@dataclass(frozen=True)
class DebiasedCalibrationError(BinnedCalibrationMetric):
    """Root of the mean squared distance of said and happened over bins, without its bias.

    With n_b items in bin b, p_b the mean of what was said and y_b the share that came true: the
    root of the sum over bins of n_b / n ((p_b - y_b)^2 - y_b (1 - y_b) / (n_b - 1)), or 0 where
    that sum is negative. The second term is what chance adds to the first. A bin of one item has
    no such term and counts 0. Bins and forms as of `expected_calibration_error`, squares averaged
    over classes before the root where `class_wise`.
    Input: probabilities in [0, 1], (n_items, n_columns), each row summing to 1 within 1e-3;
    anything else is refused. Values: float64 of shape (1,), in [0, 1], no unit, lower is better.
    NaN where there are no items. An item of a missing case counts as said for certain and wrong,
    in a bin of its own.
    Source: Kumar, Liang & Ma, Verified Uncertainty Calibration, NeurIPS (2019), section 5; from
    Broecker, Climate Dynamics 39 (2012) 655. Checked against the formula item by item.

    >>> from proctor_metrics import TableCase
    >>> scores = np.array([[0.9, 0.1], [0.9, 0.1], [0.3, 0.7], [0.3, 0.7]])
    >>> case = TableCase("a", scores, np.array([0, 0, 0, 0]), ("x", "y"), (0, 1))
    >>> DebiasedCalibrationError().pooled([case]).round(6)
    array([0.5])
    """

    name = "debiased_calibration_error"

    def replicates(self, cases: Sequence[Case], weights: npt.NDArray[np.integer]) -> FloatArray:
        """Score each weighted resample of all items; see `PooledMetric.replicates`.

        Raises:
            MetricInputError: the cases disagree on columns, or a row is no distribution.
            ValueError: there are no cases, or the weights do not fit the items.
        """
        return np.sqrt(np.maximum(super().replicates(cases, weights), 0.0))

    def _error(self, sums: _BinSums, items: FloatArray, lost_items: FloatArray) -> FloatArray:
        several = sums.items > 1
        count = np.where(several, sums.items, 2.0)
        squares = ((sums.said - sums.happened) / count) ** 2
        share = sums.happened / count
        by_chance = share * (1 - share) / (count - 1)
        apart = np.where(several, count * (squares - by_chance), 0.0).sum(axis=1) + lost_items
        return quotient(apart, items)
