"""Correlations: by hand, against SciPy, and drawn again item by item."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from proctor_metrics import PooledMetric, ValueCase, resolve
from proctor_metrics.bootstrap import draw_weights

Values = npt.NDArray[np.float64]
NAMES = ("concordance_correlation", "kendall_tau", "pearson", "spearman")


def pooled(name: str) -> PooledMetric:
    metric = resolve(name, {})
    assert isinstance(metric, PooledMetric)
    return metric


def numbers(predicted: npt.ArrayLike, true: npt.ArrayLike, name: str = "a") -> ValueCase:
    columns = [np.asarray(side, dtype=float).reshape(-1, 1) for side in (predicted, true)]
    return ValueCase(name, columns[0], columns[1], ("q",))


def value(name: str, *cases: ValueCase) -> float:
    return float(pooled(name).pooled(cases)[0])


@pytest.mark.parametrize(
    ("name", "expected"),
    # Of 1, 9, 2, 5 against 1 to 4: means 4.25 and 2.5; ranks 1, 4, 2, 3; pairs (1, 9), (1, 2),
    # (1, 5) and (2, 5) rise with the reference, (9, 2) and (9, 5) do not.
    [
        ("pearson", 2.5 / (38.75 * 5) ** 0.5),
        ("concordance_correlation", 2 * 2.5 / (38.75 + 5 + 4 * 1.75**2)),
        ("spearman", 1 - 6 * 6 / (4 * 15)),
        ("kendall_tau", (4 - 2) / 6),
    ],
)
def test_a_value_is_the_one_worked_out_by_hand(name: str, expected: float) -> None:
    assert value(name, numbers([1, 9, 2, 5], [1, 2, 3, 4])) == pytest.approx(expected, rel=1e-12)


def test_ties_of_kendalls_tau_b_are_those_of_its_paper() -> None:
    # Of six pairs one is tied in the answers, one in the reference, none in both: 3 rise, 1 falls.
    found = value("kendall_tau", numbers([1, 2, 2, 3], [2, 1, 3, 3]))
    assert found == pytest.approx((3 - 1) / (5 * 5) ** 0.5)


def lin(predicted: Values, true: Values) -> float:
    shared = np.cov(predicted, true, bias=True)
    shift = predicted.mean() - true.mean()
    return float(2 * shared[0, 1] / (shared[0, 0] + shared[1, 1] + shift**2))


ORACLES: dict[str, Callable[[Values, Values], float]] = {
    "concordance_correlation": lin,
    "kendall_tau": lambda p, r: float(stats.kendalltau(p, r).statistic),
    "pearson": lambda p, r: float(stats.pearsonr(p, r).statistic),
    "spearman": lambda p, r: float(stats.spearmanr(p, r).statistic),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("digits", [0, 1, 8])
@pytest.mark.parametrize("n_items", [2, 3, 17, 256, 1000])
def test_every_value_is_the_independent_one(name: str, digits: int, n_items: int) -> None:
    generator = np.random.default_rng(n_items)
    true = np.round(generator.normal(3, 1, n_items), digits)
    predicted = np.round(0.5 * true + generator.normal(0, 1, n_items), digits)
    if len(set(true)) == 1 or len(set(predicted)) == 1:
        pytest.skip("nothing is left to correlate")
    expected = ORACLES[name](predicted, true)
    assert value(name, numbers(predicted, true)) == pytest.approx(expected, rel=1e-11, abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("digits", [0, 6])
def test_a_replicate_is_the_value_of_the_drawn_items(name: str, digits: int) -> None:
    generator = np.random.default_rng(6)
    true = np.round(generator.normal(size=(37, 2)), digits)
    predicted = np.round(true + generator.normal(size=(37, 2)), digits)
    case = ValueCase("a", predicted, true, ("x", "y"))
    weights = draw_weights([str(index) for index in range(37)], "sha256:0", 50, 0)
    found = pooled(name).replicates([case], weights)
    for column in range(2):
        for draw in range(50):
            drawn = np.repeat(np.arange(37), weights[draw])
            expected = ORACLES[name](predicted[drawn, column], true[drawn, column])
            assert found[column, draw] == pytest.approx(expected, rel=1e-10, abs=1e-12)


PAIRS = st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=2, max_size=40)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, deadline=None)
@given(pairs=PAIRS, order=st.randoms(use_true_random=False))
def test_a_value_is_bounded_and_knows_no_order_of_items(
    name: str, pairs: list[tuple[int, int]], order: object
) -> None:
    predicted, true = np.array(pairs, dtype=float).T
    found = value(name, numbers(predicted, true))
    if len(set(true)) == 1:
        assert np.isnan(found)
        return
    assert -1 <= found <= 1
    assert value(name, numbers(predicted[::-1], true[::-1])) == pytest.approx(found, abs=1e-12)
    assert value(name, numbers(true, true)) == 1.0
    assert value(name, numbers(-predicted, -true)) == pytest.approx(found, abs=1e-12)


@pytest.mark.parametrize("name", ["kendall_tau", "spearman"])
def test_a_rank_correlation_is_blind_to_an_increasing_change(name: str) -> None:
    generator = np.random.default_rng(7)
    true, predicted = generator.normal(size=(2, 60))
    expected = value(name, numbers(predicted, true))
    assert value(name, numbers(np.exp(predicted), true)) == expected


def test_concordance_alone_sees_a_shift() -> None:
    true = np.arange(10.0)
    assert value("pearson", numbers(true + 5, true)) == pytest.approx(1.0)
    assert value("concordance_correlation", numbers(true + 5, true)) == pytest.approx(
        2 * 8.25 / (2 * 8.25 + 25)
    )


def test_pearson_does_not_lose_its_digits_to_a_large_offset() -> None:
    generator = np.random.default_rng(8)
    true, noise = generator.normal(size=(2, 500))
    near = value("pearson", numbers(true + noise, true))
    assert value("pearson", numbers(true + noise + 1e8, true + 1e8)) == pytest.approx(near, 1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_equal_answers_score_0_and_equal_references_nothing(name: str) -> None:
    assert value(name, numbers([4, 4, 4], [1, 2, 3])) == 0.0
    assert np.isnan(value(name, numbers([1, 2, 3], [4, 4, 4])))
    assert np.isnan(value(name, numbers([1], [2])))


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_case_counts_as_an_answer_against_it(name: str) -> None:
    answered = numbers([1, 2, 7], [1, 2, 3])
    lost = ValueCase.missing("b", np.array([[9.0], [0.0]]), ("q",))
    adverse = numbers([1, 7], [9, 0], "b")
    assert value(name, answered, lost) == value(name, answered, adverse) < 0.5
    assert value(name, lost) == -1.0
    assert resolve(name, {}, worst=-0.5).declared_worst == -0.5


@pytest.mark.slow
def test_kendalls_tau_of_a_million_items_is_scipys() -> None:
    generator = np.random.default_rng(9)
    true = generator.normal(size=1_000_000)
    predicted = np.round(true + generator.normal(size=true.size), 3)
    expected = stats.kendalltau(predicted, true).statistic
    assert value("kendall_tau", numbers(predicted, true)) == pytest.approx(expected, rel=1e-12)
