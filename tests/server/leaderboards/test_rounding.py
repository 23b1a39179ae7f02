"""Numbers as exact as a board shows them, and draws around what it shows."""

from __future__ import annotations

import numpy as np

from proctor_platform.leaderboards.rounding import EXACT, Grid


def test_draws_lie_around_the_shown_value_and_keep_their_spread() -> None:
    draws = np.array([[[0.53, 0.55, 0.57]], [[0.1, np.nan, 0.3]], [[np.nan, np.nan, np.inf]]])
    shown = np.array([[0.5], [0.2], [np.nan]])
    moved = Grid(digits=1).around(shown, draws)
    np.testing.assert_allclose(moved[0], [[0.48, 0.5, 0.52]])
    np.testing.assert_allclose(moved[1], [[0.1, np.nan, 0.3]])
    np.testing.assert_array_equal(moved[2], draws[2])
    assert EXACT.around(shown, draws) is draws


def test_scores_of_cases_are_rounded_to_digits_and_never_to_steps_of_means() -> None:
    values = np.array([0.123, 0.456])
    np.testing.assert_array_equal(Grid(digits=1).of_cases(values), [0.1, 0.5])
    np.testing.assert_array_equal(Grid(steps=4).of_cases(values), values)
