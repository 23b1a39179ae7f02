"""Top-k accuracy and accuracy: by hand, with ties, and by scikit-learn where nothing ties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, top_k_accuracy_score

from proctor_metrics import ItemScores, PerItemMetric, TableCase, resolve
from proctor_metrics.cases import FloatArray
from proctor_metrics.classification import placements

# The true class is 1. Rows: highest, second, tied with one other at the top, tied with all.
SCORES = np.array(
    [[0.1, 0.7, 0.2, 0.0], [0.1, 0.3, 0.4, 0.2], [0.4, 0.4, 0.1, 0.1], [0.25, 0.25, 0.25, 0.25]]
)
TRUE = np.array([1, 1, 1, 1])


def scored(name: str, scores: FloatArray, true: object, **parameters: object) -> ItemScores:
    metric = resolve(name, parameters)
    assert isinstance(metric, PerItemMetric)
    n_columns = scores.shape[1]
    columns = tuple(f"c{i}" for i in range(n_columns))
    return metric.per_item(
        TableCase("a", scores, np.asarray(true), columns, tuple(range(n_columns)))
    )


@pytest.mark.parametrize(
    ("k", "ties", "expected"),
    [
        (1, "expected", [1, 0, 1 / 2, 1 / 4]),
        (1, "optimistic", [1, 0, 1, 1]),
        (1, "pessimistic", [1, 0, 0, 0]),
        (2, "expected", [1, 1, 1, 1 / 2]),
        (2, "pessimistic", [1, 1, 1, 0]),
        (3, "expected", [1, 1, 1, 3 / 4]),
        (4, "pessimistic", [1, 1, 1, 1]),
        (9, "expected", [1, 1, 1, 1]),
    ],
)
def test_ties_are_treated_as_declared(k: int, ties: str, expected: list[float]) -> None:
    scores = scored("top_k_accuracy", SCORES, TRUE, k=k, ties=ties)
    assert scores.labels == ("all",)
    np.testing.assert_array_equal(scores.values, [expected])
    assert scores.flags["tied"].tolist() == [[False, False, True, True]]


def test_accuracy_is_top_1() -> None:
    expected = scored("top_k_accuracy", SCORES, TRUE, k=1)
    np.testing.assert_array_equal(scored("accuracy", SCORES, TRUE).values, expected.values)
    assert resolve("accuracy", {}).definition_id == "accuracy.v1;ties=expected"


def test_a_constant_answer_scores_chance_whatever_the_class_numbers() -> None:
    true = np.repeat(np.arange(10), 3)
    assert scored("accuracy", np.ones((30, 10)), true).values.mean() == pytest.approx(0.1)
    assert scored("top_k_accuracy", np.ones((30, 10)), true, k=3).values.mean() == pytest.approx(
        0.3
    )


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 300), st.sampled_from("fd"))
def test_the_compiled_count_is_numpys(seed: int, n_items: int, n_classes: int, kind: str) -> None:
    generator = np.random.default_rng(seed)
    scores = generator.integers(0, 9, (n_items, n_classes)).astype(kind)
    true = generator.integers(0, n_classes, n_items)
    with pytest.MonkeyPatch.context() as patched:
        expected = placements.placements(scores, true)
        patched.setattr(placements, "_COMPILED_FROM", 0)
        found = placements.placements(scores, true)
    np.testing.assert_array_equal(found.above, expected.above)
    np.testing.assert_array_equal(found.equal, expected.equal)


def test_single_precision_is_scored_as_it_is() -> None:
    # 0.1 is larger in float32 than in float64, and equal to itself in either.
    scores = np.array([[0.1, 0.1, 0.3]], dtype=np.float32)
    case = TableCase("a", scores, np.array([0]), ("x", "y", "z"), (0, 1, 2))
    assert case.prediction.dtype == np.float32
    assert scored("top_k_accuracy", scores, [0], k=2).values.tolist() == [[0.5]]
    half = TableCase("b", scores.astype(np.float16), case.reference, case.columns, (0, 1, 2))
    assert half.prediction.dtype == np.float64


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6))
def test_without_ties_it_equals_scikit_learn(seed: int, k: int) -> None:
    generator = np.random.default_rng(seed)
    scores = generator.permuted(np.tile(np.arange(7.0), (40, 1)), axis=1)
    true = generator.integers(0, 7, 40)
    found = scored("top_k_accuracy", scores, true, k=k)
    reference = top_k_accuracy_score(true, scores, k=k, labels=np.arange(7))
    assert found.values.mean() == pytest.approx(reference, abs=1e-15)
    assert not found.flags["tied"].any()
    accuracy = scored("accuracy", scores, true).values.mean()
    assert accuracy == pytest.approx(accuracy_score(true, scores.argmax(axis=1)), abs=1e-15)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5))
def test_the_expected_rule_is_the_mean_over_random_orders(seed: int, k: int) -> None:
    """Scores with many ties, broken at random 4,000 times, agree within sampling error."""
    generator = np.random.default_rng(seed)
    scores = generator.integers(0, 3, (1, 5)).astype(np.float64)
    found = scored("top_k_accuracy", scores, [2], k=k).values[0, 0]
    broken = scores + generator.random((4000, 5)) * 1e-3
    places = (broken > broken[:, [2]]).sum(axis=1)
    assert found == pytest.approx((places < k).mean(), abs=0.06)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5))
def test_the_tie_rules_are_ordered_and_blind_to_the_order_of_classes(seed: int, k: int) -> None:
    generator = np.random.default_rng(seed)
    scores = generator.integers(0, 3, (20, 5)).astype(np.float64)
    true = generator.integers(0, 5, 20)
    low, middle, high = (
        scored("top_k_accuracy", scores, true, k=k, ties=ties).values
        for ties in ("pessimistic", "expected", "optimistic")
    )
    assert (low <= middle).all()
    assert (middle <= high).all()
    order = generator.permutation(5)
    renamed = scored("top_k_accuracy", scores[:, order], np.argsort(order)[true], k=k).values
    np.testing.assert_array_equal(renamed, middle)
