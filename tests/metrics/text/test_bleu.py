"""BLEU: by hand, and against sacrebleu's own score of a corpus."""

import math

import numpy as np
import pytest
from sacrebleu.metrics import BLEU

from proctor_metrics import PooledMetric, TextCase, resolve
from proctor_metrics.bootstrap import draw_weights

WORDS = ["the", "The", "cat", "sat", "on", "a", "mat,", "it's", "done.", "über", "3.5"]


def bleu(**parameters: str) -> PooledMetric:
    metric = resolve("bleu", parameters)
    assert isinstance(metric, PooledMetric)
    return metric


def corpus(seed: int, n_items: int = 40) -> TextCase:
    generator = np.random.default_rng(seed)
    accepted, answers = [], []
    for _ in range(n_items):
        words = list(generator.choice(WORDS, generator.integers(4, 20)))
        other = list(words)
        other[generator.integers(len(words))] = "dog"
        accepted.append((" ".join(words), " ".join(other)))
        answers.append(" ".join(word for word in words if generator.random() < 0.9))
    return TextCase("a", tuple(answers), tuple(accepted))


def test_a_value_is_the_one_worked_out_by_hand() -> None:
    # Of 5, 4, 3 and 2 n-grams 5, 3, 1 and 0 are found; smoothing makes the last 1 / (2 * 2). Six
    # words were wanted.
    case = TextCase("a", ("the cat sat on it",), (("the cat is sat on it",),))
    precisions = [5 / 5, 3 / 4, 1 / 3, 1 / (2 * 2)]
    expected = 100 * math.exp(1 - 6 / 5) * math.prod(precisions) ** 0.25
    assert bleu().pooled([case]) == pytest.approx([expected])


@pytest.mark.parametrize("tokenize", ["13a", "intl", "char", "zh", "none"])
@pytest.mark.parametrize("letter_case", ["mixed", "lc"])
def test_the_value_of_a_corpus_is_sacrebleus(tokenize: str, letter_case: str) -> None:
    case = corpus(1)
    library = BLEU(tokenize=tokenize, lowercase=letter_case == "lc")
    references = [[accepted[index] for accepted in case.reference] for index in range(2)]
    expected = library.corpus_score(case.prediction, references).score
    metric = bleu(tokenize=tokenize, case=letter_case)
    assert metric.pooled([case]) == pytest.approx([expected], rel=1e-12)
    named = dict(part.split("=") for part in metric.definition_id.split(";")[1:])
    said = dict(part.split(":") for part in str(library.get_signature()).split("|"))
    assert named.pop("sacrebleu") == said["version"]
    assert named.items() <= said.items()


def test_a_replicate_is_the_value_of_the_drawn_texts() -> None:
    case = corpus(2)
    weights = draw_weights([str(index) for index in range(40)], "sha256:0", 20, 0)
    found = bleu().replicates([case], weights)
    for draw in range(20):
        drawn = np.repeat(np.arange(40), weights[draw])
        answers = [case.prediction[index] for index in drawn]
        references = [[case.reference[index][which] for index in drawn] for which in range(2)]
        expected = BLEU().corpus_score(answers, references).score
        assert found[0, draw] == pytest.approx(expected, rel=1e-12)


def test_items_may_have_different_numbers_of_accepted_texts() -> None:
    case = TextCase("a", ("a b c d", "a b c d"), (("a b c d",), ("x", "a b c d")))
    assert bleu().pooled([case]) == pytest.approx([100.0])


def test_a_missing_case_counts_as_empty_answers() -> None:
    case = TextCase("a", ("a b c d",), (("a b c d",),))
    lost = TextCase.missing("b", (("a b c d",),))
    assert bleu().pooled([case, lost]) == pytest.approx([100 * math.exp(1 - 8 / 4)])
    assert bleu().pooled([lost]) == [0.0]
