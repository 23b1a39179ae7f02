"""What participants get of scores while a phase is open: fewer digits, or significant gains."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from proctor.spec.statistics import RankingStatistics

BOARD = "/challenges/tiny/phases/main/leaderboard"
EXACT = ("0.123456", "0.654321")


@pytest.fixture
def close(publish: Callable[..., None]) -> Callable[..., None]:
    """End the phase, with the feedback that it had."""

    def now(**feedback: Any) -> None:
        past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
        publish(feedback=feedback, closes_at=past)

    return now


def answers(who: Any, snapshot: str, submission: str) -> dict[str, str]:
    """Return every answer that may hold a score."""
    addresses = [
        BOARD,
        f"{BOARD}?format=csv",
        f"{BOARD}?search=a",
        f"/leaderboards/{snapshot}",
        f"/leaderboards/{snapshot}/changes",
        f"/leaderboards/{snapshot}/statistics",
        f"/leaderboards/{snapshot}/statistics?column=classify/top1/mean",
        "/submissions",
        *(f"/submissions/{submission}{path}" for path in ("", "/cases", "/events")),
        f"/submissions/{submission}/archive?kind=public",
    ]
    return {address: who.get(address).content.decode(errors="replace") for address in addresses}


def test_scores_are_rounded_in_every_answer_but_the_organizers(
    publish: Callable[..., None],
    enter: Any,
    participant: Any,
    other: Any,
    anonymous: Any,
    organizer: Any,
    scores: Any,
    board: Any,
    close: Callable[..., None],
) -> None:
    publish(feedback={"digits": 2})
    mine = enter(
        participant,
        scores(0.123456, 0.654321, 0.5),
        strata={"writer": {"left": 0.123456, "right": 0.654321}},
    )
    enter(other, scores(0.2, 0.2, 0.2))
    shown = board()
    value = shown.rows[0].values["classify/top1/mean"]
    assert (value.value, value.deviation) == (0.43, 0.27)
    assert value.low is not None
    assert (round(value.low, 2), value.high) == (value.low, 0.65)
    assert (shown.rows[0].gaps[0].worst, shown.rows[0].gaps[0].best) == (0.12, 0.65)
    assert "Scores are rounded to 2 digits before they are ranked." in shown.ranking_sentence
    for who in (participant, other, anonymous):
        for address, text in answers(who, shown.id, mine).items():
            for secret in (*EXACT, "0.425925"):
                assert secret not in text, (who.name, address, secret)
    view = participant.get(f"/submissions/{mine}").json()
    assert view["runs"][0]["evaluation"]["scores"] == {"classify/top1/mean": 0.43}
    cases = participant.get(f"/submissions/{mine}/cases").json()
    assert [case["scores"]["top1/mean"] for case in cases] == [0.12, 0.65, 0.5]
    exact = organizer.get(f"/submissions/{mine}/cases").json()
    assert [case["scores"]["top1/mean"] for case in exact] == [0.123456, 0.654321, 0.5]
    close(digits=2)
    exact = anonymous.get(f"/submissions/{mine}/cases").json()
    assert [case["scores"]["top1/mean"] for case in exact] == [0.123456, 0.654321, 0.5]


def test_scores_that_look_alike_share_a_rank(
    publish: Callable[..., None], enter: Any, person: Any, scores: Any, board: Any
) -> None:
    publish(feedback={"digits": 1})
    enter(person("ann"), scores(0.52, 0.52, 0.52))
    enter(person("bob"), scores(0.48, 0.48, 0.48))
    assert [row.rank for row in board().rows] == [1, 1]


def test_how_sure_ranks_are_tells_no_more_digits_than_scores_do(
    publish: Callable[..., None],
    enter: Any,
    person: Any,
    scores: Any,
    board: Any,
    anonymous: Any,
    organizer: Any,
) -> None:
    """Ann is ahead of Bob in every case and every draw, by less than what is shown."""
    publish(feedback={"digits": 1})
    enter(person("ann"), scores(0.53, 0.53, 0.53))
    enter(person("bob"), scores(0.51, 0.51, 0.51))
    shown = board()
    assert [row.rank for row in shown.rows] == [1, 1]
    assert len({row.first_probability for row in shown.rows}) == 1
    assert len({(row.rank_low, row.rank_high) for row in shown.rows}) == 1
    address = f"/leaderboards/{shown.id}/statistics"
    found = RankingStatistics.model_validate_json(anonymous.get(address).content)
    assert found.case_values == ((0.5, 0.5, 0.5),) * 2
    assert found.scores == (0.5, 0.5)
    assert len(set(found.rank_counts)) == 1
    assert found.better[0][1] == found.better[1][0]
    assert found.sentence.endswith("These are made from scores of cases rounded to 1 digits.")
    exact = RankingStatistics.model_validate_json(organizer.get(address).content)
    assert exact.case_values[0] == (0.53, 0.53, 0.53)


def test_by_the_ladder_a_lucky_entry_changes_nothing_and_a_gain_does(
    publish: Callable[..., None],
    enter: Any,
    participant: Any,
    anonymous: Any,
    organizer: Any,
    scores: Any,
    board: Any,
    close: Callable[..., None],
) -> None:
    publish(feedback={"ladder": True})
    first = enter(participant, scores(0.0, 0.5, 0.5))
    before = board()
    assert before.rows[0].values["classify/top1/mean"].value == pytest.approx(1 / 3)
    # Gains .5, 0, 0: mean .167, deviation .289, standard error .167.
    lucky = enter(participant, scores(0.5, 0.5, 0.5))
    after = board()
    assert (after.number, after.rows[0].submission) == (1, first)
    view = participant.get(f"/submissions/{lucky}").json()
    assert view["standing"] == (
        f"Not on the board: it is no significant gain over {first} of yours."
    )
    assert view["runs"][0]["evaluation"]["scores"] == {}
    assert [c["scores"] for c in participant.get(f"/submissions/{lucky}/cases").json()] == [{}] * 3
    view = participant.get(f"/submissions/{first}").json()
    assert view["runs"][0]["evaluation"]["scores"] == {"classify/top1/mean": pytest.approx(1 / 3)}
    refused = participant.get(f"/leaderboards/{after.id}/statistics")
    assert (refused.status_code, refused.json()["code"]) == (403, "NOT_YET")
    assert organizer.get(f"/leaderboards/{after.id}/statistics").status_code == 200
    assert organizer.get(f"/submissions/{lucky}/cases").json()[0]["scores"] == {"top1/mean": 0.5}
    better = enter(participant, scores(0.78125, 1.0, 1.0))
    shown = board()
    assert (shown.number, shown.rows[0].submission) == (2, better)
    value = shown.rows[0].values["classify/top1/mean"].value
    assert value == pytest.approx(11 / 12), "three cases of four items: to the nearest twelfth"
    assert "By the Ladder a participant's score changes only when" in shown.ranking_sentence
    assert "0.927" not in anonymous.get(BOARD).text
    close(ladder=True)
    view = participant.get(f"/submissions/{lucky}").json()
    assert view["runs"][0]["evaluation"]["scores"] == {"classify/top1/mean": 0.5}
    found = anonymous.get(f"/leaderboards/{shown.id}/statistics")
    assert RankingStatistics.model_validate_json(found.content).algorithms == ("A model",)


@pytest.mark.parametrize(
    ("ranking", "metric", "said"),
    [
        ({"scheme": "median"}, {}, "let one column decide by the scheme mean"),
        ({}, {"name": "auroc", "parameters": {}, "worst": 0.5}, "needs a value in every case"),
    ],
)
def test_the_ladder_is_for_one_mean_over_cases(
    tiny: Any, organizer: Any, tiny_phase: Any, ranking: Any, metric: Any, said: str
) -> None:
    phase = tiny_phase(ranking=ranking, feedback={"ladder": True})
    body = tiny.request(phases=[phase])
    body["challenge"]["tasks"][0]["metrics"][0] |= metric
    organizer.have_blobs(tiny.blobs.values())
    refused = organizer.post("/challenges/tiny/versions", body)
    assert refused.status_code == 422
    assert said in refused.json()["detail"]
