"""Gates: who fails one is listed below the ranks, with the reason, and counts in none."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest

BOARD = "/challenges/tiny/phases/main/leaderboard"
TOP1 = {"task": "classify", "metric": "top1"}


def test_a_submission_below_the_least_score_is_listed_last_with_the_reason(
    publish: Callable[..., None],
    enter: Any,
    person: Any,
    scores: Any,
    board: Any,
    anonymous: Any,
) -> None:
    publish(ranking={"gates": [{"score": TOP1, "at_least": 0.5}]})
    bob = person("bob")
    bobs = enter(bob, scores(0.4, 0.4, 0.4))
    ann = person("ann")
    anns = enter(ann, scores(0.9, 0.9, 0.9))
    enter(person("cat"), scores(0.6, 0.6, 0.6))
    shown = board()
    assert [(row.participant, row.rank) for row in shown.rows] == [
        ("ann", 1),
        ("cat", 2),
        ("bob", None),
    ]
    why = "top1 is 0.4; at least 0.5 is needed"
    assert shown.rows[2].ineligible == (why,)
    # Two stand in the ranks: bob's counts in no interval and in no chance of being first.
    assert {row.rank_high for row in shown.rows[:2]} <= {1, 2}
    assert sum(row.first_probability or 0 for row in shown.rows) == pytest.approx(1)
    assert "Only what keeps these gates is ranked: top1 at least 0.5." in shown.ranking_sentence
    assert bob.get(f"/submissions/{bobs}").json()["standing"] == (
        f"On the board without a rank, since it is not eligible: {why}."
    )
    # Nor is there a third rank to be told of.
    assert ann.get(f"/submissions/{anns}").json()["standing"].startswith("Rank 1 of 2 ")
    rows = list(csv.DictReader(io.StringIO(anonymous.get(f"{BOARD}?format=csv").text)))
    assert [row["ineligible"] for row in rows] == ["", "", why]


def test_the_best_eligible_submission_of_a_participant_stands(
    publish: Callable[..., None],
    enter: Any,
    tiny: Any,
    participant: Any,
    scores: Any,
    fake: Any,
    board: Any,
) -> None:
    publish(ranking={"gates": [{"missing_cases": 0}]})
    eligible = enter(participant, scores(0.5, 0.5, 0.5))
    tiny.enter(participant)
    held = fake.claim()
    held.case("c0")
    held.case("c1")
    held.case("c2", outcome="OOM")
    held.complete_run()
    fake.score(scores(0.9, 0.9, 0.0))
    (row,) = board().rows
    assert (row.submission, row.rank, row.ineligible) == (eligible, 1, ())


def test_gates_on_cases_name_how_many_and_how_slow_in_each_level(
    publish: Callable[..., None], tiny: Any, participant: Any, scores: Any, fake: Any, board: Any
) -> None:
    gates = [
        {"missing_cases": 0, "stratum": "writer"},
        {"missing_cases": 1},
        {"seconds_per_case": 0.25},
    ]
    publish(ranking={"gates": gates})
    tiny.enter(participant)
    held = fake.claim()
    held.say("intake")
    held.case("c0", outcome="OOM")
    held.case("c1")
    held.case("c2")
    held.complete_run()
    fake.score(scores(0.0, 1.0, 1.0))
    (row,) = board().rows
    assert row.rank is None
    assert row.ineligible == (
        "1 case has no answer where writer is right; 0 is the most",
        "a case took 0.5 s; 0.25 s is the most",
    )


def test_a_score_that_fails_by_less_than_four_digits_is_told_in_all_of_them(
    publish: Callable[..., None], enter: Any, participant: Any, scores: Any, board: Any
) -> None:
    publish(ranking={"gates": [{"score": TOP1, "at_least": 0.5}]})
    enter(participant, scores(0.49999, 0.49999, 0.49999))
    assert board().rows[0].ineligible == ("top1 is 0.49999; at least 0.5 is needed",)


def test_a_gate_in_every_level_names_the_levels_that_fail(
    publish: Callable[..., None], enter: Any, participant: Any, scores: Any, board: Any
) -> None:
    publish(ranking={"gates": [{"score": TOP1, "at_least": 0.5, "stratum": "writer"}]})
    enter(participant, scores(1.0, 0.2, 1.0), strata={"writer": {"left": 0.2, "right": 1.0}})
    (row,) = board().rows
    assert row.ineligible == ("top1 by writer is 0.2 in left; at least 0.5 is needed in each",)


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        ({"score": TOP1, "at_most": 0.5}, "higher top1 is better, so the gate needs at_least"),
        ({"score": TOP1}, "at_least and at_most"),
        ({"score": TOP1, "at_least": 1, "missing_cases": 1}, "one of score"),
        ({"missing_cases": 0, "stratum": "scanner"}, "has no stratum 'scanner'"),
        ({"score": {"task": "classify", "metric": "dice"}, "at_least": 1}, "no metric 'dice'"),
    ],
)
def test_a_gate_that_asks_nothing_sensible_is_refused(
    tiny: Any, organizer: Any, tiny_phase: Any, gate: dict[str, Any], said: str
) -> None:
    refused = tiny.publish(organizer, phases=[tiny_phase(ranking={"gates": [gate]})])
    assert refused.status_code == 422
    assert said in refused.text
