"""What is said about a ranking as a whole, on a table small enough to know the answers."""

import numpy as np
import pytest

from proctor_metrics import Direction
from proctor_metrics.ranking import Bootstrap, Consensus, Contest, Task, resolve_scheme
from proctor_metrics.ranking.statistics import Resampling, ranking_statistics

HIGHER, LOWER = Direction.HIGHER, Direction.LOWER


def contest(scheme: str = "mean", n_tasks: int = 1, seed: int = 0) -> Contest:
    """Return three submissions that differ clearly, named so that the table is not in order."""
    generator = np.random.default_rng(seed)
    centers = np.array([0.5, 0.9, 0.7])
    tasks = tuple(
        Task(
            f"t{number}",
            tuple(f"c{case}" for case in range(12)),
            (centers[:, np.newaxis] + generator.normal(0, 0.03, (3, 12)))[:, :, np.newaxis],
            (HIGHER,),
        )
        for number in range(n_tasks)
    )
    return Contest(("worst", "best", "middle"), tasks, resolve_scheme(scheme))


def test_everything_is_in_rank_order() -> None:
    found = ranking_statistics(contest(), title="Dice", resampling=Resampling(samples=200))
    assert found.algorithms == ("best", "middle", "worst")
    assert found.ranks == (1, 2, 3)
    assert found.scores == tuple(sorted((value or 0 for value in found.scores), reverse=True))
    assert found.first_probability == (1, 0, 0)
    assert found.tie_groups == (1, 2, 3)
    assert found.rank_counts == ((200, 0, 0), (0, 200, 0), (0, 0, 200))
    assert found.case_rank_counts[0][0] == 12
    assert found.kendall_tau == (1.0,) * 200
    assert found.influence == ()
    better = found.better
    assert better[0][0] is None
    assert better[0][1] is not None
    assert better[0][1] < 0.01
    assert better[2][0] == 1.0


@pytest.mark.parametrize("scheme", ["mean", "quantile", "rank_then_mean", "significance"])
def test_the_scheme_that_ranks_is_among_those_compared(scheme: str) -> None:
    found = ranking_statistics(contest(scheme), title="Dice", resampling=Resampling(samples=100))
    assert found.scheme in [row.name for row in found.schemes]
    assert len({row.sentence for row in found.schemes}) == len(found.schemes)
    own = next(row for row in found.schemes if row.sentence == found.sentence)
    assert own.kendall_tau == 1
    assert own.ranks == found.ranks


def test_several_tasks_give_a_consensus_and_no_values_of_cases() -> None:
    tasks = contest(n_tasks=3)
    for consensus in Consensus:
        joined = Contest(tasks.algorithms, tasks.tasks, tasks.scheme, consensus)
        found = ranking_statistics(joined, title="Dice", resampling=Resampling(samples=100))
        assert found.algorithms == ("best", "middle", "worst")
        assert [task.name for task in found.tasks] == ["t0", "t1", "t2"]
        assert found.case_values == ()
        assert found.better == ()


def test_draws_depend_on_the_seed_and_the_cases_only() -> None:
    def counts(contest: Contest, seed: int) -> tuple[tuple[int, ...], ...]:
        resampling = Resampling(samples=100, seed=seed)
        return ranking_statistics(contest, title="", resampling=resampling).rank_counts

    task = contest().tasks[0]
    noisy = Task(task.name, task.cases, np.random.default_rng(1).normal(size=(3, 12, 1)), (HIGHER,))
    first = Contest(("a", "b", "c"), (noisy,), resolve_scheme("mean"))
    assert counts(first, 1) == counts(first, 1)
    assert counts(first, 1) != counts(first, 2)


def test_the_emulation_changes_the_bootstrap_and_not_the_ranking() -> None:
    generator = np.random.default_rng(3)
    task = Task("t", tuple(map(str, range(15))), generator.normal(size=(4, 15, 1)), (LOWER,))
    made = [
        ranking_statistics(
            Contest(("a", "b", "c", "d"), (task,), resolve_scheme("rank_then_mean")),
            title="",
            resampling=Resampling(samples=200, bootstrap=bootstrap),
        )
        for bootstrap in Bootstrap
    ]
    assert made[0].ranks == made[1].ranks
    assert made[0].rank_counts != made[1].rank_counts


def test_one_patient_gives_an_order_and_no_word_on_how_sure_it_is() -> None:
    values = np.array([[[0.9], [0.8]], [[0.5], [0.6]]])
    task = Task("t", ("left", "right"), values, (HIGHER,), groups=("p", "p"))
    found = ranking_statistics(Contest(("a", "b"), (task,), resolve_scheme("mean")), title="")
    assert found.ranks == (1, 2)
    assert found.draws == 0
    assert found.rank_low == found.first_probability == found.tie_groups == ()


def test_one_case_and_one_submission_are_enough_for_an_answer() -> None:
    task = Task("t", ("only",), np.array([[[0.5]]]), (HIGHER,))
    for scheme in ("mean", "median", "rank_then_mean", "significance"):
        found = ranking_statistics(
            Contest(("a",), (task,), resolve_scheme(scheme)), title="", unit="mm"
        )
        assert found.ranks == (1,)
        assert found.draws == 0
        assert found.kendall_tau == ()


@pytest.mark.parametrize(
    ("scheme", "columns", "title", "higher"),
    [
        ("mean", 2, "mean of ranks", False),
        ("rank_sum", 1, "sum of ranks", False),
        ("median", 1, "median over cases", True),
        ("rank_then_mean", 1, "mean rank within cases", False),
        ("significance", 2, "share of rivals beaten", True),
    ],
)
def test_scores_that_are_no_means_say_what_they_are_and_which_end_is_better(
    scheme: str, columns: int, title: str, higher: bool
) -> None:
    values = np.random.default_rng(0).random((3, 8, columns))
    cases = tuple(f"c{number}" for number in range(8))
    task = Task("organs", cases, values, (Direction.HIGHER,) * columns)
    known = ranking_statistics(
        Contest(("a", "b", "c"), (task,), resolve_scheme(scheme)),
        title="Dice",
        unit="mm",
        resampling=Resampling(samples=100),
    )
    assert known.score is not None
    assert (known.score.title, known.score.higher_is_better) == (title, higher)
    assert known.score.unit == ("mm" if title == "median over cases" else "")
    assert known.higher_is_better


def test_means_of_one_column_are_scores_that_need_no_name() -> None:
    assert ranking_statistics(contest(), title="Dice").score is None
