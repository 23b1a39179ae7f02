"""What metrics of texts share: a number in [0, 1] for each answer, and how words are made equal."""

import re
import string
from abc import abstractmethod
from collections.abc import Sequence
from enum import StrEnum

import numpy as np

from proctor_metrics.cases import Case, MetricInputError, Side, TextCase
from proctor_metrics.metric import (
    UNLABELLED,
    CaseType,
    Direction,
    ItemScores,
    Metric,
    PerItemMetric,
)

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


class Normalization(StrEnum):
    """What is done to answer and reference before they are compared."""

    SQUAD = "squad"
    NONE = "none"


def normalized(text: str, normalization: Normalization) -> str:
    """Return a text as it is compared.

    `squad` is the rule of that benchmark's own script: lower case, without ASCII punctuation, then
    without the words a, an and the, then white space as single spaces.

    >>> normalized("The  Eiffel-Tower, Paris!", Normalization.SQUAD)
    'eiffeltower paris'
    """
    if normalization is Normalization.NONE:
        return text
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def text_case(metric: Metric, case: Case) -> TextCase:
    """Return the case as one of texts.

    Raises:
        MetricInputError: it is another kind of case.
    """
    if isinstance(case, TextCase):
        return case
    raise MetricInputError(
        case.case, Side.TASK, "the case holds no texts", f"{metric.name} compares texts"
    )


class AnswerMetric(PerItemMetric):
    """A number in [0, 1] for each answer: that of the accepted text which suits it best."""

    direction = Direction.HIGHER
    case_type = CaseType.TEXT

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rule for several accepted texts."""
        return ("Of several accepted texts the one that suits the answer best counts.",)

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the one label."""
        return UNLABELLED

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return 0, nothing in common."""
        return 0.0

    def per_item(self, case: Case) -> ItemScores:
        """Score every answer of the case.

        Raises:
            MetricInputError: the case holds no texts, or was not answered.
        """
        texts = text_case(self, case)
        if texts.lost:
            raise MetricInputError(
                case.case,
                Side.PREDICTION,
                "the case was not answered",
                "a missing case takes the worst value",
            )
        values = [
            self._best(answer, accepted)
            for answer, accepted in zip(texts.prediction, texts.reference, strict=True)
        ]
        return ItemScores(UNLABELLED, np.array([values], dtype=np.float64))

    @abstractmethod
    def _best(self, answer: str, accepted: Sequence[str]) -> float:
        """Return the value of the accepted text that suits the answer best."""


def f1(shared: int, answered: int, expected: int) -> float:
    """Return 2 shared / (answered + expected), the harmonic mean of precision and recall."""
    return 2 * shared / (answered + expected) if shared else 0.0
