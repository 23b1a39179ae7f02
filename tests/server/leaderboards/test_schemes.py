"""Every ranking scheme as a value of challenge.yaml: ranks, words, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from proctor.spec.ranking import RankingSpec
from proctor_metrics.metric import Direction
from proctor_metrics.ranking import Contest, Task, resolve_scheme
from proctor_platform.leaderboards.standing import (
    CaseScores,
    Decision,
    board_stability,
    rank_board,
    ranked_draws,
)

UP, DOWN = Direction.HIGHER, Direction.LOWER
BOARD = "/challenges/tiny/phases/main/leaderboard"

SCHEMES = [
    {"scheme": "median"},
    {"scheme": "quantile", "quantile": 0.05},
    {"scheme": "rank_then_mean"},
    {"scheme": "rank_then_mean", "ties": "average"},
    {"scheme": "rank_then_median"},
    {"scheme": "brats"},
    {"scheme": "significance"},
    {"scheme": "significance", "alpha": 0.2},
]


def decision(rows: int = 7, cases: int = 25, columns: int = 2, seed: int = 3) -> Decision:
    """Submissions of different skill in one task, with some equal scores."""
    generator = np.random.default_rng(seed)
    skill = np.linspace(0.4, 0.8, rows)[:, np.newaxis, np.newaxis]
    values = np.round(skill + generator.normal(0, 0.15, (rows, cases, columns)), 2)
    directions = [UP, DOWN][:columns]
    weights = generator.multinomial(cases, [1 / cases] * cases, size=200).astype(np.uint16)
    task = CaseScores(values, directions, weights, columns=tuple(range(columns)))
    return Decision(values.mean(axis=1), np.zeros((rows, columns)), directions, (task,))


@pytest.mark.parametrize("declared", SCHEMES)
@pytest.mark.parametrize("columns", [1, 2])
def test_a_board_ranks_as_the_library_ranks_the_same_scores(
    declared: dict[str, Any], columns: int
) -> None:
    decided = decision(columns=columns)
    ranking = RankingSpec.model_validate(declared)
    (cases,) = decided.cases
    parameters = {"ties": declared.get("ties", "min")}
    parameters |= {"q": declared["quantile"]} if "quantile" in declared else {}
    parameters |= {"alpha": declared["alpha"]} if "alpha" in declared else {}
    contest = Contest(
        tuple("abcdefg"),
        (Task("t", tuple(map(str, range(25))), cases.values, tuple(cases.directions)),),
        resolve_scheme(declared["scheme"], parameters),
    )
    board = rank_board(decided, ranking)
    assert board.ranks.tolist() == contest.ranking().ranks.tolist()
    assert board.scores == pytest.approx(contest.scores()[:, 0])
    sure = board_stability(decided, ranking, board, np.zeros((7, columns, 200)))
    ranks = contest.ranks(contest.scores([cases.weights]))
    first = (ranks == ranks.min(axis=0)) / (ranks == ranks.min(axis=0)).sum(axis=0)
    assert sure.first_probability == pytest.approx(first.mean(axis=1), abs=1e-9)


def test_tasks_count_once_each_by_consensus() -> None:
    # Task one has two columns that a wins; task two has one, in which c is far ahead of a.
    values = np.array([[0.9, 0.9, 0.1], [0.8, 0.8, 0.2], [0.7, 0.7, 0.9]])
    decided = Decision(values, np.zeros_like(values), [UP] * 3, (), ("one", "one", "two"))
    pooled = rank_board(decided, RankingSpec())
    assert pooled.scores.tolist() == pytest.approx([5 / 3, 2, 7 / 3])
    for consensus in ("mean_rank", "euclidean"):
        ranking = RankingSpec.model_validate({"tasks": consensus})
        assert rank_board(decided, ranking).scores.tolist() == [2, 2, 2]
    four = np.array([[0.9, 0.9, 0.1], [0.8, 0.7, 0.2], [0.7, 0.8, 0.9]])
    apart = Decision(four, np.zeros_like(four), [UP] * 3, (), ("one", "two", "three"))
    kemeny = RankingSpec.model_validate({"tasks": "kemeny"})
    # Two of three tasks prefer a to b, a to c, and c to b.
    assert rank_board(apart, kemeny).ranks.tolist() == [1, 3, 2]


def test_costly_schemes_are_drawn_less_often_or_not_at_all() -> None:
    ranking = RankingSpec.model_validate({"scheme": "significance"})
    assert ranked_draws(decision(), ranking, 1000) == 1000
    large = decision(rows=600, cases=200, columns=1)
    assert ranked_draws(large, ranking, 1000) == 0
    assert ranked_draws(large, RankingSpec.model_validate({"tasks": "kemeny"}), 1000) == 300


SENTENCES = {
    "median": "Ranked by the median over the cases of top1 (higher is better).",
    "quantile": "Ranked by the 0.05 quantile over the cases of top1 (higher is better).",
    "rank_then_median": (
        "Ranked within every case by top1 (higher is better), then by the median of the cases'"
        " ranks."
    ),
    "brats": (
        "Ranked within every case by top1 (higher is better), then by the mean of all those ranks."
    ),
    "significance": (
        "Ranked by the share of rivals that are significantly worse in top1 (higher is better):"
        " one-sided paired Wilcoxon signed-rank tests over the cases, adjusted by Holm, at level"
        " 0.05. Every participant's submission with the best means stands"
    ),
}
SCORES = {
    "median": ("median over cases", [0.5, 0.4]),
    "quantile": ("5 % quantile over cases", [0.41, 0.04]),
    "rank_then_median": ("median rank within cases", [1.0, 2.0]),
    "brats": ("mean rank within cases", [4 / 3, 5 / 3]),
    "significance": ("share of rivals beaten", [0.0, 0.0]),
}


def test_changing_the_scheme_makes_a_new_snapshot_and_the_old_ones_stay(
    publish: Callable[..., None],
    enter: Any,
    person: Any,
    scores: Any,
    board: Any,
    anonymous: Any,
) -> None:
    publish()
    enter(person("ann"), scores(0.5, 0.4, 0.5))
    enter(person("bob"), scores(0.4, 1.0, 0.0))
    kept = {1: (board().id, anonymous.get(BOARD).json()["rows"])}
    for number, (scheme, sentence) in enumerate(SENTENCES.items(), start=2):
        extra = {"quantile": 0.05} if scheme == "quantile" else {}
        publish(ranking={"scheme": scheme, **extra})
        shown = board()
        assert shown.number == number, scheme
        assert shown.ranking_sentence.startswith(sentence)
        title, numbers = SCORES[scheme]
        assert shown.score is not None
        assert shown.score.title == title
        assert [row.score for row in shown.rows] == pytest.approx(numbers, abs=1e-3), scheme
        kept[number] = shown.id, anonymous.get(BOARD).json()["rows"]
    for number, (snapshot, rows) in kept.items():
        old = anonymous.get(f"/leaderboards/{snapshot}").json()
        assert (old["number"], old["rows"]) == (number, rows)


def test_brats_ranks_every_region_instead_of_their_mean(
    publish: Callable[..., None], enter: Any, person: Any, board: Any
) -> None:
    publish(ranking={"scheme": "brats"})

    def regions(core: float, whole: float) -> Any:
        by_region = {"core": core, "whole": whole, "mean": (core + whole) / 2}
        return {
            "top1": {name: dict.fromkeys(("c0", "c1", "c2"), v) for name, v in by_region.items()}
        }

    # By the mean ann is ahead; every region but one is bob's or cat's.
    enter(person("ann"), regions(1.0, 0.5))
    enter(person("bob"), regions(0.6, 0.6))
    enter(person("cat"), regions(0.2, 0.7))
    shown = board()
    assert [column.label for column in shown.columns if column.decides] == ["core", "whole"]
    assert {row.participant: row.score for row in shown.rows} == {
        "ann": 2.0,
        "bob": 2.0,
        "cat": 2.0,
    }
    assert "top1 core/whole" in shown.ranking_sentence


@pytest.mark.parametrize(
    ("missing", "ranks"), [("worst", [1.5, 1.5]), ("last", [1 + 1 / 3, 1 + 2 / 3])]
)
def test_a_missing_case_may_rank_behind_every_answer(
    publish: Callable[..., None],
    tiny: Any,
    person: Any,
    fake: Any,
    scores: Any,
    board: Any,
    enter: Any,
    missing: str,
    ranks: list[float],
) -> None:
    publish(ranking={"scheme": "rank_then_mean", "missing": missing, "ties": "average"})
    enter(person("ann"), scores(0.0, 0.5, 0.6))
    tiny.enter(person("bob"))
    held = fake.claim()
    held.case("c0", outcome="OOM")
    held.case("c1")
    held.case("c2")
    held.complete_run()
    fake.score(scores(0.0, 0.6, 0.5), lost=("c0",))
    assert [row.score for row in board().rows] == pytest.approx(ranks)


@pytest.mark.parametrize("scheme", ["median", "rank_then_median", "brats", "significance"])
def test_schemes_that_look_at_cases_are_refused_for_pooled_metrics(
    tiny: Any, organizer: Any, tiny_phase: Any, scheme: str
) -> None:
    body = tiny.request(phases=[tiny_phase(ranking={"scheme": scheme})])
    body["challenge"]["tasks"][0]["metrics"][0] |= {"name": "auroc", "parameters": {}, "worst": 0.5}
    refused = organizer.post("/challenges/tiny/versions", body)
    assert refused.status_code == 422
    assert refused.json()["detail"] == (
        f"phases.main.ranking.scheme: {scheme} needs a value in every case, and top1 is defined on"
        " the whole set only; choose mean or rank_sum"
    )


@pytest.mark.parametrize(
    ("ranking", "said"),
    [
        ({"scheme": "quantile"}, "the scheme quantile needs a quantile"),
        ({"quantile": 0.5}, "no other scheme has one"),
        ({"alpha": 0.1}, "alpha belongs to the scheme significance alone"),
        ({"missing": "last"}, "is for schemes that rank or test within cases"),
        ({"tasks": "kemeny"}, "a consensus needs columns of two tasks"),
    ],
)
def test_a_ranking_that_contradicts_itself_is_refused(
    tiny: Any, organizer: Any, tiny_phase: Any, ranking: dict[str, Any], said: str
) -> None:
    refused = tiny.publish(organizer, phases=[tiny_phase(ranking=ranking)])
    assert refused.status_code == 422
    assert said in refused.text
