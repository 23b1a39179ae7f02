"""A resample by weights equals the same resample written out, under every scheme."""

import itertools

import numpy as np
import pytest
from scipy import stats

from proctor_metrics import Direction
from proctor_metrics.cases import FloatArray
from proctor_metrics.ranking import (
    SCHEME_NAMES,
    Consensus,
    Contest,
    Missing,
    RankTies,
    Task,
    consensus_scores,
    influence,
    kendall_tau,
    p_values,
    rank,
    resolve_scheme,
    share_beaten,
)
from proctor_metrics.ranking.kemeny import EXACT_UP_TO, contradictions, kemeny_orders
from proctor_metrics.ranking.significance import Adjustment, adjusted

HIGHER, LOWER = Direction.HIGHER, Direction.LOWER


def values_with(seed: int, kind: str, n_columns: int = 1) -> FloatArray:
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(6, 14, n_columns))
    if kind != "smooth":
        values = np.round(values * 2) / 4
    if kind == "holes":
        values[generator.random(values.shape) < 0.15] = np.nan
    return values


def drawn(seed: int, n_cases: int, samples: int) -> np.ndarray:
    share = np.full(n_cases, 1 / n_cases)
    return np.random.default_rng(seed).multinomial(n_cases, share, samples)


@pytest.mark.parametrize("kind", ["smooth", "tied", "holes"])
@pytest.mark.parametrize("missing", list(Missing))
@pytest.mark.parametrize("name", SCHEME_NAMES)
def test_weights_stand_for_copies_of_cases(name: str, missing: Missing, kind: str) -> None:
    scheme = resolve_scheme(name, {"missing": missing})
    for directions in ([HIGHER], [LOWER, HIGHER]):
        values = values_with(1, kind, len(directions))
        weights = drawn(2, values.shape[1], 5)
        found = scheme.scores(values, directions, weights)
        for draw, counts in enumerate(weights):
            written_out = np.repeat(values, counts, axis=1)
            expected = scheme.scores(written_out, directions)[:, 0]
            np.testing.assert_allclose(found[:, draw], expected, rtol=1e-12)


@pytest.mark.parametrize("q", [0.0, 0.05, 0.1, 0.5, 0.73, 1.0])
def test_quantiles_are_numpys(q: float) -> None:
    values = values_with(3, "smooth")
    weights = drawn(4, values.shape[1], 6)
    found = resolve_scheme("quantile", {"q": q}).scores(values, [HIGHER], weights)
    for draw, counts in enumerate(weights):
        expected = np.quantile(np.repeat(values[:, :, 0], counts, axis=1), q, axis=1)
        np.testing.assert_allclose(found[:, draw], expected, rtol=1e-13)


def test_a_median_bears_some_missing_values_and_a_mean_none() -> None:
    values = np.array([[0.9, 0.8, np.nan, 0.7], [0.6, 0.6, 0.6, 0.6]])[:, :, np.newaxis]
    assert resolve_scheme("median").scores(values, [HIGHER])[:, 0].tolist() == [0.75, 0.6]
    mean = resolve_scheme("mean")
    scores = mean.scores(values, [HIGHER])
    assert np.isnan(scores[0, 0])
    assert mean.ranks(scores, [HIGHER])[:, 0].tolist() == [2, 1]


@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("kind", ["smooth", "tied"])
def test_p_values_are_scipys(direction: Direction, kind: str) -> None:
    values = values_with(5, kind)[:, :, 0]
    found = p_values(values, direction)
    alternative = "greater" if direction is HIGHER else "less"
    for first, second in itertools.permutations(range(6), 2):
        expected = stats.wilcoxon(
            values[first],
            values[second],
            zero_method="wilcox",
            correction=True,
            alternative=alternative,
            method="asymptotic",
        ).pvalue
        assert found[first, second] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("adjustment", list(Adjustment))
def test_wins_of_resamples_are_those_of_adjusted_p_values(adjustment: Adjustment) -> None:
    values = values_with(6, "tied")[:, :, 0] + np.linspace(0, 1, 6)[:, np.newaxis]
    weights = drawn(7, values.shape[1], 40)
    found = share_beaten(values, HIGHER, weights, 0.05, adjustment)
    assert 0 < found.mean() < 1
    for draw, counts in enumerate(weights):
        p = adjusted(p_values(np.repeat(values, counts, axis=1), HIGHER), adjustment)
        np.testing.assert_allclose(found[:, draw], (p <= 0.05).sum(axis=1) / 5)


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    values, weights = values_with(8, "tied")[:, :, 0], drawn(9, 14, 33)
    alone = share_beaten(values, HIGHER, weights, 0.5)
    monkeypatch.setattr("proctor_metrics.ranking.significance._WORTH_THREADS", 1)
    monkeypatch.setattr("proctor_metrics.ranking.significance.cpu_count", lambda: 4)
    np.testing.assert_array_equal(share_beaten(values, HIGHER, weights, 0.5), alone)


def test_submissions_that_never_differ_beat_nobody() -> None:
    values = np.ones((3, 5))
    assert np.nan_to_num(p_values(values, HIGHER), nan=1.0).tolist() == np.ones((3, 3)).tolist()
    assert share_beaten(values, HIGHER, np.ones((1, 5), dtype=int)).tolist() == [[0], [0], [0]]


def test_tau_is_scipys() -> None:
    generator = np.random.default_rng(10)
    ranks = generator.integers(1, 6, 8) * 1.0
    others = generator.integers(1, 6, (8, 30)) * 1.0
    expected = [stats.kendalltau(ranks, other).statistic for other in others.T]
    np.testing.assert_allclose(kendall_tau(ranks, others), expected, rtol=1e-12)
    assert np.isnan(kendall_tau(np.ones(3), np.array([[1.0], [2.0], [3.0]])))


@pytest.mark.parametrize("seed", range(12))
def test_kemenys_order_is_the_best_of_all(seed: int) -> None:
    generator = np.random.default_rng(seed)
    n = 3 + seed % 4
    ranks = rank(generator.integers(0, 5, (n, 2 + seed % 3)) * 1.0, LOWER)
    costs = contradictions(ranks)

    def cost(order: tuple[int, ...]) -> int:
        return sum(int(costs[a, b]) for a, b in itertools.combinations(order, 2))

    places = kemeny_orders(ranks)
    found = tuple(np.argsort(places, kind="stable").tolist())
    assert cost(found) == min(map(cost, itertools.permutations(range(n))))
    # Whatever shares a place may stand in any order.
    shared = tuple(sorted(range(n), key=lambda one: (places[one], -one)))
    assert cost(shared) == cost(found)


def test_kemenys_order_of_many_is_that_of_clear_preferences() -> None:
    n = EXACT_UP_TO + 8
    order = np.random.default_rng(0).permutation(n) + 1.0
    swapped = order.copy()
    swapped[[0, 1]] = swapped[[1, 0]]
    ranks = np.column_stack([order, order, swapped])
    np.testing.assert_array_equal(kemeny_orders(ranks), order)


def test_tasks_that_tie_two_leave_them_tied_by_every_consensus() -> None:
    ranks = np.array([[1.0, 1.0], [1.0, 1.0], [3.0, 3.0]])
    for consensus in Consensus:
        scores = consensus_scores(ranks, consensus)
        assert scores[0] == scores[1] < scores[2]


def test_mean_ranks_and_euclidean_differ_where_tasks_tie() -> None:
    ranks = np.array([[1.0, 3.0], [1.0, 2.0], [1.0, 1.0], [4.0, 4.0]])
    assert consensus_scores(ranks, Consensus.MEAN_RANK).tolist() == [2.0, 1.5, 1.0, 4.0]
    assert consensus_scores(ranks, Consensus.EUCLIDEAN).tolist() == [2.5, 2.0, 1.5, 4.0]


@pytest.mark.parametrize("scheme", ["mean", "median", "rank_then_mean", "significance"])
def test_influence_is_what_deleting_the_case_does(scheme: str) -> None:
    values = values_with(11, "smooth")
    cases = tuple(map(str, range(values.shape[1])))
    resolved = resolve_scheme(scheme, {"ties": RankTies.AVERAGE})
    contest = Contest(tuple("abcdef"), (Task("t", cases, values, (HIGHER,)),), resolved)
    (found,) = influence(contest)
    full = resolved.ranks(resolved.scores(values, [HIGHER]), [HIGHER])[:, 0]
    for case in range(values.shape[1]):
        without = resolved.scores(np.delete(values, case, axis=1), [HIGHER])
        ranks = resolved.ranks(without, [HIGHER])
        assert found.moved_ranks[case] == np.count_nonzero(ranks[:, 0] != full)
        assert found.kendall_tau[case] == pytest.approx(kendall_tau(full, ranks)[0], nan_ok=True)


def test_brats_ranks_per_case_region_and_metric() -> None:
    # Ranks of A: case 1: 1, 2, 1, 1; case 2: 1, 1, 1, 2. Mean 10 / 8, B's 14 / 8.
    values = np.array(
        [
            [[0.9, 0.5, 2.0, 3.0], [0.9, 0.9, 2.0, 9.0]],
            [[0.8, 0.6, 3.0, 4.0], [0.8, 0.8, 3.0, 8.0]],
        ]
    )
    scheme = resolve_scheme("brats")
    scores = scheme.scores(values, [HIGHER, HIGHER, LOWER, LOWER])
    assert scores[:, 0].tolist() == [1.25, 1.75]


def test_values_weights_and_directions_that_do_not_fit_are_refused() -> None:
    scheme = resolve_scheme("mean")
    with pytest.raises(ValueError, match="need one direction a column; 2 given"):
        scheme.scores(np.ones((2, 3, 1)), [HIGHER, LOWER])
    with pytest.raises(ValueError, match="do not fit 3 cases"):
        scheme.scores(np.ones((2, 3, 1)), [HIGHER], np.ones((1, 4), dtype=int))
    with pytest.raises(ValueError, match="1 groups do not fit 2 cases"):
        Task("t", ("a", "b"), np.ones((2, 2, 1)), (HIGHER,), ("g",))
    with pytest.raises(ValueError, match="values of 2 submissions; there are 1"):
        Contest(("a",), (Task("t", ("c",), np.ones((2, 1, 1)), (HIGHER,)),), scheme)
