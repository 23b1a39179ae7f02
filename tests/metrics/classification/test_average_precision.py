"""Average precision: by hand, by scikit-learn with weights, at its ends and with cases missing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from proctor_metrics import MaskCase, MetricInputError, PooledMetric, TableCase, resolve
from proctor_metrics.bootstrap import draw_weights


def average_precision(**parameters: object) -> PooledMetric:
    metric = resolve("average_precision", parameters)
    assert isinstance(metric, PooledMetric)
    return metric


def binary(scores: object, true: object, name: str = "a") -> TableCase:
    column = np.asarray(scores, dtype=np.float64)
    table = np.stack([1 - column, column], axis=1)
    return TableCase(name, table, np.asarray(true), ("no", "yes"), (0, 1))


OF_YES = average_precision(average="binary", positive=1)


def test_precision_is_summed_in_steps_of_recall() -> None:
    # From the top: hit (1/1), miss, hit (2/3), miss.
    assert OF_YES.pooled([binary([0.9, 0.8, 0.7, 0.6], [1, 0, 1, 0])])[0] == pytest.approx(
        (1 + 2 / 3) / 2
    )


def test_items_of_equal_scores_make_one_step_whatever_their_order() -> None:
    # The upper three share a score: two of three are hits, all recall at once.
    for true in ([1, 1, 0, 0], [0, 1, 1, 0]):
        assert OF_YES.pooled([binary([0.5, 0.5, 0.5, 0.1], true)])[0] == pytest.approx(2 / 3)
    assert OF_YES.pooled([binary([0.3] * 5, [1, 0, 0, 0, 0])]).tolist() == [0.2]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 30), st.integers(2, 4))
def test_it_equals_scikit_learn_with_and_without_weights(
    seed: int, n_items: int, n_classes: int
) -> None:
    generator = np.random.default_rng(seed)
    scores = generator.integers(0, 8, (n_items, n_classes)).astype(np.float64)
    true = generator.integers(0, n_classes, n_items)
    case = TableCase("a", scores, true, tuple("abcd"[:n_classes]), tuple(range(n_classes)))
    weights = generator.integers(0, 4, (3, n_items)).astype(np.uint16)
    metric = average_precision(average="per_class")
    found = metric.replicates([case], weights)
    for replicate, row in enumerate(weights):
        for column in range(n_classes):
            positive = true == column
            if not 0 < row[positive].sum() < row.sum():
                assert np.isnan(found[column, replicate])
                continue
            expected = average_precision_score(positive, scores[:, column], sample_weight=row)
            assert found[column, replicate] == pytest.approx(expected, rel=1e-12)
    macro = average_precision().replicates([case], weights)
    np.testing.assert_allclose(macro[0], found.mean(axis=0), rtol=1e-14)


def test_a_class_without_items_or_with_all_of_them_is_undefined() -> None:
    assert np.isnan(OF_YES.pooled([binary([0.4, 0.6], [0, 0])])).all()
    assert np.isnan(OF_YES.pooled([binary([0.4, 0.6], [1, 1])])).all()
    assert np.isnan(OF_YES.pooled([binary([0.4], [1])])).all()


def test_positive_items_of_a_lost_case_are_never_found() -> None:
    rest = binary([0.2, 0.1], [1, 0])
    lost = TableCase.missing("b", np.array([1, 0, 1]), ("no", "yes"), (0, 1))
    # One of three is found, below a false alarm.
    assert OF_YES.pooled([rest, lost])[0] == pytest.approx((1 / 2) / 3)
    assert OF_YES.pooled([lost]).tolist() == [0.0]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**6))
def test_no_answer_to_a_case_is_worse_than_none(seed: int) -> None:
    generator = np.random.default_rng(seed)
    rest = binary(generator.random(8).round(1), [0, 1, *generator.integers(0, 2, 6)])
    true = generator.integers(0, 2, 4)
    answered = binary(generator.random(4).round(1), true, "b")
    lost = TableCase.missing("b", answered.reference, answered.columns, answered.class_values)
    assert OF_YES.pooled([rest, lost])[0] <= OF_YES.pooled([rest, answered])[0] + 1e-12


def test_replicates_in_slices_equal_one_at_a_time() -> None:
    generator = np.random.default_rng(3)
    case = binary(generator.random(5000).round(2), generator.integers(0, 2, 5000))
    weights = draw_weights([str(i) for i in range(5000)], "sha256:x", samples=810, seed=0)
    found = OF_YES.replicates([case], weights)
    for replicate in (0, 799, 800, 809):
        assert found[0, replicate] == OF_YES.pooled([case], weights[replicate])[0]


def test_what_does_not_fit_the_task_is_refused() -> None:
    case = binary([0.9, 0.1], [1, 0])
    with pytest.raises(MetricInputError, match="positive class of average_precision is 5"):
        average_precision(average="binary", positive=5).labels(case)
    grid = np.zeros((2, 2), dtype=int)
    with pytest.raises(MetricInputError, match="computed from tables"):
        OF_YES.pooled([MaskCase("m", grid, grid, (1.0, 1.0), {1: "x"})])
    with pytest.raises(ValueError, match="do not fit 2 items"):
        OF_YES.replicates([case], np.ones((1, 3), dtype=int))
