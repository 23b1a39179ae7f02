"""Several labels an item: by hand, against scikit-learn, on empty labels and items, missing."""

import warnings

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from proctor_metrics import (
    MetricInputError,
    MultilabelCase,
    PerItemMetric,
    PooledMetric,
    Side,
    TableCase,
    resolve,
)

POOLED = [
    ("multilabel_f1", {}),
    ("multilabel_f1", {"average": "micro", "zero_division": 0}),
    ("multilabel_auroc", {}),
    ("multilabel_average_precision", {}),
]
PER_ITEM = ["hamming_loss", "label_ranking_average_precision", "samples_f1", "subset_accuracy"]
SEEDS = st.integers(0, 10**6)


def several(scores: npt.ArrayLike, true: npt.ArrayLike, name: str = "a") -> MultilabelCase:
    table = np.asarray(scores, dtype=np.float64)
    columns = tuple(f"l{label}" for label in range(table.shape[1]))
    return MultilabelCase(name, table, np.asarray(true), columns)


def random_case(seed: int, n_items: int = 12, n_labels: int = 4, name: str = "a") -> MultilabelCase:
    generator = np.random.default_rng(seed)
    # Tenths tie, and half of them reach the threshold.
    scores = generator.integers(0, 11, (n_items, n_labels)) / 10
    return several(scores, generator.random((n_items, n_labels)) < 0.4, name)


def lost(case: MultilabelCase, name: str = "b") -> MultilabelCase:
    return MultilabelCase.missing(name, case.reference, case.columns)


def pooled(name: str, *cases: MultilabelCase, **parameters: object) -> npt.NDArray[np.float64]:
    metric = resolve(name, parameters)
    assert isinstance(metric, PooledMetric)
    return metric.pooled(list(cases))


def per_item(name: str, case: MultilabelCase, **parameters: object) -> npt.NDArray[np.float64]:
    metric = resolve(name, parameters)
    assert isinstance(metric, PerItemMetric)
    return metric.per_item(case).values[0]


# Scores of three labels: the first item exact, of the second one missed and one invented.
CASE = several([[0.9, 0.1, 0.5], [0.6, 0.4, 0.2]], [[1, 0, 1], [0, 1, 0]])


def test_sets_are_compared_item_by_item() -> None:
    assert per_item("subset_accuracy", CASE).tolist() == [1, 0]
    assert per_item("hamming_loss", CASE) == pytest.approx([0, 2 / 3])
    assert per_item("samples_f1", CASE).tolist() == [1, 0]
    # With a lower threshold the second item has its label, and two more.
    assert per_item("samples_f1", CASE, threshold=0.2)[1] == pytest.approx(2 / (3 + 1))


def test_a_score_at_the_threshold_is_an_answer() -> None:
    case = several([[0.5, 0.499]], [[1, 0]])
    assert per_item("subset_accuracy", case).tolist() == [1]
    assert per_item("subset_accuracy", case, threshold=0.51).tolist() == [0]


def test_f1_of_each_label_their_mean_and_all_together() -> None:
    # l0: TP 1 FP 1. l1: FN 1. l2: TP 1.
    by_label = pooled("multilabel_f1", CASE, average="per_label")
    assert by_label == pytest.approx([2 / 3, 0, 1])
    assert pooled("multilabel_f1", CASE) == pytest.approx([5 / 9])
    assert pooled("multilabel_f1", CASE, average="micro") == pytest.approx([4 / 6])


def test_an_item_without_labels_that_gets_none_is_right() -> None:
    case = several([[0.1, 0.2], [0.9, 0.2]], np.zeros((2, 2)))
    assert per_item("samples_f1", case).tolist() == [1, 0]
    assert per_item("subset_accuracy", case).tolist() == [1, 0]
    assert np.isnan(per_item("label_ranking_average_precision", case)).all()


@pytest.mark.parametrize(("zero_division", "expected"), [("nan", 1.0), (0, 0.5), (1, 1.0)])
def test_a_label_that_is_nowhere_counts_as_declared(zero_division: object, expected: float) -> None:
    case = several([[0.9, 0.1]], [[1, 0]])
    found = pooled("multilabel_f1", case, zero_division=zero_division)
    assert found.tolist() == [expected]


def test_a_label_of_no_item_or_of_all_has_no_order() -> None:
    case = several([[0.9, 0.1, 0.3], [0.2, 0.5, 0.1]], [[1, 0, 1], [0, 0, 1]])
    for name in ("multilabel_auroc", "multilabel_average_precision"):
        found = pooled(name, case, average="per_label")
        np.testing.assert_array_equal(found, [1.0, np.nan, np.nan])
        assert np.isnan(pooled(name, case)).all()


def test_equal_scores_of_an_item_count_against_it() -> None:
    case = several([[0.5, 0.5, 0.5, 0.1]], [[1, 0, 0, 0]])
    assert per_item("label_ranking_average_precision", case) == pytest.approx([1 / 3])


def test_constant_scores_get_chance() -> None:
    case = several(np.full((4, 1), 0.3), [[1], [0], [0], [0]])
    assert pooled("multilabel_auroc", case).tolist() == [0.5]
    assert pooled("multilabel_average_precision", case).tolist() == [0.25]


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 15), st.integers(2, 5))
def test_the_values_equal_scikit_learn(seed: int, n_items: int, n_labels: int) -> None:
    case = random_case(seed, n_items, n_labels)
    true, answered = case.reference.astype(int), (case.prediction >= 0.5).astype(int)
    assert per_item("subset_accuracy", case).mean() == sklearn.accuracy_score(true, answered)
    assert per_item("hamming_loss", case).mean() == pytest.approx(
        sklearn.hamming_loss(true, answered)
    )
    expected = sklearn.f1_score(true, answered, average="samples", zero_division=1)
    assert per_item("samples_f1", case).mean() == pytest.approx(expected)
    for average in ("macro", "micro"):
        for zero_division in (0, 1):
            expected = sklearn.f1_score(
                true, answered, average=average, zero_division=zero_division
            )
            found = pooled("multilabel_f1", case, average=average, zero_division=zero_division)
            assert found[0] == pytest.approx(expected)
    counts = true.sum(axis=1)
    ordered = (counts > 0) & (counts < n_labels)
    found = per_item("label_ranking_average_precision", case)
    assert np.isnan(found).tolist() == (~ordered).tolist()
    if ordered.any():
        expected = sklearn.label_ranking_average_precision_score(
            true[ordered], case.prediction[ordered]
        )
        assert found[ordered].mean() == pytest.approx(expected, rel=1e-13)


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_orders_by_label_equal_scikit_learn_with_weights(seed: int) -> None:
    case = random_case(seed, 20, 3)
    weights = np.random.default_rng(seed).integers(0, 4, (2, 20))
    for name, oracle in (
        ("multilabel_auroc", sklearn.roc_auc_score),
        ("multilabel_average_precision", sklearn.average_precision_score),
    ):
        metric = resolve(name, {"average": "per_label"})
        assert isinstance(metric, PooledMetric)
        found = metric.replicates([case], weights)
        for replicate, row in enumerate(weights):
            for label in range(3):
                true = case.reference[:, label]
                if not 0 < row[true].sum() < row.sum():
                    assert np.isnan(found[label, replicate])
                    continue
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    expected = oracle(true, case.prediction[:, label], sample_weight=row)
                assert found[label, replicate] == pytest.approx(expected, rel=1e-12)


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.sampled_from(POOLED))
def test_a_replicate_is_the_value_of_the_drawn_items(
    seed: int, which: tuple[str, dict[str, object]]
) -> None:
    name, parameters = which
    case = random_case(seed, 15, 3)
    drawn = np.random.default_rng(seed).integers(0, 15, 15)
    metric = resolve(name, parameters)
    assert isinstance(metric, PooledMetric)
    found = metric.replicates([case], np.bincount(drawn, minlength=15)[np.newaxis])[:, 0]
    repeated = several(case.prediction[drawn], case.reference[drawn])
    np.testing.assert_allclose(found, metric.pooled([repeated]), rtol=1e-12)


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.sampled_from(POOLED))
def test_no_answer_is_worse_than_none(seed: int, which: tuple[str, dict[str, object]]) -> None:
    name, parameters = which
    rest, answered = random_case(seed), random_case(seed + 1, 3, name="b")
    none = pooled(name, rest, lost(answered), **parameters)[0]
    found = pooled(name, rest, answered, **parameters)[0]
    # With 0/0 left out, a label that is nowhere else may be brought in by the lost case alone.
    assert np.isnan(none) or none <= found + 1e-12


def test_a_case_that_was_not_answered_has_no_values_of_its_own() -> None:
    for name in PER_ITEM:
        with pytest.raises(MetricInputError, match="was not answered") as caught:
            per_item(name, lost(CASE))
        assert caught.value.side is Side.PREDICTION
        worst = resolve(name, {}).worst(CASE.reference.shape, ())
        assert worst == (1 if name == "hamming_loss" else 0)


@pytest.mark.parametrize(
    ("scores", "true", "side", "message"),
    [
        ([[0.1, np.nan]], [[0, 1]], Side.PREDICTION, "is nan in row 0, column 'l1'"),
        ([[0.1, 0.2]], [[0, 2]], Side.REFERENCE, "neither 0 nor 1"),
        ([[0.1, 0.2]], [[0, 1], [1, 0]], Side.PREDICTION, "shape \\(1, 2\\)"),
        ([[0.1, 0.2]], [0, 1], Side.REFERENCE, "each of 2 labels"),
    ],
)
def test_what_is_no_table_of_labels_is_refused_with_its_owner(
    scores: list[list[float]], true: list[object], side: Side, message: str
) -> None:
    with pytest.raises(MetricInputError, match=message) as caught:
        several(scores, true)
    assert caught.value.side is side


def test_labels_must_be_there_and_the_same_in_all_cases() -> None:
    with pytest.raises(MetricInputError, match="each of its own name"):
        MultilabelCase("a", np.zeros((1, 2)), np.zeros((1, 2), dtype=bool), ("x", "x"))
    other = MultilabelCase("b", CASE.prediction, CASE.reference, ("x", "y", "z"))
    with pytest.raises(MetricInputError, match="those of case 'a'"):
        pooled("multilabel_f1", CASE, other)
    table = TableCase("t", np.zeros((1, 2)), np.array([0]), ("x", "y"), (0, 1))
    for name in [*PER_ITEM, *dict(POOLED)]:
        with pytest.raises(MetricInputError, match="tables of label scores"):
            resolve(name, {}).labels(table)
        assert resolve(name, {}).labels(CASE) == ("all",)
    for name in ("multilabel_f1", "multilabel_auroc"):
        assert resolve(name, {"average": "per_label"}).labels(CASE) == CASE.columns
