from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from proctor.spec.ranking import BootstrapSpec, RankingSpec, Selection
from proctor_metrics.bootstrap import draw_weights, percentile_interval, replicate_means
from proctor_metrics.metric import Direction
from proctor_metrics.ranking import rank_by_mean
from proctor_platform.leaderboards.choosing import Entrant, choose
from proctor_platform.leaderboards.standing import (
    CaseScores,
    Decision,
    board_stability,
    draws_used,
    interval_ends,
    rank_board,
    shown_ranks,
)

UP, DOWN = Direction.HIGHER, Direction.LOWER
DAY = datetime(2026, 1, 1, tzinfo=UTC)


def decision(values: list[list[float]], directions: list[Direction], **extra: object) -> Decision:
    table = np.array(values)
    deviations = extra.get("deviations", np.zeros_like(table))
    return Decision(table, np.asarray(deviations), directions)


def ranking(scheme: str, ties: str = "min") -> RankingSpec:
    return RankingSpec.model_validate({"scheme": scheme, "ties": ties})


# Three columns as in MRBrainS13: Dice up, HD95 down, volume error down.
# By hand: A is 1, 2, 3 = 6; B is 2, 1, 2 = 5; C is 3, 3, 1 = 7.
BRAINS = [[0.90, 3.0, 9.0], [0.85, 2.0, 6.0], [0.80, 4.0, 5.0]]


def test_ranks_are_summed_over_columns_of_either_direction() -> None:
    board = rank_board(decision(BRAINS, [UP, DOWN, DOWN]), ranking("rank_sum"))
    assert board.scores.tolist() == [6, 5, 7]
    assert board.ranks.tolist() == [2, 1, 3]


def test_equal_sums_are_decided_by_the_smaller_deviations() -> None:
    # Sums are 3 and 3; the deviations rank 2 and 1, 2 and 1.
    tied = decision([[0.9, 2.0], [0.8, 1.0]], [UP, DOWN], deviations=[[0.2, 0.2], [0.1, 0.1]])
    assert rank_board(tied, ranking("rank_sum")).ranks.tolist() == [2, 1]
    assert rank_board(tied, ranking("mean")).ranks.tolist() == [1, 1]


def test_one_column_is_ranked_by_its_mean_and_ties_share_a_rank() -> None:
    one = decision([[0.7], [0.9], [0.7], [0.1]], [UP])
    assert rank_board(one, ranking("mean")).ranks.tolist() == [2, 1, 2, 4]
    assert rank_board(decision([[0.7], [0.9]], [DOWN]), ranking("mean")).ranks.tolist() == [1, 2]


def test_dense_ranks_leave_no_gap_after_ties() -> None:
    board = rank_board(decision([[0.7], [0.9], [0.7], [0.1]], [UP]), ranking("mean"))
    assert shown_ranks(board, "dense").tolist() == [2, 1, 2, 3]
    assert shown_ranks(board, "min").tolist() == [2, 1, 2, 4]


def test_ranking_within_cases_may_reverse_the_order_of_means() -> None:
    # Means: A .6, B .5. Within cases B wins two of three: mean ranks A 5/3, B 4/3.
    values = np.array([[[1.0], [0.4], [0.4]], [[0.0], [0.75], [0.75]]])
    cases = CaseScores(values, [UP], np.ones((10, 3), dtype=np.uint16))
    both = Decision(values.mean(axis=1), np.zeros((2, 1)), [UP], (cases,))
    assert rank_board(both, ranking("mean")).ranks.tolist() == [1, 2]
    board = rank_board(both, ranking("rank_then_mean"))
    assert board.scores == pytest.approx([5 / 3, 4 / 3])
    assert board.ranks.tolist() == [2, 1]


def test_a_task_with_many_cases_weighs_no_more_than_one_with_few() -> None:
    # Task one, 3 cases: A is first in all. Task two, 1 case: B is first. A tie.
    one = CaseScores(np.array([[[1.0]] * 3, [[0.0]] * 3]), [UP], np.ones((10, 3), np.uint16))
    two = CaseScores(np.array([[[0.0]], [[1.0]]]), [UP], np.ones((10, 1), np.uint16))
    both = Decision(np.zeros((2, 2)), np.zeros((2, 2)), [UP, UP], (one, two))
    assert rank_board(both, ranking("rank_then_mean")).ranks.tolist() == [1, 1]


def test_paired_draws_separate_what_their_intervals_do_not() -> None:
    # B is worse than A by the same little in every item: intervals overlap, yet never a tie.
    generator = np.random.default_rng(0)
    first = generator.normal(0.5, 0.2, 200)
    items = np.vstack([first, first - 0.001, generator.permutation(first) - 0.001])
    weights = draw_weights([str(i) for i in range(200)], "sha256:0", samples=1000, seed=0)
    replicates = replicate_means(items, weights)[:, np.newaxis, :]
    means = decision([[row.mean()] for row in items], [UP])
    spec = RankingSpec(bootstrap=BootstrapSpec(samples=1000))
    sure = board_stability(means, spec, rank_board(means, spec), replicates)
    ends = interval_ends(replicates[:, 0, :], 0.95)
    assert ends.low[0] < ends.high[1]
    assert sure.groups[1] == sure.groups[0] + 1
    assert sure.first_probability.sum() == pytest.approx(1)
    assert sure.first_probability[1] == 0
    assert (sure.lowest <= sure.highest).all()


def test_interval_ends_are_those_of_one_row_at_a_time() -> None:
    rows = np.random.default_rng(1).normal(size=(4, 400))
    rows[1, :50] = np.nan
    rows[2] = np.nan
    ends = interval_ends(rows, 0.9)
    for row, low, high in zip(rows, ends.low, ends.high, strict=True):
        single = percentile_interval(row.astype(np.float64), 0.9)
        assert (low, high) == pytest.approx((single.low, single.high), nan_ok=True)


@pytest.mark.parametrize(
    ("rows", "columns", "samples", "used"),
    [(10, 1, 1000, 1000), (10_000, 1, 1000, 1000), (10_000, 9, 1000, 222), (10**6, 9, 1000, 100)],
)
def test_large_boards_are_ranked_with_the_first_draws(
    rows: int, columns: int, samples: int, used: int
) -> None:
    assert draws_used(rows, columns, samples) == used


def entrants() -> list[Entrant]:
    return [
        Entrant("ann", False, DAY, "s1"),
        Entrant("ann", False, DAY + timedelta(days=1), "s2"),
        Entrant("bob", False, DAY, "s3"),
        Entrant("ann", True, DAY, "s4"),
        Entrant("ann", True, DAY, "s5"),
        Entrant("bob", False, DAY + timedelta(days=1), "s6"),
    ]


def test_the_best_of_each_participant_stands_and_every_baseline() -> None:
    values = np.array([[0.9], [0.8], [0.5], [0.1], [0.2], [0.5]])
    board = rank_by_mean(values, [UP])
    # Of bob's two equal submissions the earlier one stands.
    assert choose(entrants(), board, Selection.BEST).tolist() == [0, 2, 3, 4]


def test_the_latest_of_each_participant_stands_when_the_phase_says_so() -> None:
    board = rank_by_mean(np.array([[0.9], [0.8], [0.5], [0.1], [0.2], [0.1]]), [UP])
    assert choose(entrants(), board, Selection.LATEST).tolist() == [1, 3, 4, 5]


def test_a_submission_without_a_score_never_stands_before_one_with() -> None:
    board = rank_by_mean(np.array([[np.nan], [0.8], [0.5], [0.1], [0.2], [0.1]]), [UP])
    assert 1 in choose(entrants(), board, Selection.BEST)
