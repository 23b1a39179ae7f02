"""Brier score and calibration errors: by hand, by scikit-learn and SciPy, at bin edges, missing."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binned_statistic
from sklearn.metrics import brier_score_loss

from proctor_metrics import (
    MetricInputError,
    PerItemMetric,
    PooledMetric,
    Side,
    TableCase,
    resolve,
)

Scores = npt.NDArray[np.float64]


def table(scores: npt.ArrayLike, true: npt.ArrayLike, name: str = "a") -> TableCase:
    array = np.asarray(scores, dtype=np.float64)
    n_classes = array.shape[1]
    return TableCase(
        name, array, np.asarray(true), tuple("abcdef"[:n_classes]), tuple(range(n_classes))
    )


def two(probabilities: npt.ArrayLike, true: npt.ArrayLike, name: str = "a") -> TableCase:
    column = np.asarray(probabilities, dtype=np.float64)
    return table(np.stack([1 - column, column], axis=1), true, name)


def pooled(name: str, *cases: TableCase, **parameters: object) -> float:
    metric = resolve(name, parameters)
    assert isinstance(metric, PooledMetric)
    return float(metric.pooled(list(cases))[0])


def per_item(name: str, case: TableCase, **parameters: object) -> list[float]:
    metric = resolve(name, parameters)
    assert isinstance(metric, PerItemMetric)
    found: list[float] = metric.per_item(case).values[0].tolist()
    return found


def random_table(seed: int, n_items: int, n_classes: int) -> TableCase:
    generator = np.random.default_rng(seed)
    # Multiples of a small number meet the edges of bins and tie.
    scores = generator.integers(0, 6, (n_items, n_classes)) + 1e-9
    scores = scores / scores.sum(axis=1, keepdims=True)
    return table(scores, generator.integers(0, n_classes, n_items))


def test_brier_is_the_squared_distance_over_all_classes() -> None:
    case = table([[0.5, 0.3, 0.2], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], [0, 1, 0])
    assert per_item("brier_score", case) == pytest.approx([0.25 + 0.09 + 0.04, 0, 2])


def test_binary_brier_is_half_of_it_for_two_classes() -> None:
    case = two([0.2, 0.9], [1, 1])
    halves = per_item("brier_score", case, form="binary", positive=1)
    assert halves == pytest.approx([0.64, 0.01])
    assert per_item("brier_score", case) == pytest.approx([1.28, 0.02])
    assert resolve("brier_score", {}).worst((1,), ()) == 2
    assert resolve("brier_score", {"form": "binary", "positive": 1}).worst((1,), ()) == 1


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 5))
def test_brier_equals_scikit_learn(seed: int, n_classes: int) -> None:
    case = random_table(seed, 20, n_classes)
    expected = brier_score_loss(
        case.reference, case.prediction, labels=np.arange(n_classes), scale_by_half=False
    )
    assert np.mean(per_item("brier_score", case)) == pytest.approx(expected, rel=1e-12)
    column = np.clip(case.prediction[:, 1], 0, 1)
    expected = brier_score_loss(case.reference == 1, column, pos_label=True)
    found = np.mean(per_item("brier_score", case, form="binary", positive=1))
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-15)


def test_calibration_error_weighs_the_gap_of_each_bin() -> None:
    # Said 0.9 twice, right twice: gap 0.1. Said 0.7 twice, right once: gap 0.2.
    case = two([0.1, 0.1, 0.7, 0.7], [0, 0, 1, 0])
    assert pooled("expected_calibration_error", case) == pytest.approx(0.15)
    # With one bin the mean 0.8 is compared with 3 of 4 right.
    assert pooled("expected_calibration_error", case, bins=1) == pytest.approx(0.05)


def test_a_bin_holds_its_upper_end_and_the_first_holds_zero() -> None:
    # Column 1 says 0, 0.5 and 0.5001 in two bins: [0, 0.5] and (0.5, 1]; column 0 mirrors it.
    case = two([0.0, 0.5, 0.5001], [0, 1, 1])
    low = abs((0 - 0) + (0.5 - 1))
    high = abs(0.5001 - 1)
    # 1 - p is 1, 0.5, 0.4999: the latter two fall below.
    mirrored = abs((0.5 - 0) + (0.4999 - 0)) + abs(1 - 1)
    found = pooled("expected_calibration_error", case, form="class_wise", bins=2)
    assert found == pytest.approx(((low + high) / 3 + mirrored / 3) / 2)


def test_tied_tops_count_as_if_drawn_at_random() -> None:
    case = table(np.full((4, 4), 0.25), [0, 1, 2, 3])
    assert pooled("expected_calibration_error", case) == pytest.approx(0)
    assert pooled("expected_calibration_error", table(np.full((3, 2), 0.5), [0, 0, 0])) == 0


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(2, 4), st.integers(1, 20))
def test_calibration_error_equals_scipys_binned_means(
    seed: int, n_items: int, n_classes: int, bins: int
) -> None:
    generator = np.random.default_rng(seed)
    scores = generator.dirichlet(np.ones(n_classes), n_items)
    true = generator.integers(0, n_classes, n_items)
    case = table(scores, true)

    def gap(said: Scores, happened: Scores) -> float:
        # SciPy's bins are closed on the left: both sides are mirrored.
        edges = np.linspace(0, 1, bins + 1)
        sums = [
            binned_statistic(1 - said, values, "sum", bins=1 - edges[::-1]).statistic
            for values in (said, happened)
        ]
        return float(np.abs(sums[0] - sums[1]).sum() / n_items)

    top = gap(scores.max(axis=1), (scores.argmax(axis=1) == true).astype(float))
    assert pooled("expected_calibration_error", case, bins=bins) == pytest.approx(top, abs=1e-12)
    by_class = [gap(scores[:, k], (true == k).astype(float)) for k in range(n_classes)]
    found = pooled("expected_calibration_error", case, bins=bins, form="class_wise")
    assert found == pytest.approx(np.mean(by_class), abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40))
def test_the_debiased_error_is_the_formula_item_by_item(seed: int, n_items: int) -> None:
    generator = np.random.default_rng(seed)
    said = generator.uniform(0.5, 1, n_items)
    right = generator.random(n_items) < said
    case = two(said, right.astype(int))
    total = 0.0
    for low in range(15):
        inside = [i for i in range(n_items) if low / 15 < said[i] <= (low + 1) / 15]
        if len(inside) < 2:
            continue
        mean, share = np.mean(said[inside]), np.mean(right[inside])
        noise = share * (1 - share) / (len(inside) - 1)
        total += len(inside) / n_items * ((mean - share) ** 2 - noise)
    found = pooled("debiased_calibration_error", case)
    assert found == pytest.approx(max(total, 0) ** 0.5, abs=1e-9)


def test_debiasing_takes_away_what_chance_alone_adds() -> None:
    generator = np.random.default_rng(0)
    plain, debiased = [], []
    for _ in range(50):
        said = generator.uniform(0.5, 1, 200)
        case = two(said, (generator.random(200) < said).astype(int))
        plain.append(pooled("expected_calibration_error", case))
        debiased.append(pooled("debiased_calibration_error", case))
    # Everything said is true: what is left is bias.
    assert np.mean(plain) > 0.06
    assert np.mean(debiased) < 0.03


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["top_label", "class_wise"]))
def test_no_answer_is_worse_than_none(seed: int, form: str) -> None:
    generator = np.random.default_rng(seed)
    rest = random_table(seed, int(generator.integers(1, 12)), 3)
    answered = random_table(seed + 1, int(generator.integers(1, 4)), 3)
    answered = TableCase("b", answered.prediction, answered.reference, rest.columns, (0, 1, 2))
    lost = TableCase.missing("b", answered.reference, rest.columns, rest.class_values)
    error = "expected_calibration_error"
    none = pooled(error, rest, lost, form=form)
    assert none >= pooled(error, rest, answered, form=form) - 1e-12
    assert pooled(error, lost, form=form) == 1
    assert pooled("debiased_calibration_error", lost, form=form) == 1


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["top_label", "class_wise"]))
def test_a_replicate_is_the_value_of_the_drawn_items(seed: int, form: str) -> None:
    case = random_table(seed, 15, 3)
    drawn = np.random.default_rng(seed).integers(0, 15, 15)
    weights = np.bincount(drawn, minlength=15)[np.newaxis]
    repeated = table(case.prediction[drawn], case.reference[drawn])
    for name in ("expected_calibration_error", "debiased_calibration_error"):
        metric = resolve(name, {"form": form})
        assert isinstance(metric, PooledMetric)
        found = metric.replicates([case], weights)[0, 0]
        assert found**2 == pytest.approx(metric.pooled([repeated])[0] ** 2, abs=1e-12)
        assert 0 <= found <= 1
    assert np.isnan(metric.replicates([case], np.zeros((1, 15), dtype=int))).all()


@pytest.mark.parametrize(
    ("row", "message"),
    [([0.7, 0.4], "sums to 1.1"), ([1.2, -0.2], "from 0 to 1"), ([0.4, 0.5], "not renormalised")],
)
def test_a_row_that_is_no_distribution_is_refused_and_not_renormalised(
    row: list[float], message: str
) -> None:
    case = table([[0.5, 0.5], row], [0, 1])
    for name in ("expected_calibration_error", "debiased_calibration_error"):
        with pytest.raises(MetricInputError, match=message) as caught:
            pooled(name, case)
        assert caught.value.side is Side.PREDICTION
    for name, parameters in (
        ("brier_score", {}),
        ("log_loss", {}),
        ("net_benefit", {"positive": 1, "threshold": 0.5}),
    ):
        with pytest.raises(MetricInputError, match=f"{name} needs"):
            per_item(name, case, **parameters)
        metric = resolve(name, parameters)
        assert ";row_sum=0.001" in metric.definition_id
        assert any("not renormalised" in rule for rule in metric.edge_rules)
