"""Ratios over classes, accuracy and balanced accuracy: by hand and against scikit-learn."""

import time
import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from proctor_metrics import (
    Case,
    LabelCase,
    MetricInputError,
    PerItemMetric,
    PooledMetric,
    Side,
    TableCase,
    resolve,
)
from proctor_metrics.bootstrap import draw_weights

Labels = npt.NDArray[np.int64]

# Truth 0 0 0 1 1 2, answers 0 0 1 1 2 2. By class: TP 2 1 1, answered 2 2 2, there 3 2 1.
TRUE = np.array([0, 0, 0, 1, 1, 2])
ANSWERED = np.array([0, 0, 1, 1, 2, 2])
BY_HAND = [
    ("balanced_accuracy", {}, (2 / 3 + 1 / 2 + 1) / 3),
    ("precision", {}, (1 + 1 / 2 + 1 / 2) / 3),
    ("precision", {"average": "weighted"}, (3 * 1 + 2 / 2 + 1 / 2) / 6),
    ("precision", {"average": "micro"}, 4 / 6),
    ("precision", {"average": "binary", "positive": 2}, 1 / 2),
    ("recall", {}, (2 / 3 + 1 / 2 + 1) / 3),
    ("recall", {"average": "weighted"}, 4 / 6),
    ("f1_score", {}, (4 / 5 + 2 / 4 + 2 / 3) / 3),
    ("f1_score", {"average": "weighted"}, (3 * 4 / 5 + 2 * 2 / 4 + 2 / 3) / 6),
    ("f1_score", {"average": "binary", "positive": 0}, 4 / 5),
    ("f_beta", {"beta": 2}, (10 / 14 + 5 / 10 + 5 / 6) / 3),
    ("f_beta", {"beta": 2, "average": "binary", "positive": 0}, 10 / 14),
    ("specificity", {}, (3 / 3 + 3 / 4 + 4 / 5) / 3),
    ("specificity", {"average": "micro"}, 10 / 12),
    ("specificity", {"average": "binary", "positive": 1}, 3 / 4),
    ("npv", {}, (3 / 4 + 3 / 4 + 4 / 4) / 3),
    ("npv", {"average": "binary", "positive": 1}, 3 / 4),
]
# What must be given for one of them to be built at all.
GIVEN = {"f_beta": {"beta": 0.5}}
RATIOS = ("f1_score", "f_beta", "precision", "recall", "specificity", "npv")


def labels(
    answered: npt.ArrayLike, true: npt.ArrayLike, classes: int = 3, name: str = "a"
) -> LabelCase:
    names = tuple(f"c{index}" for index in range(classes))
    return LabelCase(name, np.asarray(answered), np.asarray(true), names, tuple(range(classes)))


def pooled(name: str, case: Case, **parameters: object) -> npt.NDArray[np.float64]:
    metric = resolve(name, parameters)
    assert isinstance(metric, PooledMetric)
    return metric.pooled([case])


@pytest.mark.parametrize(("name", "parameters", "expected"), BY_HAND)
def test_a_value_is_the_one_worked_out_by_hand(
    name: str, parameters: dict[str, object], expected: float
) -> None:
    assert pooled(name, labels(ANSWERED, TRUE), **parameters) == pytest.approx([expected])


def test_each_class_may_have_a_column_of_its_own() -> None:
    case = labels(ANSWERED, TRUE)
    metric = resolve("recall", {"average": "per_class"})
    assert metric.labels(case) == ("c0", "c1", "c2")
    assert pooled("recall", case, average="per_class") == pytest.approx([2 / 3, 1 / 2, 1])


def test_class_scores_are_read_as_their_highest_column_the_first_of_equals() -> None:
    scores = np.array([[0.9, 0.1, 0.0], [0.4, 0.4, 0.2], [0.1, 0.2, 0.7]])
    # Columns in another order than the values of the classes.
    case = TableCase("a", scores, np.array([2, 0, 1]), ("two", "zero", "one"), (2, 0, 1))
    assert pooled("recall", case, average="per_class") == pytest.approx([1.0, 0.0, 1.0])


ORACLES: dict[str, Callable[..., float]] = {
    "precision": sklearn.precision_score,
    "recall": sklearn.recall_score,
    "f1_score": sklearn.f1_score,
    "f_beta": partial(sklearn.fbeta_score, beta=0.5),
}
CLASS_LISTS = st.integers(1, 40).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 4), min_size=n, max_size=n),
        st.lists(st.integers(0, 4), min_size=n, max_size=n),
    )
)


@settings(max_examples=60, deadline=None)
@given(
    CLASS_LISTS,
    st.sampled_from(sorted(ORACLES)),
    st.sampled_from(["macro", "weighted", "micro"]),
    st.sampled_from([0, 1, float("nan")]),
)
def test_every_average_is_scikit_learns(
    pair: tuple[list[int], list[int]], name: str, average: str, zero_division: float
) -> None:
    answered, true = pair
    parameters = {**GIVEN.get(name, {}), "average": average, "zero_division": zero_division}
    found = pooled(name, labels(answered, true, 5), **parameters)
    expected = ORACLES[name](true, answered, average=average, zero_division=zero_division)
    assert found[0] == pytest.approx(expected, rel=4e-16, abs=0, nan_ok=True)


@settings(max_examples=40, deadline=None)
@given(CLASS_LISTS, st.integers(0, 4), st.sampled_from([0, 1, float("nan")]))
def test_specificity_and_npv_are_scikit_learns_of_the_other_classes(
    pair: tuple[list[int], list[int]], positive: int, zero_division: float
) -> None:
    answered, true = (np.asarray(side) for side in pair)
    case = labels(answered, true, 5)
    parameters = {"average": "binary", "positive": positive, "zero_division": zero_division}
    for name, oracle in (
        ("specificity", sklearn.recall_score),
        ("npv", sklearn.precision_score),
    ):
        expected = oracle(
            true != positive, answered != positive, zero_division=zero_division, pos_label=True
        )
        found = pooled(name, case, **parameters)[0]
        assert found == pytest.approx(expected, rel=4e-16, nan_ok=True)
        per_class = pooled(name, case, average="per_class", zero_division=zero_division)
        assert per_class[positive] == pytest.approx(found, nan_ok=True)


@settings(max_examples=30, deadline=None)
@given(CLASS_LISTS)
def test_accuracy_and_balanced_accuracy_are_scikit_learns(
    pair: tuple[list[int], list[int]],
) -> None:
    answered, true = pair
    case = labels(answered, true, 5)
    accuracy = resolve("accuracy", {})
    assert isinstance(accuracy, PerItemMetric)
    assert accuracy.per_item(case).values.mean() == sklearn.accuracy_score(true, answered)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = sklearn.balanced_accuracy_score(true, answered)
    assert pooled("balanced_accuracy", case)[0] == pytest.approx(expected, rel=4e-16)


@settings(max_examples=30, deadline=None)
@given(CLASS_LISTS, st.randoms(use_true_random=False))
def test_a_replicate_is_the_value_of_the_drawn_items(
    pair: tuple[list[int], list[int]], random: "st.random.Random"
) -> None:
    answered, true = np.array(pair[0]), np.array(pair[1])
    drawn = [random.randrange(len(true)) for _ in true]
    weights = np.bincount(drawn, minlength=len(true))
    for name in (*RATIOS, "balanced_accuracy"):
        metric = resolve(name, GIVEN.get(name, {}))
        assert isinstance(metric, PooledMetric)
        found = metric.replicates([labels(answered, true, 5)], weights[np.newaxis, :])
        assert found[0, 0] == pytest.approx(
            pooled(name, labels(answered[drawn], true[drawn], 5), **GIVEN.get(name, {}))[0],
            rel=1e-14,
        )


def test_leaving_a_case_out_is_never_better_than_being_wrong_in_it() -> None:
    answered = labels(ANSWERED, TRUE)
    lost = LabelCase.missing("b", np.array([0, 1, 2]), ("c0", "c1", "c2"), (0, 1, 2))
    wrong = labels([1, 2, 0], [0, 1, 2], name="b")
    for name in (*RATIOS, "balanced_accuracy"):
        metric = resolve(name, GIVEN.get(name, {}))
        assert isinstance(metric, PooledMetric)
        assert metric.pooled([answered, lost]) == metric.pooled([answered, wrong])
        assert metric.pooled([answered, lost]) < metric.pooled([answered])


@settings(max_examples=60, deadline=None)
@given(
    CLASS_LISTS,
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=9),
    st.integers(0, 4),
)
def test_no_answer_to_a_case_is_worse_than_none_where_one_class_is_asked_for(
    pair: tuple[list[int], list[int]], asked: list[tuple[int, int]], positive: int
) -> None:
    rest = labels(*pair, 5)
    answers, true = np.asarray(asked).T
    lost = LabelCase.missing("b", true, rest.classes, rest.class_values)
    for name in RATIOS:
        parameters = {**GIVEN.get(name, {}), "average": "binary", "positive": positive}
        metric = resolve(name, parameters)
        assert isinstance(metric, PooledMetric)
        none = metric.pooled([rest, lost])[0]
        assert none <= metric.pooled([rest, labels(answers, true, 5, "b")])[0] + 1e-12


def test_a_table_without_answers_is_lost_in_its_short_form_too() -> None:
    metric = resolve("f1_score", {})
    assert isinstance(metric, PooledMetric)
    table = TableCase.missing("b", np.array([0, 1, 2]), ("c0", "c1", "c2"), (0, 1, 2))
    short = metric.compact(table)
    assert short.lost
    answered = labels(ANSWERED, TRUE)
    assert metric.pooled([answered, short]) == metric.pooled([answered, table])


def test_a_positive_class_must_be_one_of_the_classes() -> None:
    with pytest.raises(MetricInputError, match="it must be one of") as caught:
        pooled("recall", labels(ANSWERED, TRUE), average="binary", positive=7)
    assert caught.value.side is Side.TASK


@pytest.mark.parametrize(
    ("answered", "true", "side", "message"),
    [
        ([0, 3], [0, 1], Side.PREDICTION, "the prediction is 3 in row 1"),
        ([0, 1], [0, 9], Side.REFERENCE, "holds a value that is no class"),
        ([0], [0, 1], Side.PREDICTION, "1 items, the reference 2"),
        ([0.0, 1.0], [0, 1], Side.PREDICTION, "one integer for each item"),
    ],
)
def test_a_list_that_is_no_list_of_classes_is_refused_with_its_owner(
    answered: list[float], true: list[int], side: Side, message: str
) -> None:
    with pytest.raises(MetricInputError, match=message) as caught:
        labels(answered, true)
    assert caught.value.side is side


def test_a_thousand_replicates_of_50000_items_of_1000_classes_take_seconds() -> None:
    generator = np.random.default_rng(0)
    true = generator.integers(0, 1000, 50_000)
    answered = np.where(generator.random(50_000) < 0.7, true, generator.integers(0, 1000, 50_000))
    weights = draw_weights([str(item) for item in range(50_000)], "sha256:0", 1000, 0)
    metric = resolve("f1_score", {})
    assert isinstance(metric, PooledMetric)
    began = time.process_time()
    found = metric.replicates([labels(answered, true, 1000)], weights)
    assert time.process_time() - began < 10
    assert found.shape == (1, 1000)
    assert found.std() < 0.01 < 0.5 < found.mean()
