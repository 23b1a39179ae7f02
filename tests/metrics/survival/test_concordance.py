"""Harrell's concordance: by hand, by all pairs one by one, and against scikit-survival."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sksurv.metrics import concordance_index_censored

from proctor_metrics import PooledMetric, SurvivalCase, resolve
from proctor_metrics.bootstrap import draw_weights

Values = npt.NDArray[np.float64]


def metric(**parameters: str) -> PooledMetric:
    found = resolve("concordance_index", parameters)
    assert isinstance(found, PooledMetric)
    return found


def case(risks: npt.ArrayLike, seen: npt.ArrayLike, name: str = "a") -> SurvivalCase:
    return SurvivalCase(name, np.asarray(risks, float).reshape(-1, 1), np.array(seen), ("risk",))


def value(risks: npt.ArrayLike, seen: npt.ArrayLike) -> float:
    return float(metric().pooled([case(risks, seen)])[0])


def cohort(seed: int, n_items: int, digits: int) -> tuple[Values, Values]:
    generator = np.random.default_rng(seed)
    times = np.round(generator.exponential(10, n_items), digits)
    risks = np.round(-times + generator.normal(0, 8, n_items), digits)
    return risks, np.column_stack([times, generator.random(n_items) < 0.6])


@pytest.mark.parametrize(
    ("risks", "seen", "expected"),
    [
        ([3, 2, 1], [[1, 1], [2, 1], [3, 1]], 1.0),
        ([1, 2, 3], [[1, 1], [2, 1], [3, 1]], 0.0),
        ([2, 2, 1], [[1, 1], [2, 1], [3, 1]], 2.5 / 3),
        # The censored item was seen less long than the last, so those two say nothing.
        ([3, 9, 1], [[1, 1], [2, 0], [3, 1]], 1 / 2),
        # Of one time, the event comes before the censored item and the two events are no pair.
        ([3, 2, 1], [[5, 1], [5, 1], [5, 0]], 1.0),
        ([1, 2, 3], [[5, 0], [5, 0], [6, 0]], np.nan),
    ],
)
def test_a_value_is_the_one_worked_out_by_hand(
    risks: list[float], seen: list[list[float]], expected: float
) -> None:
    assert value(risks, seen) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("digits", [-1, 0, 6])
@pytest.mark.parametrize("n_items", [3, 40, 700])
def test_every_value_is_scikit_survivals(digits: int, n_items: int) -> None:
    risks, seen = cohort(n_items, n_items, digits)
    expected = concordance_index_censored(seen[:, 1] == 1, seen[:, 0], risks)[0]
    assert value(risks, seen) == pytest.approx(expected, rel=1e-14)
    late = metric(answer="time").pooled([case(-risks, seen)])
    assert late == pytest.approx([expected], rel=1e-14)


ITEMS = st.lists(
    st.tuples(st.integers(0, 5), st.booleans(), st.integers(-3, 3)), min_size=2, max_size=25
)


@settings(max_examples=100, deadline=None)
@given(items=ITEMS)
def test_a_value_is_that_of_all_pairs_one_by_one(items: list[tuple[int, bool, int]]) -> None:
    won, comparable = 0.0, 0
    for time, event, risk in items:
        for other_time, other_event, other_risk in items:
            later = other_time > time or (other_time == time and not other_event)
            if event and later:
                comparable += 1
                won += 1.0 if risk > other_risk else 0.5 if risk == other_risk else 0.0
    found = value([risk for *_, risk in items], [[time, event] for time, event, _ in items])
    assert found == pytest.approx(won / comparable if comparable else np.nan, nan_ok=True)


def test_a_replicate_is_the_value_of_the_drawn_items() -> None:
    risks, seen = cohort(1, 60, 0)
    weights = draw_weights([str(index) for index in range(60)], "sha256:0", 30, 0)
    found = metric().replicates([case(risks, seen)], weights)
    for draw in range(30):
        drawn = np.repeat(np.arange(60), weights[draw])
        expected = concordance_index_censored(seen[drawn, 1] == 1, seen[drawn, 0], risks[drawn])[0]
        assert found[0, draw] == pytest.approx(expected, rel=1e-14)


def test_a_pair_with_an_item_of_a_missing_case_is_in_the_wrong_order() -> None:
    lost = SurvivalCase.missing("b", np.array([[1.5, 1], [4, 0]]), ("risk",))
    answered = case([3, 2, 1], [[1, 1], [2, 1], [3, 1]])
    # Three pairs are right; the lost event comes before three, two come before it or after.
    assert metric().pooled([answered, lost]) == pytest.approx([3 / (3 + 3 + 1 + 3)])
    assert metric().pooled([lost]) == [0.0]


def test_several_columns_are_labels() -> None:
    two = SurvivalCase("a", np.array([[2.0, 1], [1, 2]]), np.array([[1.0, 1], [2, 1]]), ("x", "y"))
    assert metric().labels(two) == ("x", "y")
    assert metric().pooled([two]).tolist() == [1.0, 0.0]
