"""How sure a ranking is: small boards by hand, and the bootstrap by really drawing cases."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proctor_metrics import Direction
from proctor_metrics.bootstrap import draw_weights, replicate_means
from proctor_metrics.cases import FloatArray
from proctor_metrics.ranking import (
    Ranking,
    rank,
    rank_by_mean,
    rank_sum,
    rank_then_mean,
    replicate_mean_scores,
    replicate_rank_sums,
    replicate_rank_then_means,
    stability,
)

HIGHER, LOWER = Direction.HIGHER, Direction.LOWER
NAN = float("nan")


def ranked(*scores: float, direction: Direction = HIGHER) -> Ranking:
    values = np.array(scores)
    return Ranking(values, direction, rank(values, direction).astype(np.int64))


def test_intervals_and_chances_of_a_small_board_worked_out_by_hand() -> None:
    # Ranks in ten replicates: A 1 1 1 1 1 1 1 2 2 1, B the other way, but a tie in the last.
    ahead, behind = [0.9] * 7 + [0.7] * 2 + [0.8], [0.8] * 9 + [0.8]
    replicates = np.array([ahead, behind, [0.1] * 10])
    found = stability(ranked(0.85, 0.8, 0.1), replicates, level=0.8)
    np.testing.assert_allclose(found.first_probability, [0.75, 0.25, 0.0])
    # One replicate is dropped at each end.
    assert found.lowest.tolist() == [1, 1, 3]
    assert found.highest.tolist() == [2, 2, 3]
    assert found.groups.tolist() == [1, 1, 2]
    assert found.level == 0.8


def test_a_narrower_level_gives_narrower_intervals() -> None:
    replicates = np.array([[0.9] * 8 + [0.7] * 2, [0.8] * 10])
    wide = stability(ranked(0.9, 0.8), replicates, level=0.9)
    narrow = stability(ranked(0.9, 0.8), replicates, level=0.4)
    assert wide.highest.tolist() == [2, 2]
    assert narrow.highest.tolist() == [1, 2]
    assert wide.groups.tolist() == [1, 1]
    assert narrow.groups.tolist() == [1, 2]


def test_groups_compare_with_the_best_of_the_group_by_paired_differences() -> None:
    noise = np.random.default_rng(0).normal(0, 1.0, 400)
    shared, own = 10 * noise, 0.01 * np.random.default_rng(1).normal(size=(4, 400))
    # Far noisier than their distances, but the noise is shared: A and B apart, C and D not.
    replicates = np.array([4.0, 3.0, 2.0, 1.99])[:, np.newaxis] + shared + own
    found = stability(ranked(4.0, 3.0, 2.0, 1.99), replicates, level=0.95)
    assert found.groups.tolist() == [1, 2, 3, 3]


def test_the_direction_of_the_scores_is_respected() -> None:
    losses = np.array([[2.0, 2.1, 2.2], [1.0, 1.1, 1.2], [NAN, NAN, NAN]])
    found = stability(ranked(2.0, 1.0, NAN, direction=LOWER), losses, level=0.9)
    assert found.lowest.tolist() == found.highest.tolist() == [2, 1, 3]
    assert found.groups.tolist() == [2, 1, 3]
    assert found.first_probability.tolist() == [0.0, 1.0, 0.0]


def test_two_equal_submissions_share_everything() -> None:
    row = np.random.default_rng(0).random(50)
    found = stability(ranked(0.5, 0.5), np.array([row, row]), level=0.95)
    assert found.highest.tolist() == [1, 1]
    assert found.first_probability.tolist() == [0.5, 0.5]
    assert found.groups.tolist() == [1, 1]


def test_replicates_that_nobody_defines_are_left_out() -> None:
    replicates = np.array([[0.9, NAN, 0.9], [0.5, NAN, NAN]])
    found = stability(ranked(0.9, 0.5), replicates, level=0.5)
    assert found.lowest.tolist() == [1, 2]
    assert found.first_probability.tolist() == [1.0, 0.0]


def test_without_a_defined_replicate_nothing_can_be_told_apart() -> None:
    found = stability(ranked(0.9, 0.5), np.full((2, 4), NAN), level=0.95)
    assert found.lowest.tolist() == [1, 1]
    assert found.highest.tolist() == [2, 2]
    assert found.groups.tolist() == [1, 1]
    assert found.first_probability.tolist() == [0.5, 0.5]


def test_an_empty_board_is_stable() -> None:
    found = stability(ranked(), np.zeros((0, 5)), level=0.95)
    assert found.lowest.size == found.groups.size == 0


def test_replicates_must_fit_the_ranking_and_the_level_be_a_share() -> None:
    with pytest.raises(ValueError, match="do not fit 2 submissions"):
        stability(ranked(0.9, 0.5), np.zeros((3, 5)), level=0.95)
    with pytest.raises(ValueError, match="between 0 and 1"):
        stability(ranked(0.9, 0.5), np.zeros((2, 5)), level=95)


def board(seed: int) -> tuple[FloatArray, np.ndarray]:
    generator = np.random.default_rng(seed)
    values = generator.integers(0, 8, (5, 7, 2)) / 10
    weights = draw_weights([str(i) for i in range(7)], "sha256:x", samples=12, seed=seed)
    return values, weights


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_each_scheme_replicates_as_if_the_cases_were_really_drawn(seed: int) -> None:
    values, weights = board(seed)
    directions = [HIGHER, LOWER]
    means = np.stack([replicate_means(values[:, :, c], weights) for c in range(2)], axis=1)
    by_sum = replicate_rank_sums(means, directions)
    by_case = replicate_rank_then_means(values, directions, weights)
    by_mean = replicate_mean_scores(means, [HIGHER, HIGHER])
    for replicate, row in enumerate(weights):
        drawn = np.repeat(values, row, axis=1)
        np.testing.assert_allclose(
            by_mean[:, replicate], rank_by_mean(drawn.mean(axis=1), [HIGHER, HIGHER]).scores
        )
        np.testing.assert_allclose(by_case[:, replicate], rank_then_mean(drawn, directions).scores)
        np.testing.assert_array_equal(
            by_sum[:, replicate], rank_sum(drawn.mean(axis=1), directions).scores
        )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.5, 0.8, 0.95]))
def test_stability_does_not_depend_on_the_order_and_adds_up(seed: int, level: float) -> None:
    values, weights = board(seed)
    scores = replicate_means(values[:, :, 0], weights)
    ranking = rank_by_mean(values[:, :, 0].mean(axis=1, keepdims=True), [HIGHER])
    found = stability(ranking, scores, level)
    assert found.first_probability.sum() == pytest.approx(1.0)
    assert (found.lowest <= found.highest).all()
    assert (found.lowest >= 1).all()
    assert (found.highest <= 5).all()
    by_rank = found.groups[np.argsort(ranking.ranks, kind="stable")]
    assert by_rank[0] == 1
    assert set(np.diff(by_rank)) <= {0, 1}

    order = np.random.default_rng(seed).permutation(5)
    moved = Ranking(ranking.scores[order], HIGHER, ranking.ranks[order])
    again = stability(moved, scores[order], level)
    np.testing.assert_array_equal(again.lowest, found.lowest[order])
    np.testing.assert_allclose(again.first_probability, found.first_probability[order])


def test_groups_of_a_long_board_equal_those_made_one_by_one() -> None:
    generator = np.random.default_rng(5)
    skill = np.sort(generator.random(300))[::-1]
    replicates = skill[:, np.newaxis] + generator.normal(0, 0.02, (300, 200))
    found = stability(ranked(*skill), replicates, level=0.9)
    expected, best, group = [], 0, 1
    for row in range(300):
        differences = np.sort(replicates[best] - replicates[row])
        if differences[10] > 0:
            best, group = row, group + 1
        expected.append(group)
    assert found.groups.tolist() == expected
    assert 5 < group < 100
