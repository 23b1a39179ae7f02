"""Errors of numbers: by hand and against scikit-learn."""

import warnings

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from proctor_metrics import (
    MetricInputError,
    PerItemMetric,
    PooledMetric,
    Side,
    ValueCase,
    resolve,
)

Values = npt.NDArray[np.float64]
WORST = 50.0


def numbers(predicted: npt.ArrayLike, true: npt.ArrayLike, name: str = "a") -> ValueCase:
    table, reference = np.asarray(predicted, float), np.asarray(true, float)
    if reference.ndim == 1:
        table, reference = table[:, np.newaxis], reference[:, np.newaxis]
    columns = tuple(f"q{index}" for index in range(reference.shape[1]))
    return ValueCase(name, table, reference, columns)


def value(name: str, *cases: ValueCase) -> Values:
    metric = resolve(name, {}, worst=None if name == "r2" else WORST)
    if isinstance(metric, PooledMetric):
        return metric.pooled(cases)
    assert isinstance(metric, PerItemMetric)
    return np.concatenate([metric.per_item(case).values for case in cases], axis=1).mean(axis=1)


@pytest.mark.parametrize(
    ("name", "expected"),
    # Errors 1, -1 and 4 of 1, 2 and 3, whose mean is 2.
    [
        ("mae", 2.0),
        ("mape", 100 * (1 / 1 + 1 / 2 + 4 / 3) / 3),
        ("max_error", 4.0),
        ("median_absolute_error", 1.0),
        ("mse", 6.0),
        ("rmse", 6.0**0.5),
        ("r2", 1 - 18 / 2),
    ],
)
def test_a_value_is_the_one_worked_out_by_hand(name: str, expected: float) -> None:
    assert value(name, numbers([2, 1, 7], [1, 2, 3])) == pytest.approx([expected])


def percentage_error(true: Values, predicted: Values, multioutput: str) -> Values:
    ratio: Values = sklearn.mean_absolute_percentage_error(true, predicted, multioutput=multioutput)
    return 100 * ratio


def max_error(true: Values, predicted: Values, multioutput: str) -> Values:
    return np.array([sklearn.max_error(t, p) for t, p in zip(true.T, predicted.T, strict=True)])


ORACLES = {
    "mae": sklearn.mean_absolute_error,
    "mape": percentage_error,
    "max_error": max_error,
    "median_absolute_error": sklearn.median_absolute_error,
    "mse": sklearn.mean_squared_error,
    "rmse": sklearn.root_mean_squared_error,
    "r2": sklearn.r2_score,
}
FINITE = st.floats(-1e6, 1e6).map(lambda number: round(number, 3))
TABLES = st.integers(2, 30).flatmap(
    lambda n: st.tuples(
        *(
            st.lists(st.tuples(FINITE, FINITE), min_size=n, max_size=n).map(np.array)
            for _ in range(2)
        )
    )
)


@pytest.mark.parametrize("name", sorted(ORACLES))
@settings(max_examples=30, deadline=None)
@given(tables=TABLES)
def test_every_value_is_scikit_learns(name: str, tables: tuple[Values, Values]) -> None:
    predicted, true = tables
    if name == "mape":
        true = np.where(true == 0, 1.0, true)
    expected = ORACLES[name](true, predicted, multioutput="raw_values")
    assert value(name, numbers(predicted, true)) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("name", sorted(ORACLES))
def test_on_ordinary_data_the_values_agree_to_the_last_digits(name: str) -> None:
    generator = np.random.default_rng(3)
    true = generator.normal(40, 12, 5000)
    predicted = true + generator.normal(0, 5, 5000)
    expected = ORACLES[name](true[:, None], predicted[:, None], multioutput="raw_values")
    assert value(name, numbers(predicted, true)) == pytest.approx(expected, rel=2e-15, abs=0)


def test_r2_does_not_lose_its_digits_to_a_large_offset() -> None:
    generator = np.random.default_rng(4)
    true = generator.normal(0, 1, 500)
    predicted = true + generator.normal(0, 0.5, 500)
    near, far = numbers(predicted, true), numbers(predicted + 1e8, true + 1e8)
    assert value("r2", far) == pytest.approx(value("r2", near), rel=1e-6)


@pytest.mark.parametrize(("predicted", "expected"), [([4, 4, 4], 1.0), ([4, 4, 5], 0.0)])
def test_r2_of_equal_numbers_is_scikit_learns(predicted: list[float], expected: float) -> None:
    assert value("r2", numbers(predicted, [4, 4, 4])) == [expected]
    assert sklearn.r2_score([4, 4, 4], predicted) == expected


def test_r2_of_one_item_is_undefined() -> None:
    assert np.isnan(value("r2", numbers([1], [2]))).all()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.isnan(sklearn.r2_score([2], [1]))


@pytest.mark.parametrize("name", ["max_error", "median_absolute_error", "rmse", "r2"])
def test_a_replicate_is_the_value_of_the_drawn_items(name: str) -> None:
    generator = np.random.default_rng(5)
    true = generator.normal(size=(40, 2))
    predicted = true + generator.normal(size=(40, 2))
    drawn = generator.integers(0, 40, 40)
    metric = resolve(name, {}, worst=WORST)
    assert isinstance(metric, PooledMetric)
    weights = np.bincount(drawn, minlength=40)[np.newaxis, :]
    found = metric.replicates([numbers(predicted, true)], weights)[:, 0]
    assert found == pytest.approx(value(name, numbers(predicted[drawn], true[drawn])), rel=1e-12)


def test_a_missing_case_costs_what_the_task_declares() -> None:
    lost = ValueCase.missing("b", np.array([[3.0], [4.0]]), ("q0",))
    found = value("rmse", numbers([1, 2], [1, 2]), lost)
    assert found == pytest.approx([(2 * WORST**2 / 4) ** 0.5])


def test_a_missing_case_is_far_off_in_each_of_its_items() -> None:
    lost = ValueCase.missing("b", np.array([[3.0], [4.0]]), ("q0",))
    assert value("max_error", numbers([1, 2], [1, 2]), lost) == [WORST]
    assert value("median_absolute_error", numbers([1, 3], [1, 2]), lost) == [(1 + WORST) / 2]


def test_a_reference_of_0_is_refused_or_left_out_of_mape() -> None:
    case = numbers([1, 3], [0, 2])
    refusing = resolve("mape", {}, worst=WORST)
    leaving = resolve("mape", {"zero_reference": "leave_out"}, worst=WORST)
    assert isinstance(refusing, PerItemMetric)
    assert isinstance(leaving, PerItemMetric)
    with pytest.raises(
        MetricInputError, match="the reference is 0 in row 0, column 'q0'"
    ) as caught:
        refusing.per_item(case)
    assert caught.value.side is Side.REFERENCE
    assert leaving.per_item(case).values[0] == pytest.approx([np.nan, 50.0], nan_ok=True)


def test_a_missing_case_is_answered_with_the_far_end_of_the_range_for_r2() -> None:
    lost = ValueCase.missing("b", np.array([[9.0], [2.0]]), ("q0",))
    worst = numbers([0, 9], [9, 2], "b")
    assert value("r2", numbers([0, 5], [0, 5]), lost) == value("r2", numbers([0, 5], [0, 5]), worst)


def test_several_columns_are_labels() -> None:
    one, two = numbers([1, 2], [1, 2]), numbers([[1, 2]], [[1, 2]])
    for name in ORACLES:
        metric = resolve(name, {}, worst=WORST)
        assert metric.labels(one) == ("all",)
        assert metric.labels(two) == ("q0", "q1")


@pytest.mark.parametrize(
    ("predicted", "true", "side", "message"),
    [
        ([[np.nan]], [[1.0]], Side.PREDICTION, "the prediction is nan in row 0, column 'q'"),
        ([[1.0]], [[np.inf]], Side.REFERENCE, "the reference is not finite in row 0"),
        ([[1.0, 2.0]], [[1.0]], Side.PREDICTION, r"shape \(1, 1\) is expected"),
        ([[1.0]], [1.0], Side.REFERENCE, "it must hold 1 numbers for each item"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused_with_its_owner(
    predicted: npt.ArrayLike, true: npt.ArrayLike, side: Side, message: str
) -> None:
    with pytest.raises(MetricInputError, match=message) as caught:
        ValueCase("a", np.asarray(predicted), np.asarray(true), ("q",))
    assert caught.value.side is side
