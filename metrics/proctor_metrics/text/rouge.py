"""ROUGE-L: the longest words in common, in order, of answer and accepted text.

Words are those of the library rouge-score. Its own table of subsequences takes a minute and a
gigabyte for two texts of ten thousand words, which any participant may write, and importing it five
seconds; here the row of the table is one integer, and a step of it an addition.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import version
from typing import Any, Self

from proctor_metrics.parameters import Parameters
from proctor_metrics.text.answers import AnswerMetric, f1


@dataclass(frozen=True)
class RougeL(AnswerMetric):
    """F1 of the longest common subsequence of words, ROUGE-L of each item.

    F1 = 2 L / (words of the answer + words of the text), L the length of the longest common
    subsequence. Words are runs of a-z and 0-9 in lower case, unstemmed, as rouge-score makes them:
    other alphabets have none. Input: one text an item, one or several accepted. Values: float64 of
    shape (1, n_items), in [0, 1], no unit, higher is better. A text without words scores 0. NaN
    cannot occur. Cost: words of the answer times words of the text / 64. Source: Lin, Text
    Summarization Branches Out (ACL 2004), 74; subsequences by Hyyro, AWOCA 2004. Checked against
    rouge-score's `RougeScorer`.

    >>> from proctor_metrics import TextCase
    >>> case = TextCase("a", ("police killed the gunman",), (("police kill the gunman",),))
    >>> RougeL().per_item(case).values
    array([[0.75]])
    """

    name = "rouge_l"

    @classmethod
    def build(cls, parameters: Parameters) -> Self:
        """Read the parameters: there are none."""
        return cls(declared_worst=parameters.worst())

    @property
    def definition(self) -> str:
        """Return the definition id, with the version of the library that makes the words."""
        return f"rouge_l.v1;measure=f1;stemmer=none;rouge-score={version('rouge-score')}"

    @property
    def edge_rules(self) -> tuple[str, ...]:
        """Return the rules for several accepted texts and for texts without words."""
        return (*super().edge_rules, "A text without words of a-z and 0-9 scores 0.")

    def _best(self, answer: str, accepted: Sequence[str]) -> float:
        own = _words(answer)
        return max(_subsequence_f1(own, _words(text)) for text in accepted)


def _subsequence_f1(answer: Sequence[str], expected: Sequence[str]) -> float:
    return f1(longest_common(answer, expected), len(answer), len(expected))


def longest_common(first: Sequence[str], second: Sequence[str]) -> int:
    """Return the length of the longest common subsequence.

    Bit j of `rising` is 0 where the row of the usual table rises from column j to j + 1.

    >>> longest_common("police killed the gunman".split(), "the gunman police kill".split())
    2
    """
    first, second = sorted((first, second), key=len)
    places: dict[str, int] = {}
    for place, word in enumerate(first):
        places[word] = places.get(word, 0) | 1 << place
    whole = (1 << len(first)) - 1
    rising = whole
    for word in second:
        matched = rising & places.get(word, 0)
        rising = (rising + matched | rising - matched) & whole
    return len(first) - rising.bit_count()


def _words(text: str) -> list[str]:
    words: list[str] = _tokenizer().tokenize(text, None)
    return words


@cache
def _tokenizer() -> Any:
    """Return the library's module of words, imported where one is asked for."""
    return import_module("rouge_score.tokenize")
