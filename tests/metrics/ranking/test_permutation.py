"""Who is ahead by ranks within cases, against SciPy and by hand."""

import numpy as np
import pytest
from scipy.stats import permutation_test

from proctor_metrics import Direction
from proctor_metrics.ranking import Contest, Task, permutation_p_values, resolve_scheme
from proctor_metrics.ranking.statistics import Resampling, ranking_statistics


def by_scipy(ranks: np.ndarray, row: int, column: int, **options: object) -> float:
    found = permutation_test(
        (ranks[column], ranks[row]),
        lambda a, b, axis: np.mean(a - b, axis=axis),
        permutation_type="samples",
        alternative="greater",
        vectorized=True,
        **options,
    )
    return float(found.pvalue)


def test_of_few_cases_every_way_to_change_sides_is_counted():
    ranks = np.random.default_rng(0).integers(1, 9, (3, 8)) / 2
    found = permutation_p_values(ranks)
    for row, column in ((0, 1), (1, 0), (0, 2), (2, 1)):
        theirs = by_scipy(ranks, row, column, n_resamples=np.inf)
        assert found[row, column] == pytest.approx(theirs, abs=1e-12)


def test_of_many_cases_drawn_ways_come_close():
    generator = np.random.default_rng(1)
    ranks = generator.normal(size=(2, 60)) + np.array([[0.0], [0.25]])
    found = permutation_p_values(ranks)
    theirs = by_scipy(ranks, 0, 1, n_resamples=100_000, random_state=0)
    assert found[0, 1] == pytest.approx(theirs, abs=0.015)
    assert np.isnan(found[0, 0])
    assert permutation_p_values(np.array([[1.0] * 40, [2.0] * 40]))[0, 1] == 1 / 10_001


def test_cases_of_a_patient_change_sides_together():
    ranks = np.array([[1.0, 1.0, 1.0, 1.0], [2.0, 2.0, 2.0, 2.0]])
    assert permutation_p_values(ranks)[0, 1] == 1 / 16
    assert permutation_p_values(ranks, ("a", "a", "b", "b"))[0, 1] == 1 / 4


def test_what_would_take_long_is_left_out():
    assert permutation_p_values(np.zeros((400, 200))) is None


def test_brats_tests_by_the_ranks_that_decide_over_all_columns():
    values = np.random.default_rng(2).random((2, 6, 3))
    values[0] += 1
    cases = tuple("abcdef")
    task = Task("t", cases, values, (Direction.HIGHER,) * 3)
    found = ranking_statistics(
        Contest(("best", "other"), (task,), resolve_scheme("brats")),
        title="",
        resampling=Resampling(samples=100),
    )
    assert found.better[0][1] == pytest.approx(2 / 64)
    assert found.better_by == "paired permutation test of the ranks within cases"
