"""Exact match, token F1 and ROUGE-L: by hand, by the rules of their scripts, and by rouge-score."""

import re
import string
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proctor_metrics import MetricInputError, PerItemMetric, Side, TextCase, resolve
from proctor_metrics.text.rouge import longest_common

NAMES = ("exact_match", "rouge_l", "token_f1")


def value(name: str, answer: str, *accepted: str, **parameters: str) -> float:
    metric = resolve(name, parameters)
    assert isinstance(metric, PerItemMetric)
    return float(metric.per_item(TextCase("a", (answer,), (accepted,))).values[0, 0])


@pytest.mark.parametrize(
    ("answer", "accepted", "expected"),
    [
        ("The Cat", ("cat",), 1.0),
        ("cat.", ("dog", "a  cat"), 1.0),
        ("theatre", ("the atre",), 0.0),
        ("", ("the",), 1.0),
        ("cat", ("cats",), 0.0),
    ],
)
def test_answers_are_equal_by_the_normalization_of_squad(
    answer: str, accepted: tuple[str, ...], expected: float
) -> None:
    assert value("exact_match", answer, *accepted) == expected


def test_an_answer_may_have_to_be_as_written() -> None:
    assert value("exact_match", "Cat", "cat", normalization="none") == 0.0
    assert value("exact_match", " cat", " cat", normalization="none") == 1.0


@pytest.mark.parametrize(
    ("answer", "accepted", "expected"),
    [
        ("a big red dog", ("the red dog barks",), 2 * 2 / (3 + 3)),
        ("dog dog dog", ("dog dog",), 2 * 2 / (3 + 2)),
        ("dog", ("cat", "big dog"), 2 / 3),
        ("", ("a", "dog"), 1.0),
        ("", ("dog",), 0.0),
        ("dog", ("the",), 0.0),
    ],
)
def test_words_are_shared_as_often_as_both_have_them(
    answer: str, accepted: tuple[str, ...], expected: float
) -> None:
    assert value("token_f1", answer, *accepted) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("answer", "accepted", "expected"),
    # The sentences of Lin (2004): 3 of 4 words in order, then 2.
    [
        ("police kill the gunman", ("police killed the gunman",), 3 / 4),
        ("the gunman kill police", ("police killed the gunman",), 2 / 4),
        ("The GUNMAN!", ("police", "the, gunman; police"), 2 * 2 / (2 + 3)),
        ("", ("police",), 0.0),
        ("ü", ("ü",), 0.0),
    ],
)
def test_the_longest_common_subsequence_is_that_of_the_paper(
    answer: str, accepted: tuple[str, ...], expected: float
) -> None:
    assert value("rouge_l", answer, *accepted) == pytest.approx(expected)


def squad(text: str) -> list[str]:
    kept = "".join(sign for sign in text.lower() if sign not in set(string.punctuation))
    return re.sub(r"\b(a|an|the)\b", " ", kept).split()


TEXTS = st.text(st.sampled_from("abthe AT.,-'é1 "), max_size=40)


@settings(max_examples=200, deadline=None)
@given(answer=TEXTS, accepted=st.lists(TEXTS, min_size=1, max_size=3))
def test_a_value_is_that_of_the_scripts_rules(answer: str, accepted: list[str]) -> None:
    own, best = squad(answer), 0.0
    for words in map(squad, accepted):
        shared = sum((Counter(own) & Counter(words)).values())
        if shared:
            precision, recall = shared / len(own), shared / len(words)
            best = max(best, 2 * precision * recall / (precision + recall))
        best = max(best, float(not own and not words))
    assert value("token_f1", answer, *accepted) == pytest.approx(best)
    assert value("exact_match", answer, *accepted) == float(own in map(squad, accepted))


def table_of_subsequences(first: list[str], second: list[str]) -> int:
    row = [0] * (len(second) + 1)
    for word in first:
        before = row
        row = [0]
        for place, other in enumerate(second):
            row.append(before[place] + 1 if word == other else max(row[-1], before[place + 1]))
    return row[-1]


WORDS = st.lists(st.sampled_from("abcd"), max_size=80)


@settings(max_examples=200, deadline=None)
@given(first=WORDS, second=WORDS)
def test_a_subsequence_is_as_long_as_the_table_says(first: list[str], second: list[str]) -> None:
    assert longest_common(first, second) == table_of_subsequences(first, second)
    assert longest_common(first, second) == longest_common(second, first)


def test_two_texts_of_thirty_thousand_words_do_not_hold_up_a_scorer() -> None:
    generator = np.random.default_rng(1)
    first, second = (" ".join(generator.choice(list("abcdefgh"), 30_000)) for _ in range(2))
    # The usual table would have 900 million cells.
    assert 0.5 < value("rouge_l", first, second) < 1


@pytest.mark.slow
def test_rouge_l_is_rouge_scores() -> None:
    rouge_scorer = pytest.importorskip("rouge_score.rouge_scorer")
    scorer = rouge_scorer.RougeScorer(["rougeL"])
    generator = np.random.default_rng(2)
    words = ["the", "Gunman", "killed", "police-man", "a1", "it's", "über", "No."]
    for _ in range(200):
        answer, *accepted = (
            " ".join(generator.choice(words, generator.integers(0, 15))) for _ in range(3)
        )
        expected = scorer.score_multi(accepted, answer)["rougeL"].fmeasure
        assert value("rouge_l", answer, *accepted) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_like_its_reference_scores_1_and_none_scores_0(name: str) -> None:
    assert value(name, "some words", "some words") == 1.0
    assert resolve(name, {}).worst((3,), ()) == 0.0
    lost = TextCase.missing("b", (("x",), ("y",)))
    metric = resolve(name, {})
    assert isinstance(metric, PerItemMetric)
    with pytest.raises(MetricInputError, match="was not answered"):
        metric.per_item(lost)


def test_texts_that_do_not_fit_are_refused_with_their_owner() -> None:
    with pytest.raises(MetricInputError, match="has 1 texts, the reference 2") as caught:
        TextCase("a", ("x",), (("x",), ("y",)))
    assert caught.value.side is Side.PREDICTION
    with pytest.raises(MetricInputError, match="reference of row 1 is empty") as caught:
        TextCase("a", ("x", "y"), (("x",), ()))
    assert caught.value.side is Side.REFERENCE
