"""Draws that are the same for every submission, and what is made of them."""

from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proctor_metrics.bootstrap import (
    Interval,
    draw_weights,
    percentile_interval,
    replicate_means,
    tail_size,
)

GROUPS = ["p3", "p1", "p1", "p2", "p3", "p3", "p4"]


def test_the_same_dataset_samples_and_seed_give_the_same_draws() -> None:
    first = draw_weights(GROUPS, "sha256:aa", samples=50, seed=1)
    np.testing.assert_array_equal(first, draw_weights(GROUPS, "sha256:aa", samples=50, seed=1))
    for digest, samples, seed in [("sha256:bb", 50, 1), ("sha256:aa", 51, 1), ("sha256:aa", 50, 2)]:
        other = draw_weights(GROUPS, digest, samples=samples, seed=seed)
        assert not np.array_equal(first, other[:50])


def test_the_draws_never_change_from_one_release_to_the_next() -> None:
    weights = draw_weights([str(i) for i in range(20)], "sha256:frozen", samples=100, seed=0)
    assert weights.dtype == np.uint16
    assert sha256(weights.astype("<u2").tobytes()).hexdigest() == FROZEN_DRAWS


FROZEN_DRAWS = "49d437fcc6d3851db4fc6974a64c6880625c48a323254fb13309d4f1005d1f4b"


def test_items_of_a_group_are_drawn_together() -> None:
    weights = draw_weights(GROUPS, "sha256:aa", samples=200, seed=0)
    np.testing.assert_array_equal(weights[:, 0], weights[:, 4])
    np.testing.assert_array_equal(weights[:, 1], weights[:, 2])
    assert not np.array_equal(weights[:, 0], weights[:, 1])
    one_of_each = weights[:, [0, 1, 3, 6]].sum(axis=1)
    assert (one_of_each == 4).all()


def test_the_order_of_the_items_does_not_matter() -> None:
    order = [4, 2, 0, 6, 1, 5, 3]
    shuffled = draw_weights([GROUPS[i] for i in order], "sha256:aa", samples=30, seed=0)
    expected = draw_weights(GROUPS, "sha256:aa", samples=30, seed=0)[:, order]
    np.testing.assert_array_equal(shuffled, expected)


def test_each_group_is_drawn_as_often_as_chance_has_it() -> None:
    n, samples = 20, 4000
    weights = draw_weights([str(i) for i in range(n)], "sha256:aa", samples=samples, seed=0)
    error = np.sqrt((1 - 1 / n) / samples)
    assert (np.abs(weights.mean(axis=0) - 1) < 5 * error).all()
    assert weights.var() == pytest.approx(1 - 1 / n, rel=0.05)


def test_many_samples_in_slices_are_drawn_like_few() -> None:
    groups = [str(i) for i in range(3000)]
    weights = draw_weights(groups, "sha256:aa", samples=3000, seed=0)
    assert weights.shape == (3000, 3000)
    assert (weights.sum(axis=1, dtype=np.int64) == 3000).all()
    assert len({row.tobytes() for row in weights[::100]}) == 30


@pytest.mark.parametrize(("groups", "samples"), [([], 5), (["a"], 0)])
def test_nothing_cannot_be_drawn_from(groups: list[str], samples: int) -> None:
    with pytest.raises(ValueError, match="cannot draw"):
        draw_weights(groups, "sha256:aa", samples=samples, seed=0)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_a_replicate_is_the_mean_of_the_drawn_items(seed: int) -> None:
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(3, 7))
    weights = draw_weights(GROUPS, "sha256:aa", samples=20, seed=seed)
    found = replicate_means(values, weights)
    for replicate, row in enumerate(weights):
        np.testing.assert_allclose(found[:, replicate], np.repeat(values, row, axis=1).mean(axis=1))


def test_an_undefined_item_is_left_out_of_its_replicates() -> None:
    values = np.array([[1.0, np.nan, 4.0], [1.0, 2.0, 3.0]])
    found = replicate_means(values, np.array([[1, 5, 1], [0, 3, 0]]))
    np.testing.assert_array_equal(found, [[2.5, np.nan], [2.0, 2.0]])


def test_values_and_weights_must_have_the_same_items() -> None:
    with pytest.raises(ValueError, match="the same items"):
        replicate_means(np.zeros((1, 3)), np.ones((2, 4), dtype=int))


def test_an_interval_drops_equal_tails_and_counts_what_is_undefined() -> None:
    replicates = np.concatenate((np.arange(40.0)[::-1], [np.nan] * 10))
    assert percentile_interval(replicates, 0.95) == Interval(1.0, 38.0, 40, 50)
    nothing = percentile_interval(np.full(3, np.nan), 0.95)
    assert np.isnan(nothing.low)
    assert np.isnan(nothing.high)
    assert (nothing.n_used, nothing.n_total) == (0, 3)


@pytest.mark.parametrize(
    ("n", "level", "expected"), [(1000, 0.95, 25), (1000, 0.9, 50), (100, 0.99, 0), (10, 0.95, 0)]
)
def test_the_tail_is_not_lost_to_rounding(n: int, level: float, expected: int) -> None:
    assert tail_size(n, level) == expected


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_a_level_is_a_share(level: float) -> None:
    with pytest.raises(ValueError, match="must lie between 0 and 1"):
        tail_size(10, level)
