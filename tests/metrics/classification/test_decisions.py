"""Expected cost, likelihood ratio and net benefit: by hand, by scikit-learn, with cases missing."""

import itertools
import warnings

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import class_likelihood_ratios, confusion_matrix

from proctor_metrics import (
    LabelCase,
    MetricInputError,
    MetricParameterError,
    PerItemMetric,
    PooledMetric,
    TableCase,
    resolve,
)

COSTS = [[0, 1, 4], [2, 0, 1], [9, 3, 0]]
CLASS_LISTS = st.integers(1, 25).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 2), min_size=n, max_size=n),
        st.lists(st.integers(0, 2), min_size=n, max_size=n),
    )
)


def labels(answered: npt.ArrayLike, true: npt.ArrayLike, name: str = "a") -> LabelCase:
    return LabelCase(name, np.asarray(answered), np.asarray(true), tuple("abc"), (0, 1, 2))


def pooled(name: str, *cases: LabelCase | TableCase, **parameters: object) -> float:
    metric = resolve(name, parameters)
    assert isinstance(metric, PooledMetric)
    return float(metric.pooled(list(cases))[0])


def test_a_cost_of_one_is_what_the_best_constant_answer_has() -> None:
    true = [0, 0, 0, 1, 2]
    assert pooled("expected_cost", labels([0] * 5, true)) == 1
    assert pooled("expected_cost", labels(true, true)) == 0
    # One wrong, two that the constant answer has wrong.
    assert pooled("expected_cost", labels([0, 0, 0, 1, 1], true)) == 0.5
    # Wrong: 0 as 2 costs 4. Constant 0, 1, 2: 2 + 9, 3 + 3, 12 + 1.
    assert pooled("expected_cost", labels([0, 0, 2, 1, 2], true), costs=COSTS) == 4 / 6


@settings(max_examples=50, deadline=None)
@given(CLASS_LISTS, st.sampled_from([None, COSTS]))
def test_expected_cost_is_the_confusion_matrix_times_the_costs(
    pair: tuple[list[int], list[int]], costs: list[list[int]] | None
) -> None:
    answered, true = pair
    matrix = confusion_matrix(true, answered, labels=[0, 1, 2])
    prices = 1 - np.eye(3) if costs is None else np.asarray(costs)
    constant = (matrix.sum(axis=1) @ prices).min()
    expected = (matrix * prices).sum() / constant if constant else np.nan
    found = pooled("expected_cost", labels(answered, true), **({"costs": costs} if costs else {}))
    assert found == pytest.approx(expected, rel=1e-14, nan_ok=True)


@settings(max_examples=30, deadline=None)
@given(CLASS_LISTS, st.lists(st.integers(0, 2), min_size=1, max_size=3))
def test_no_answer_costs_more_than_none(pair: tuple[list[int], list[int]], true: list[int]) -> None:
    rest = labels(*pair)
    lost = LabelCase.missing("b", np.asarray(true), rest.classes, rest.class_values)
    none = pooled("expected_cost", rest, lost, costs=COSTS)
    for answers in itertools.product(range(3), repeat=len(true)):
        answered = pooled("expected_cost", rest, labels(answers, true, "b"), costs=COSTS)
        assert np.isnan(answered) or none >= answered - 1e-12


def test_costs_follow_the_values_of_classes_and_not_their_columns() -> None:
    table = TableCase("a", np.eye(3)[[0, 2]], np.array([0, 0]), ("two", "one", "zero"), (2, 1, 0))
    metric = resolve("expected_cost", {"costs": COSTS})
    assert isinstance(metric, PooledMetric)
    other = TableCase("b", np.eye(3)[[1]], np.array([1]), table.columns, table.class_values)
    # Of class 0 answered with 2: 4. The best constant answer is 1: 1 + 1.
    assert metric.pooled([table, other]).tolist() == [2.0]


@pytest.mark.parametrize(
    ("costs", "message"),
    [
        ([[0, 1]], "as many as columns"),
        ([[0, -1], [1, 0]], "numbers from 0"),
        ([[0, "x"], [1, 0]], "numbers from 0"),
        ("all", "list of rows"),
        ([[1, 1], [1, 0]], "zeros on its diagonal"),
    ],
)
def test_costs_must_be_a_matrix(costs: object, message: str) -> None:
    with pytest.raises(MetricParameterError, match=message):
        resolve("expected_cost", {"costs": costs})


def test_costs_must_be_of_the_tasks_classes() -> None:
    with pytest.raises(MetricInputError, match="the costs are of 2 classes"):
        resolve("expected_cost", {"costs": [[0, 1], [1, 0]]}).labels(labels([0], [0]))


def test_the_ratio_is_sensitivity_over_false_alarms() -> None:
    # Sensitivity 2/3, one false alarm in 4.
    case = labels([1, 1, 0, 1, 0, 2, 0], [1, 1, 1, 0, 0, 2, 2])
    plain = pooled("positive_likelihood_ratio", case, positive=1, correction="none")
    assert plain == pytest.approx((2 / 3) / (1 / 4))
    corrected = pooled("positive_likelihood_ratio", case, positive=1)
    assert corrected == pytest.approx((2.5 / 4) / (1.5 / 5))


def test_a_perfect_model_has_a_place_on_the_board() -> None:
    perfect, worse = labels([1, 1, 0, 0], [1, 1, 0, 0]), labels([1, 0, 0, 0], [1, 1, 0, 0])
    found = [pooled("positive_likelihood_ratio", case, positive=1) for case in (perfect, worse)]
    assert found[0] > found[1] > 1
    assert np.isnan(pooled("positive_likelihood_ratio", perfect, positive=1, correction="none"))
    for positive in (0, 2):
        single = labels([0, 0], [0, 0])
        assert np.isnan(pooled("positive_likelihood_ratio", single, positive=positive))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=30))
def test_the_plain_ratio_equals_scikit_learn(pairs: list[tuple[bool, bool]]) -> None:
    answered, true = (np.asarray(side, dtype=int) for side in zip(*pairs, strict=True))
    found = pooled(
        "positive_likelihood_ratio", labels(answered, true), positive=1, correction="none"
    )
    if true.all() or not true.any():
        assert np.isnan(found)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected, _ = class_likelihood_ratios(true, answered, labels=[0, 1])
    assert found == pytest.approx(expected, rel=1e-14, nan_ok=True)


def worth(case: TableCase, threshold: float = 0.2) -> npt.NDArray[np.float64]:
    metric = resolve("net_benefit", {"positive": 1, "threshold": threshold})
    assert isinstance(metric, PerItemMetric)
    return metric.per_item(case).values[0]


def two(probabilities: npt.ArrayLike, true: npt.ArrayLike) -> TableCase:
    column = np.asarray(probabilities)
    return TableCase(
        "a", np.stack([1 - column, column], axis=1), np.asarray(true), ("no", "yes"), (0, 1)
    )


def test_net_benefit_charges_false_alarms_at_the_odds_of_the_threshold() -> None:
    case = two([0.9, 0.2, 0.19, 0.5], [1, 1, 1, 0])
    assert worth(case).tolist() == [1, 1, 0, -0.25]
    metric = resolve("net_benefit", {"positive": 1, "threshold": 0.2})
    assert metric.worst((4,), ()) == -0.25


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.05, 0.95))
def test_the_mean_is_the_formula_of_the_paper(seed: int, threshold: float) -> None:
    generator = np.random.default_rng(seed)
    probabilities, true = generator.random(20), generator.integers(0, 2, 20)
    matrix = confusion_matrix(true, probabilities >= threshold, labels=[0, 1])
    expected = matrix[1, 1] / 20 - matrix[0, 1] / 20 * threshold / (1 - threshold)
    assert worth(two(probabilities, true), threshold).mean() == pytest.approx(expected, abs=1e-12)


def test_a_threshold_and_a_positive_class_must_be_given() -> None:
    with pytest.raises(MetricParameterError, match="'threshold': is required"):
        resolve("net_benefit", {"positive": 1})
    with pytest.raises(MetricParameterError, match="'positive': is required"):
        resolve("net_benefit", {"threshold": 0.2})
    with pytest.raises(MetricInputError, match="positive class of net_benefit is 7"):
        resolve("net_benefit", {"threshold": 0.2, "positive": 7}).labels(two([0.1], [0]))
