"""The Ladder by hand, and against the attack that it is made for."""

from __future__ import annotations

import numpy as np
import pytest

from proctor_metrics.ranking.ladder import ladder


def test_the_first_submission_is_published_to_the_nearest_case() -> None:
    steps = ladder(np.array([[0.0, 1.0, 1.0]]))
    assert steps.standing.tolist() == [0]
    assert steps.published.tolist() == [pytest.approx(2 / 3)]


def test_a_gain_of_one_standard_error_is_not_enough() -> None:
    # Differences 1, 0, 0, 0: mean .25, deviation .5, standard error .25.
    old, new = [1.0, 1.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]
    assert ladder(np.array([old, new])).standing.tolist() == [0, 0]
    # Differences 1, 1, 0, 0: mean .5, deviation .577, standard error .289.
    assert ladder(np.array([old, [0.0] * 4])).standing.tolist() == [0, 1]


def test_every_gain_counts_from_the_submission_that_stands() -> None:
    half, less = [1.0] * 4 + [0.0] * 4, [1.0] * 3 + [0.0] * 5
    steps = ladder(np.array([[1.0] * 8, half, less, [0.0] * 8]))
    assert steps.standing.tolist() == [0, 1, 1, 3]
    assert steps.published.tolist() == [1.0, 0.5, 0.5, 0.0]


def test_a_better_submission_that_is_worse_in_no_case_may_still_be_luck() -> None:
    steps = ladder(np.array([[0.0, 0.0], [np.nan, np.nan]]))
    assert steps.standing.tolist() == [0, 0]
    nothing = ladder(np.array([[np.nan, np.nan]]))
    assert (nothing.standing.tolist(), np.isnan(nothing.published).all()) == ([-1], True)


def test_nobody_climbs_by_leaving_out_cases() -> None:
    # Each is better in all the cases that it shares with the one before, and worse in the others.
    stands, partial, worse = [0.0, 0.0, 1.0, 1.0], [np.nan, np.nan, 0.0, 0.0], [1.0, 1.0, -1, -1]
    assert ladder(np.array([stands, partial, worse])).standing.tolist() == [0, 0, 0]
    # Who began without some cases may complete them.
    assert ladder(np.array([partial, [0.0, 0.0, -1, -1]])).standing.tolist() == [0, 1]


def attack(seed: int, n_cases: int, entries: int = 500, *, by_ladder: bool) -> float:
    """Enter coin flips, then the majority of them; return the accuracy that is shown at the end.

    A guess votes as it is when the board showed it to be better than half, else by its opposite.
    The labels are coin flips too, so the true accuracy of whatever is entered is one half.
    """
    generator = np.random.default_rng(seed)
    truth = generator.random(n_cases) < 0.5
    guesses = generator.random((entries, n_cases)) < 0.5
    losses = (guesses != truth).astype(np.float64)
    shown = losses.mean(axis=1)
    if by_ladder:
        # What did not rise on the board is known to be no gain, and nothing else.
        steps = ladder(losses)
        rose = steps.standing == np.arange(entries)
        shown = np.where(rose, steps.published, 0.5)
    votes = np.sign(0.5 - shown) @ (2.0 * guesses - 1.0)
    final = ((votes > 0) != truth).astype(np.float64)
    if not by_ladder:
        return float(1 - final.mean())
    return float(1 - ladder(np.vstack([losses, final])).published[-1])


def test_a_majority_of_guesses_fits_an_exact_board_and_not_the_ladder() -> None:
    exact = np.mean([attack(seed, 2000, by_ladder=False) for seed in range(5)])
    guarded = np.mean([attack(seed, 2000, by_ladder=True) for seed in range(5)])
    assert exact == pytest.approx(0.66, abs=0.02)
    assert guarded == pytest.approx(0.53, abs=0.02)
