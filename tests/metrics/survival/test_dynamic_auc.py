"""Time-dependent AUC: by hand, and against scikit-survival with and without ties."""

import numpy as np
import numpy.typing as npt
import pytest
from sksurv.metrics import cumulative_dynamic_auc

from proctor_metrics import MetricInputError, PooledMetric, Side, SurvivalCase, resolve
from proctor_metrics.bootstrap import draw_weights

Values = npt.NDArray[np.float64]
TIMES = [4.0, 8.0, 12.5]


def metric(times: list[float] = TIMES, **parameters: str) -> PooledMetric:
    found = resolve("time_dependent_auc", {"times": times, **parameters})
    assert isinstance(found, PooledMetric)
    return found


def cohort(seed: int, n_items: int, digits: int) -> tuple[Values, Values]:
    generator = np.random.default_rng(seed)
    times = np.round(generator.exponential(10, n_items), digits) + 1
    risks = np.round(-times + generator.normal(0, 8, n_items), digits)
    return risks, np.column_stack([times, generator.random(n_items) < 0.6])


def case(risks: Values, seen: Values, name: str = "a") -> SurvivalCase:
    table = risks.reshape(risks.shape[0], -1)
    return SurvivalCase(name, table, seen, tuple(f"r{index}" for index in range(table.shape[1])))


def survival(risks: Values, seen: Values) -> Values:
    rows = np.array(
        [(event == 1, time) for time, event in seen], dtype=[("event", bool), ("time", float)]
    )
    found: Values = cumulative_dynamic_auc(rows, rows, risks, TIMES)[0]
    return found


def test_a_value_is_the_one_worked_out_by_hand() -> None:
    # By 3 there were events at 1 and 3; one of three was censored at 2, so the latter weighs 3 / 2.
    # Only 5 is seen longer: above the risk of the second, below that of the first.
    seen = np.array([[1.0, 1], [2, 0], [3, 1], [5, 0]])
    risks = np.array([9.0, 0, 1, 5])
    assert metric([3.0]).pooled([case(risks, seen)]) == pytest.approx([1 / (1 + 1.5)])


@pytest.mark.parametrize("digits", [0, 1, 8])
@pytest.mark.parametrize("n_items", [40, 500])
def test_every_value_is_scikit_survivals(digits: int, n_items: int) -> None:
    risks, seen = cohort(n_items, n_items, digits)
    expected = survival(risks, seen)
    assert metric().pooled([case(risks, seen)]) == pytest.approx(expected, rel=1e-12)
    late = metric(answer="time").pooled([case(-risks, seen)])
    assert late == pytest.approx(expected, rel=1e-12)


def test_each_time_may_have_a_column_of_its_own() -> None:
    risks, seen = cohort(1, 100, 1)
    columns = np.column_stack([risks, -risks, risks**2])
    found = metric().pooled([case(columns, seen)])
    assert found == pytest.approx(survival(columns, seen), rel=1e-12)
    assert metric().labels(case(columns, seen)) == ("4", "8", "12.5")


def test_other_numbers_of_columns_are_the_tasks_fault() -> None:
    risks, seen = cohort(1, 10, 1)
    with pytest.raises(MetricInputError, match="there are 2 columns for 3 times") as caught:
        metric().labels(case(np.column_stack([risks, risks]), seen))
    assert caught.value.side is Side.TASK


def test_a_replicate_is_the_value_of_the_drawn_items_censoring_included() -> None:
    risks, seen = cohort(2, 80, 0)
    weights = draw_weights([str(index) for index in range(80)], "sha256:0", 20, 0)
    found = metric().replicates([case(risks, seen)], weights)
    for draw in range(20):
        drawn = np.repeat(np.arange(80), weights[draw])
        assert found[:, draw] == pytest.approx(survival(risks[drawn], seen[drawn]), rel=1e-12)


def test_a_time_with_nobody_on_one_side_is_undefined() -> None:
    seen = np.array([[2.0, 1], [3, 1], [5, 1]])
    found = metric([1.0, 4.0, 9.0]).pooled([case(np.array([3.0, 2, 1]), seen)])
    assert found.tolist() == pytest.approx([np.nan, 1.0, np.nan], nan_ok=True)


def test_items_of_a_missing_case_are_on_the_wrong_side_of_all_others() -> None:
    lost = SurvivalCase.missing("b", np.array([[2.0, 1], [9, 0]]), ("r0",))
    answered = case(np.array([3.0, 1]), np.array([[1.0, 1], [8, 0]]))
    # Two events by 4 and two after it: the answered pair alone is right.
    assert metric([4.0]).pooled([answered, lost]) == pytest.approx([1 / 4])
    assert metric([4.0]).pooled([lost]) == [0.0]


@pytest.mark.parametrize(
    ("risks", "seen", "side", "message"),
    [
        ([[1.0], [np.nan]], [[1, 1], [2, 0]], Side.PREDICTION, "is nan in row 1, column 'r0'"),
        ([[1.0]], [[1, 1], [2, 0]], Side.PREDICTION, r"shape \(2, 1\) is expected"),
        ([[1.0]], [[np.inf, 1]], Side.REFERENCE, "not finite in row 0, column 'time'"),
        ([[1.0]], [[-1, 1]], Side.REFERENCE, "a time below 0"),
        ([[1.0]], [[1, 2]], Side.REFERENCE, "neither 0 nor 1"),
        ([[1.0]], [[1, 1, 1]], Side.REFERENCE, "a time and an event for each item"),
    ],
)
def test_what_is_no_survival_case_is_refused_with_its_owner(
    risks: npt.ArrayLike, seen: npt.ArrayLike, side: Side, message: str
) -> None:
    with pytest.raises(MetricInputError, match=message) as caught:
        SurvivalCase("a", np.array(risks), np.array(seen, dtype=float), ("r0",))
    assert caught.value.side is side
