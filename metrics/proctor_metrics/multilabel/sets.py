"""The set of labels answered for an item against the set that holds: one number an item."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Self

import numpy as np

from proctor_metrics.cases import BoolArray, Case, FloatArray
from proctor_metrics.metric import (
    UNLABELLED,
    CaseType,
    Direction,
    ItemScores,
    PerItemMetric,
    number_text,
)
from proctor_metrics.multilabel.answers import (
    answered_case,
    answered_labels,
    multilabel_case,
    threshold_rule,
)
from proctor_metrics.parameters import Parameters


@dataclass(frozen=True)
class LabelSetMetric(PerItemMetric):
    """A comparison of two sets of labels in each item."""

    case_type = CaseType.MULTILABEL

    threshold: float = 0.5

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `threshold`, the least score of a label that is answered; 0.5 by default."""
        return cls(
            threshold=parameters.number("threshold", 0.5, above=-1e9, at_most=1e9),
            declared_worst=parameters.worst(),
        )

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return f"{self.name}.v1;threshold={number_text(self.threshold)}"

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rule for what is answered."""
        return (threshold_rule(self.threshold),)

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the one label of an unlabelled metric."""
        multilabel_case(self.name, case)
        return UNLABELLED

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return 0, nothing right."""
        return 0.0

    def per_item(self, case: Case) -> ItemScores:
        """Score every row of the case.

        Raises:
            MetricInputError: the case holds no label scores, or was not answered.
        """
        found = answered_case(self.name, case)
        values = self._compare(answered_labels(found, self.threshold), found.reference)
        return ItemScores(UNLABELLED, values[np.newaxis, :])

    @abstractmethod
    def _compare(self, answered: BoolArray, true: BoolArray) -> FloatArray:
        """Return the value of each item, float64 of shape (n_items,)."""


@dataclass(frozen=True)
class SubsetAccuracy(LabelSetMetric):
    """Share of items whose labels are answered exactly: every one of them, and no other.

    A label is answered where its score is at least `threshold`, 0.5 by default.
    Input: finite scores, (n_items, n_labels). Values: float64 of shape (1, n_items), 0 or 1, no
    unit, higher is better. An item without labels for which none is answered scores 1. NaN cannot
    occur. Source: Zhang & Zhou, IEEE Trans. Knowl. Data Eng. 26 (2014) 1819. Checked against
    scikit-learn's `accuracy_score`.

    >>> from proctor_metrics import MultilabelCase
    >>> scores, true = np.array([[0.9, 0.2], [0.9, 0.6]]), np.array([[1, 0], [1, 0]])
    >>> SubsetAccuracy().per_item(MultilabelCase("a", scores, true, ("x", "y"))).values
    array([[1., 0.]])
    """

    name = "subset_accuracy"
    direction = Direction.HIGHER

    def _compare(self, answered: BoolArray, true: BoolArray) -> FloatArray:
        return np.asarray((answered == true).all(axis=1), dtype=np.float64)


@dataclass(frozen=True)
class HammingLoss(LabelSetMetric):
    """Share of the labels of an item that are answered wrongly, those that do not hold included.

    A label is answered where its score is at least `threshold`, 0.5 by default.
    Input: finite scores, (n_items, n_labels). Values: float64 of shape (1, n_items), in [0, 1], no
    unit, lower is better; of rare labels, answering none is hard to beat. NaN cannot occur.
    Source: Schapire & Singer, Machine Learning 37 (1999) 297. Checked against scikit-learn's
    `hamming_loss`.

    >>> from proctor_metrics import MultilabelCase
    >>> scores, true = np.array([[0.9, 0.2], [0.9, 0.6]]), np.array([[1, 0], [1, 0]])
    >>> HammingLoss().per_item(MultilabelCase("a", scores, true, ("x", "y"))).values
    array([[0. , 0.5]])
    """

    name = "hamming_loss"
    direction = Direction.LOWER

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return 1, every label wrong."""
        return 1.0

    def _compare(self, answered: BoolArray, true: BoolArray) -> FloatArray:
        return np.asarray((answered != true).mean(axis=1))


@dataclass(frozen=True)
class SamplesF1(LabelSetMetric):
    """F1 of the labels of each item: 2 |A and T| / (|A| + |T|) of answered and true labels.

    A label is answered where its score is at least `threshold`, 0.5 by default.
    Input: finite scores, (n_items, n_labels). Values: float64 of shape (1, n_items), in [0, 1], no
    unit, higher is better. An item without labels for which none is answered scores 1: nothing was
    to be found, and nothing was claimed. NaN cannot occur.
    Source: Godbole & Sarawagi, PAKDD (2004) 22. Checked against scikit-learn's `f1_score`.

    >>> from proctor_metrics import MultilabelCase
    >>> scores, true = np.array([[0.9, 0.2], [0.9, 0.6]]), np.array([[1, 0], [1, 0]])
    >>> SamplesF1().per_item(MultilabelCase("a", scores, true, ("x", "y"))).values.round(6)
    array([[1.      , 0.666667]])
    """

    name = "samples_f1"
    direction = Direction.HIGHER

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return f"{super().definition};both_empty=1"

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for what is answered and for items without labels."""
        return (*super().edge_rules, "An item without labels that gets none scores 1.")

    def _compare(self, answered: BoolArray, true: BoolArray) -> FloatArray:
        both = np.count_nonzero(answered & true, axis=1)
        either = np.count_nonzero(answered, axis=1) + np.count_nonzero(true, axis=1)
        found = np.ones(both.shape)
        np.divide(2 * both, either, out=found, where=either > 0)
        return found
