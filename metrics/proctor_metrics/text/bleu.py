"""BLEU, by sacrebleu, of all texts of a dataset.

The library counts n-grams for each item and makes the score of their sums; a bootstrap replicate is
the sum of the drawn items' counts, so no text is read twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from importlib.metadata import version
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from proctor_metrics.cases import Case, FloatArray, TextCase
from proctor_metrics.metric import UNLABELLED, CaseType, Direction, PooledMetric
from proctor_metrics.parameters import Parameters
from proctor_metrics.text.answers import text_case

_ORDERS = 4
_SMOOTHING = "exp"


class Tokenizer(StrEnum):
    """How sacrebleu parts a text into words: those of its tokenizers that need no download."""

    V13A = "13a"
    INTL = "intl"
    CHAR = "char"
    ZH = "zh"
    NONE = "none"


class LetterCase(StrEnum):
    """Whether capitals matter."""

    MIXED = "mixed"
    LOWER = "lc"


@dataclass(frozen=True)
class Bleu(PooledMetric):
    """Corpus BLEU-4: geometric mean of n-gram precisions by a penalty for texts too short.

    BLEU = BP exp(1/4 sum_n log p_n), p_n the clipped n-gram precision over all items, BP =
    exp(1 - r / c) where the answers' c words are fewer than the closest accepted texts' r.
    Computed by sacrebleu: tokenizer `13a`, `intl`, `char`, `zh` or `none`; case `mixed` or `lc`;
    exponential smoothing; its signature is the definition id. Input: one text an item, one or
    several accepted. Values: float64 of shape (1,), in [0, 100], no unit, higher is better. Items
    may carry integer weights (bootstrap). 0 where nothing is matched. NaN cannot occur. A missing
    case counts as empty answers. Source: Papineni et al., ACL 2002, 311; Post, WMT 2018, 186.
    Checked against sacrebleu's `corpus_score`.

    >>> from proctor_metrics import TextCase
    >>> case = TextCase("a", ("the cat sat on the mat now",), (("the cat sat on the mat",),))
    >>> Bleu().pooled([case]).round(4)
    array([80.9107])
    """

    name = "bleu"
    direction = Direction.HIGHER
    case_type = CaseType.TEXT

    tokenize: Tokenizer = Tokenizer.V13A
    letter_case: LetterCase = LetterCase.MIXED

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `tokenize` and `case`."""
        return cls(
            tokenize=parameters.choice("tokenize", Tokenizer.V13A),
            letter_case=parameters.choice("case", LetterCase.MIXED),
            declared_worst=parameters.worst(),
        )

    @property
    def definition(self) -> str:
        """Return the definition id: sacrebleu's signature, but for the number of references."""
        return (
            f"bleu.v1;case={self.letter_case};eff=no;tok={self.tokenize};smooth={_SMOOTHING};"
            f"sacrebleu={version('sacrebleu')}"
        )

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for several accepted texts and for missing cases."""
        return (
            "An n-gram counts as often as in that accepted text which has it most often.",
            "A missing case counts as empty answers: it shortens what is answered in all.",
        )

    def labels(self, case: Case) -> tuple[str, ...]:
        """Return the one label."""
        return UNLABELLED

    def natural_worst(
        self, reference_shape: tuple[int, ...], spacing_mm: tuple[float, ...]
    ) -> float:
        """Return 0, nothing in common."""
        return 0.0

    def replicates(self, cases: Sequence[Case], weights: npt.NDArray[np.integer]) -> FloatArray:
        """Score each weighted resample of all items; see `PooledMetric.replicates`.

        Raises:
            MetricInputError: a case holds no texts.
            ValueError: there are no cases, or the weights do not fit the items.
        """
        if not cases:
            raise ValueError("bleu needs at least one case")
        library = _library()
        # Of a single text sacrebleu wants the effective order named; the counts are the same.
        counter = library.BLEU(
            lowercase=self.letter_case is LetterCase.LOWER,
            tokenize=self.tokenize.value,
            effective_order=True,
        )
        counts = np.concatenate([_counts(counter, text_case(self, case)) for case in cases])
        if weights.ndim != 2 or weights.shape[1] != counts.shape[0]:
            raise ValueError(f"weights of shape {weights.shape} do not fit {len(counts)} items")
        # Whole numbers below 2^53, so that a product of floats is exact.
        summed = weights.astype(np.float64) @ counts
        return np.array([[_score(library, row) for row in summed.astype(np.int64).tolist()]])


def _counts(counter: Any, texts: TextCase) -> FloatArray:
    """Return words answered, words accepted, matches and n-grams of each item, (n_items, 10)."""
    rows = []
    for answer, accepted in zip(texts.prediction, texts.reference, strict=True):
        found = counter.sentence_score(answer, accepted)
        rows.append([found.sys_len, found.ref_len, *found.counts, *found.totals])
    return np.array(rows, dtype=np.float64).reshape(-1, 2 + 2 * _ORDERS)


def _score(library: Any, summed: Sequence[int]) -> float:
    found = library.BLEU.compute_bleu(
        correct=list(summed[2 : 2 + _ORDERS]),
        total=list(summed[2 + _ORDERS :]),
        sys_len=summed[0],
        ref_len=summed[1],
        smooth_method=_SMOOTHING,
    )
    return float(found.score)


def _library() -> Any:
    """Return sacrebleu's module, imported where a text is to be scored."""
    return import_module("sacrebleu.metrics.bleu")
