"""AUROC: by hand, by scikit-learn with weights, with classes absent and cases missing."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from proctor_metrics import MaskCase, MetricInputError, PooledMetric, TableCase, resolve
from proctor_metrics.bootstrap import draw_weights
from proctor_metrics.cases import FloatArray


def auroc(**parameters: object) -> PooledMetric:
    metric = resolve("auroc", parameters)
    assert isinstance(metric, PooledMetric)
    return metric


def binary(scores: object, true: object, name: str = "a") -> TableCase:
    column = np.asarray(scores, dtype=np.float64)
    table = np.stack([1 - column, column], axis=1)
    return TableCase(name, table, np.asarray(true), ("no", "yes"), (0, 1))


def random_case(
    seed: int, n_items: int, n_classes: int
) -> tuple[FloatArray, npt.NDArray[np.int64], TableCase]:
    generator = np.random.default_rng(seed)
    # One decimal makes many ties.
    scores = generator.random((n_items, n_classes)).round(1)
    true = generator.integers(0, n_classes, n_items)
    true[:n_classes] = np.arange(n_classes)
    columns = tuple(f"c{i}" for i in range(n_classes))
    return scores, true, TableCase("a", scores, true, columns, tuple(range(n_classes)))


def test_the_area_is_the_share_of_pairs_in_order() -> None:
    # Positives .8 .4, negatives .4 .1: three pairs in order, one tied.
    case = binary([0.8, 0.4, 0.4, 0.1], [1, 1, 0, 0])
    assert auroc(average="binary", positive=1).pooled([case]).tolist() == [3.5 / 4]
    assert auroc(average="binary", positive=0).pooled([case]).tolist() == [3.5 / 4]
    assert auroc().pooled([case]).tolist() == [3.5 / 4]


@pytest.mark.parametrize(
    ("scores", "expected"), [([0.9, 0.1], 1.0), ([0.1, 0.9], 0.0), ([0.5, 0.5], 0.5)]
)
def test_the_ends_and_the_middle_of_the_scale(scores: list[float], expected: float) -> None:
    assert auroc(average="binary", positive=1).pooled([binary(scores, [1, 0])]).tolist() == [
        expected
    ]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_one_vs_rest_equals_scikit_learn(seed: int) -> None:
    scores, true, case = random_case(seed, 60, 4)
    per_class = auroc(average="per_class").pooled([case])
    expected = [roc_auc_score(true == column, scores[:, column]) for column in range(4)]
    np.testing.assert_allclose(per_class, expected, rtol=1e-13)
    np.testing.assert_allclose(auroc().pooled([case]), [np.mean(expected)], rtol=1e-13)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(3, 5))
def test_one_vs_one_equals_scikit_learn(seed: int, n_classes: int) -> None:
    generator = np.random.default_rng(seed)
    scores = generator.integers(1, 5, (40, n_classes)).astype(np.float64)
    scores /= scores.sum(axis=1, keepdims=True)
    true = generator.permutation(np.arange(40) % n_classes)
    case = TableCase("a", scores, true, tuple("abcde"[:n_classes]), tuple(range(n_classes)))
    expected = roc_auc_score(true, scores, multi_class="ovo", average="macro")
    np.testing.assert_allclose(auroc(average="one_vs_one").pooled([case]), [expected], rtol=1e-13)


def test_one_vs_one_does_not_depend_on_how_common_a_class_is() -> None:
    _, true, case = random_case(5, 40, 3)
    weights = np.where(true == 1, 4, 1)
    metric = auroc(average="one_vs_one")
    np.testing.assert_allclose(metric.pooled([case], weights), metric.pooled([case]), rtol=1e-13)
    assert auroc().pooled([case], weights) != pytest.approx(auroc().pooled([case]), rel=1e-6)


def test_one_vs_one_is_undefined_without_a_class_and_one_half_on_constant_scores() -> None:
    constant = TableCase("a", np.ones((6, 3)), np.array([0, 1, 2] * 2), tuple("abc"), (0, 1, 2))
    metric = auroc(average="one_vs_one")
    assert metric.pooled([constant]).tolist() == [0.5]
    assert np.isnan(metric.pooled([constant], np.array([1, 1, 0, 1, 1, 0]))).all()
    lost = TableCase.missing("b", constant.reference, constant.columns, constant.class_values)
    assert metric.pooled([lost]).tolist() == [0.0]
    single = TableCase("s", np.ones((2, 1)), np.array([0, 0]), ("a",), (0,))
    assert np.isnan(metric.pooled([single])).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_weights_equal_scikit_learns_sample_weights(seed: int) -> None:
    scores, true, case = random_case(seed, 50, 3)
    weights = np.random.default_rng(seed).integers(1, 5, (4, 50)).astype(np.uint16)
    found = auroc(average="per_class").replicates([case], weights)
    assert found.shape == (3, 4)
    for replicate, row in enumerate(weights):
        for column in range(3):
            expected = roc_auc_score(true == column, scores[:, column], sample_weight=row)
            assert found[column, replicate] == pytest.approx(expected, rel=1e-13)


def test_a_weight_repeats_or_drops_an_item() -> None:
    scores, true, case = random_case(7, 30, 2)
    weights = np.random.default_rng(7).integers(0, 3, 30)
    repeated = TableCase(
        "b", np.repeat(scores, weights, axis=0), np.repeat(true, weights), ("x", "y"), (0, 1)
    )
    metric = auroc(average="per_class")
    np.testing.assert_array_equal(metric.pooled([case], weights), metric.pooled([repeated]))


def test_cases_are_pooled_before_the_area_is_taken() -> None:
    first, second = binary([0.9, 0.8], [1, 0], "a"), binary([0.3, 0.2], [1, 0], "b")
    metric = auroc(average="binary", positive=1)
    assert metric.pooled([first]).tolist() == metric.pooled([second]).tolist() == [1.0]
    # Together one positive (.3) lies below one negative (.8).
    assert metric.pooled([first, second]).tolist() == [0.75]


def test_an_absent_class_leaves_the_area_undefined() -> None:
    case = TableCase("a", np.eye(3)[[0, 1]], np.array([0, 1]), ("x", "y", "z"), (0, 1, 2))
    per_class = auroc(average="per_class")
    assert per_class.labels(case) == ("x", "y", "z")
    np.testing.assert_array_equal(per_class.pooled([case]), [1.0, 1.0, np.nan])
    np.testing.assert_array_equal(auroc().pooled([case]), [np.nan])
    assert auroc().labels(case) == ("all",)


def test_a_replicate_without_a_class_is_undefined_and_the_others_are_not() -> None:
    case = binary([0.9, 0.1], [1, 0])
    weights = np.array([[1, 1], [2, 0], [0, 2]])
    found = auroc(average="binary", positive=1).replicates([case], weights)
    np.testing.assert_array_equal(found, [[1.0, np.nan, np.nan]])


def test_a_missing_case_is_on_the_wrong_side_of_all_others() -> None:
    answered = binary([0.9, 0.1], [1, 0])
    lost = TableCase.missing("b", np.array([1, 0]), ("no", "yes"), (0, 1))
    metric = auroc(average="binary", positive=1)
    # Of the four pairs only the answered one is in order.
    assert metric.pooled([answered, lost]).tolist() == [0.25]
    assert metric.pooled([lost]).tolist() == [0.0]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_the_area_depends_on_the_order_of_scores_only(seed: int) -> None:
    generator = np.random.default_rng(seed)
    scores, true = generator.random(20).round(1), generator.integers(0, 2, 20)
    true[:2] = [0, 1]
    metric = auroc(average="binary", positive=1)
    found = metric.pooled([binary(scores, true)])
    assert 0 <= found[0] <= 1
    np.testing.assert_array_equal(metric.pooled([binary(np.exp(3 * scores), true)]), found)
    np.testing.assert_allclose(metric.pooled([binary(scores, 1 - true)]), 1 - found, atol=1e-15)


def test_a_thousand_replicates_in_slices_equal_one_at_a_time() -> None:
    _, _, case = random_case(3, 5000, 2)
    weights = draw_weights([str(i) for i in range(5000)], "sha256:x", samples=900, seed=0)
    metric = auroc(average="binary", positive=1)
    found = metric.replicates([case], weights)
    for replicate in (0, 799, 800, 899):
        assert found[0, replicate] == metric.pooled([case], weights[replicate])[0]


def test_weights_must_fit_the_items() -> None:
    with pytest.raises(ValueError, match=r"shape \(1, 3\) do not fit 2 items"):
        auroc().replicates([binary([0.9, 0.1], [1, 0])], np.ones((1, 3), dtype=int))
    with pytest.raises(ValueError, match="at least one case"):
        auroc().pooled([])


def test_what_does_not_fit_the_task_is_refused() -> None:
    case = binary([0.9, 0.1], [1, 0])
    with pytest.raises(MetricInputError, match=r"positive class of auroc is 5.*one of \[0, 1\]"):
        auroc(average="binary", positive=5).pooled([case])
    with pytest.raises(MetricInputError, match="positive class of auroc is 5"):
        auroc(average="binary", positive=5).labels(case)
    other = TableCase("b", np.zeros((1, 2)), np.array([0]), ("no", "yes"), (1, 0))
    with pytest.raises(MetricInputError, match="those of case 'a'"):
        auroc().pooled([case, other])
    grid = np.zeros((2, 2), dtype=int)
    with pytest.raises(MetricInputError, match="computed from tables"):
        auroc().pooled([MaskCase("m", grid, grid, (1.0, 1.0), {1: "x"})])
