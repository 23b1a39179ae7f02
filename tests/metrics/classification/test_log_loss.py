"""Log loss: by hand, by scikit-learn, and what it refuses."""

from math import log

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from proctor_metrics import ItemScores, MetricInputError, PerItemMetric, Side, TableCase, resolve
from proctor_metrics.cases import FloatArray


def scored(probabilities: FloatArray, true: object, **parameters: object) -> ItemScores:
    metric = resolve("log_loss", parameters)
    assert isinstance(metric, PerItemMetric)
    n_columns = probabilities.shape[1]
    columns = tuple(f"c{i}" for i in range(n_columns))
    return metric.per_item(
        TableCase("a", probabilities, np.asarray(true), columns, tuple(range(n_columns)))
    )


def test_the_loss_is_the_negative_logarithm_of_the_true_probability() -> None:
    values = scored(np.array([[0.5, 0.5], [0.1, 0.9], [1.0, 0.0]]), [0, 1, 0]).values
    np.testing.assert_allclose(values, [[log(2), -log(0.9), 0.0]], rtol=1e-15)
    assert not np.signbit(values).any()


def test_a_certain_miss_costs_the_worst_value_and_no_more() -> None:
    assert scored(np.array([[1.0, 0.0]]), [1]).values[0, 0] == pytest.approx(-log(1e-15))
    assert resolve("log_loss", {}).worst((90,), ()) == pytest.approx(-log(1e-15))
    assert scored(np.array([[1.0, 0.0]]), [1], eps=0.01).values[0, 0] == pytest.approx(-log(0.01))


def test_it_equals_scikit_learn() -> None:
    generator = np.random.default_rng(1)
    probabilities = generator.dirichlet(np.full(6, 0.3), 500)
    true = generator.integers(0, 6, 500)
    expected = sklearn_metrics.log_loss(true, probabilities, labels=np.arange(6))
    # An eps as small as scikit-learn's own makes the two clip alike.
    found = scored(probabilities, true, eps=float(np.finfo(np.float64).eps)).values.mean()
    assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("row", [[0.6, 0.6], [0.4, 0.4], [0.5, 0.5011]])
def test_a_row_that_does_not_sum_to_one_is_refused_not_renormalised(row: list[float]) -> None:
    with pytest.raises(MetricInputError, match=r"row 1 sums to .* not renormalised") as caught:
        scored(np.array([[0.5, 0.5], row]), [0, 0])
    assert caught.value.side is Side.PREDICTION


def test_rounded_rows_pass_and_are_scored_as_they_are() -> None:
    values = scored(np.array([[0.3333, 0.3333, 0.3333]]), [0]).values
    assert values[0, 0] == pytest.approx(-log(0.3333), rel=1e-15)


def test_a_sum_slightly_above_one_gains_nothing_below_zero() -> None:
    assert scored(np.array([[1.0005, 0.0]]), [0]).values[0, 0] == 0.0


@pytest.mark.parametrize("row", [[1.5, -0.5], [-0.0001, 1.0001]])
def test_a_value_outside_zero_and_one_is_refused_with_its_place(row: list[float]) -> None:
    with pytest.raises(MetricInputError, match="row 0, column 'c"):
        scored(np.array([row]), [0])
