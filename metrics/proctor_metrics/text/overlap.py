"""Short answers, as in question answering: equal to an accepted one, or sharing its words."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from proctor_metrics.parameters import Parameters
from proctor_metrics.text.answers import AnswerMetric, Normalization, f1, normalized


@dataclass(frozen=True)
class ExactMatch(AnswerMetric):
    """1 where the answer equals an accepted text once both are normalized, else 0.

    `normalization`: `squad` takes lower case, no ASCII punctuation, no articles (a, an, the) and
    single spaces; `none` compares as written. Input: one text an item, one or several accepted.
    Values: float64 of shape (1, n_items), 0 or 1, no unit, higher is better. Two texts of which
    nothing is left are equal. NaN cannot occur. Source: Rajpurkar et al., EMNLP 2016, 2383.
    Checked against the rules of its evaluation script.

    >>> from proctor_metrics import TextCase
    >>> case = TextCase("a", ("The Eiffel tower!", "Rome"), (("Eiffel Tower",), ("Paris", "Lyon")))
    >>> ExactMatch().per_item(case).values
    array([[1., 0.]])
    """

    name = "exact_match"

    normalization: Normalization = Normalization.SQUAD

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read `normalization`."""
        rule = parameters.choice("normalization", Normalization.SQUAD)
        return cls(normalization=rule, declared_worst=parameters.worst())

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return f"exact_match.v1;normalization={self.normalization}"

    def _best(self, answer: str, accepted: Sequence[str]) -> float:
        own = normalized(answer, self.normalization)
        return float(any(own == normalized(text, self.normalization) for text in accepted))


@dataclass(frozen=True)
class TokenF1(AnswerMetric):
    """Words that answer and accepted text share, each as often as in both: F1 of the two bags.

    F1 = 2 shared / (words of the answer + words of the text), words being what white space parts
    after the normalization of SQuAD (lower case, no ASCII punctuation, no articles). Input: one
    text an item, one or several accepted. Values: float64 of shape (1, n_items), in [0, 1], no
    unit, higher is better. Two texts without words score 1, one of them alone 0, as in SQuAD 2.
    NaN cannot occur. Source: Rajpurkar et al., EMNLP 2016, 2383, and ACL 2018, 784. Checked against
    the rules of its evaluation script.

    >>> from proctor_metrics import TextCase
    >>> case = TextCase("a", ("in the old town", ""), (("the town", "village"), ("no",)))
    >>> TokenF1().per_item(case).values
    array([[0.5, 0. ]])
    """

    name = "token_f1"

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read the parameters: there are none."""
        return cls(declared_worst=parameters.worst())

    @property
    def definition(self) -> str:
        """Return the definition id."""
        return "token_f1.v1;normalization=squad;edge=v1"

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for several accepted texts and for texts without words."""
        return (*super().edge_rules, "Two texts without words score 1, one of them alone 0.")

    def _best(self, answer: str, accepted: Sequence[str]) -> float:
        own = normalized(answer, Normalization.SQUAD).split()
        bags = [normalized(text, Normalization.SQUAD).split() for text in accepted]
        return max(_word_f1(own, words) for words in bags)


def _word_f1(answer: Sequence[str], expected: Sequence[str]) -> float:
    if not answer or not expected:
        return float(not answer and not expected)
    shared = (Counter(answer) & Counter(expected)).total()
    return f1(shared, len(answer), len(expected))
