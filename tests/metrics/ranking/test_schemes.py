"""Ranks under each scheme: tables worked out by hand, and what must not matter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from proctor_metrics import Direction
from proctor_metrics.cases import FloatArray
from proctor_metrics.ranking import (
    RankTies,
    case_ranks,
    quantized,
    rank,
    rank_by_mean,
    rank_sum,
    rank_then_mean,
)

HIGHER, LOWER = Direction.HIGHER, Direction.LOWER
NAN = float("nan")


def numbers(seed: int, *shape: int) -> FloatArray:
    """Return numbers with one decimal, so that many tie."""
    return np.random.default_rng(seed).integers(0, 8, shape) / 10


@pytest.mark.parametrize(
    ("values", "direction", "ties", "expected"),
    [
        ([0.3, 0.9, 0.5], HIGHER, RankTies.MIN, [3, 1, 2]),
        ([0.3, 0.9, 0.5], LOWER, RankTies.MIN, [1, 3, 2]),
        ([0.9, 0.5, 0.9, 0.1], HIGHER, RankTies.MIN, [1, 3, 1, 4]),
        ([0.9, 0.5, 0.9, 0.1], HIGHER, RankTies.AVERAGE, [1.5, 3, 1.5, 4]),
        ([NAN, 0.5, NAN, 0.1], HIGHER, RankTies.MIN, [3, 1, 3, 2]),
        ([NAN, 0.5, NAN, 0.1], LOWER, RankTies.AVERAGE, [3.5, 2, 3.5, 1]),
        ([NAN, NAN], HIGHER, RankTies.MIN, [1, 1]),
        ([7.0], LOWER, RankTies.AVERAGE, [1]),
        ([-1.0, -2.0, 0.0], HIGHER, RankTies.MIN, [2, 3, 1]),
    ],
)
def test_ranks_of_small_tables(
    values: list[float], direction: Direction, ties: RankTies, expected: list[float]
) -> None:
    assert rank(np.array(values), direction, ties).tolist() == expected


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(list(RankTies)), st.sampled_from(list(Direction)))
def test_ranks_equal_scipys(seed: int, ties: RankTies, direction: Direction) -> None:
    values = numbers(seed, 9, 4)
    sign = -1 if direction is HIGHER else 1
    expected = rankdata(sign * values, method=ties.value, axis=0)
    np.testing.assert_array_equal(rank(values, direction, ties), expected)


def test_equal_means_tie_although_their_last_bits_differ() -> None:
    values = np.array([0.1 + 0.2 + 0.3, 0.3 + 0.2 + 0.1])
    assert values[0] != values[1]
    assert rank(values, HIGHER).tolist() == [1, 1]


@pytest.mark.parametrize("scale", [1e-200, 1e-9, 1.0, 1e9, 1e200])
def test_a_difference_in_the_twelfth_digit_counts_and_in_the_thirteenth_not(scale: float) -> None:
    values = np.array([1.00000000001, 1.0, 1.000000000001, -1.00000000001]) * scale
    assert rank(values, HIGHER).tolist() == [1, 2, 2, 4]


def test_rounding_keeps_what_cannot_be_rounded() -> None:
    values = np.array([NAN, np.inf, -np.inf, 0.0, 5e-324])
    assert np.array_equal(quantized(values)[:4], values[:4], equal_nan=True)
    assert quantized(quantized(values))[4] == quantized(values)[4]


def test_a_large_board_in_slices_ranks_like_a_small_one() -> None:
    values = numbers(1, 1500, 1500)
    found = rank(values, HIGHER)
    for column in (0, 665, 666, 1332, 1499):
        np.testing.assert_array_equal(found[:, column], rank(values[:, column], HIGHER))


def test_ranking_by_the_mean_of_columns() -> None:
    ranking = rank_by_mean(np.array([[0.9, 0.5], [0.8, 0.8], [0.7, 0.7]]), [HIGHER, HIGHER])
    np.testing.assert_allclose(ranking.scores, [0.7, 0.8, 0.7])
    assert ranking.ranks.tolist() == [2, 1, 2]
    assert ranking.direction is HIGHER


def test_columns_of_both_directions_have_no_mean() -> None:
    with pytest.raises(ValueError, match="rank by rank_sum or rank_then_mean"):
        rank_by_mean(np.zeros((2, 2)), [HIGHER, LOWER])


def test_rank_then_mean_worked_out_by_hand() -> None:
    # Cases 1 to 3 of one metric, higher is better:  ranks  A: 1 1 3,  B: 2 2 1,  C: 3 3 2.
    values = np.array([[0.9, 0.9, 0.0], [0.8, 0.8, 0.2], [0.7, 0.7, 0.1]])[:, :, np.newaxis]
    ranking = rank_then_mean(values, [HIGHER])
    np.testing.assert_allclose(ranking.scores, [5 / 3, 5 / 3, 8 / 3])
    assert ranking.ranks.tolist() == [1, 1, 3]
    assert ranking.direction is LOWER
    # The mean of the values puts B first alone.
    assert rank_by_mean(values.mean(axis=1), [HIGHER]).ranks.tolist() == [1, 1, 3]


def test_a_missing_case_ranks_last_in_that_case_only() -> None:
    values = np.array([[0.9, NAN], [0.5, NAN], [0.1, 0.3]])[:, :, np.newaxis]
    np.testing.assert_array_equal(case_ranks(values, [HIGHER]), [[1, 2.5], [2, 2.5], [3, 1]])
    ranking = rank_then_mean(values, [HIGHER])
    np.testing.assert_allclose(ranking.scores, [1.75, 2.25, 2.0])
    assert ranking.ranks.tolist() == [1, 3, 2]


def test_rank_then_mean_averages_over_columns_of_both_directions() -> None:
    values = np.array([[[0.9, 8.0]], [[0.8, 2.0]], [[0.7, 9.0]]])
    np.testing.assert_allclose(case_ranks(values, [HIGHER, LOWER])[:, 0], [1.5, 1.5, 3.0])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_on_hits_and_misses_rank_then_mean_orders_by_the_mean(seed: int) -> None:
    """With average ties each case weighs the same, so 0/1 scores rank as accuracies do."""
    hits = np.random.default_rng(seed).integers(0, 2, (6, 30)).astype(np.float64)
    found = rank_then_mean(hits[:, :, np.newaxis], [HIGHER])
    expected = rank_by_mean(hits.mean(axis=1, keepdims=True), [HIGHER])
    np.testing.assert_array_equal(found.ranks, expected.ranks)


def test_rank_sum_worked_out_by_hand() -> None:
    #             Dice  HD95  volume    ranks
    means = np.array(
        [
            [0.90, 2.0, 10.0],  # 1 2 3 = 6
            [0.85, 1.0, 5.0],  #  2 1 1 = 4
            [0.80, 3.0, 8.0],  #  3 3 2 = 8
            [0.80, 4.0, NAN],  #  3 4 4 = 11
        ]
    )
    ranking = rank_sum(means, [HIGHER, LOWER, LOWER])
    assert ranking.scores.tolist() == [6, 4, 8, 11]
    assert ranking.ranks.tolist() == [2, 1, 3, 4]
    assert ranking.direction is LOWER


def test_equal_rank_sums_are_decided_by_the_smaller_deviation_else_shared() -> None:
    means = np.array([[0.9, 2.0], [0.8, 1.0], [0.1, 9.0], [0.1, 9.0]])
    directions = [HIGHER, LOWER]
    assert rank_sum(means, directions).ranks.tolist() == [1, 1, 3, 3]
    deviations = np.array([[0.05, 0.9], [0.04, 0.8], [0.2, 3.0], [0.2, 3.0]])
    ranking = rank_sum(means, directions, deviations)
    assert ranking.scores.tolist() == [3, 3, 6, 6]
    assert ranking.ranks.tolist() == [2, 1, 3, 3]


def test_a_deviation_never_outweighs_a_rank() -> None:
    means = np.array([[0.9, 1.0], [0.8, 2.0], [0.7, 3.0]])
    deviations = np.array([[9.0, 9.0], [1.0, 1.0], [0.1, 0.1]])
    assert rank_sum(means, [HIGHER, LOWER], deviations).ranks.tolist() == [1, 2, 3]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_the_order_of_submissions_cases_and_columns_does_not_matter(seed: int) -> None:
    generator = np.random.default_rng(seed)
    values = numbers(seed, 6, 5, 3)
    directions = [HIGHER, LOWER, HIGHER]
    rows, cases, columns = (generator.permutation(n) for n in values.shape)
    moved = values[rows][:, cases][:, :, columns]
    moved_directions = [directions[column] for column in columns]

    found = rank_then_mean(moved, moved_directions).ranks
    np.testing.assert_array_equal(found, rank_then_mean(values, directions).ranks[rows])
    found = rank_sum(moved.mean(axis=1), moved_directions, moved.std(axis=1, ddof=1)).ranks
    expected = rank_sum(values.mean(axis=1), directions, values.std(axis=1, ddof=1)).ranks
    np.testing.assert_array_equal(found, expected[rows])
    found = rank_by_mean(moved[:, :, 0].mean(axis=1, keepdims=True), [HIGHER]).ranks
    first = values[:, :, columns[0]].mean(axis=1, keepdims=True)
    np.testing.assert_array_equal(found, rank_by_mean(first, [HIGHER]).ranks[rows])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_turning_a_column_around_changes_nothing(seed: int) -> None:
    values = numbers(seed, 6, 3)
    found = rank_sum(-values, [LOWER, HIGHER, LOWER])
    np.testing.assert_array_equal(found.ranks, rank_sum(values, [HIGHER, LOWER, HIGHER]).ranks)


@pytest.mark.parametrize("directions", [[], [HIGHER], [HIGHER] * 3])
def test_directions_must_fit_the_columns(directions: list[Direction]) -> None:
    for scheme in (rank_by_mean, rank_sum):
        with pytest.raises(ValueError, match="do not fit the columns"):
            scheme(np.zeros((3, 2)), directions)
    with pytest.raises(ValueError, match="do not fit the columns"):
        rank_then_mean(np.zeros((3, 4, 2)), directions)


def test_deviations_must_fit_the_means() -> None:
    with pytest.raises(ValueError, match=r"deviations of shape \(3,\) do not fit"):
        rank_sum(np.zeros((3, 2)), [HIGHER, LOWER], np.zeros(3))
