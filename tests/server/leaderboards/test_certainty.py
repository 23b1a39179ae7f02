"""The statistics of a snapshot over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from proctor.spec.statistics import RankingStatistics
from proctor_platform.leaderboards import certainty
from proctor_platform.leaderboards.certainties import Certainties
from proctor_platform.routes import leaderboards

KEY = "classify/top1/mean"


@pytest.fixture
def snapshot(publish: Callable[..., None], enter: Any, person: Any, scores: Any, board: Any) -> str:
    """Ann .9, bob .5, cat .4, each over three cases."""
    publish()
    enter(person("ann"), scores(1.0, 0.9, 0.8))
    enter(person("bob"), scores(0.0, 0.5, 1.0))
    enter(person("cat"), scores(0.4, 0.4, 0.4))
    return str(board().id)


def test_a_snapshot_says_how_sure_it_is(snapshot: str, anonymous: Any) -> None:
    answer = anonymous.get(f"/leaderboards/{snapshot}/statistics")
    assert answer.status_code == 200, answer.text
    found = RankingStatistics.model_validate_json(answer.content)
    board = anonymous.get(f"/leaderboards/{snapshot}").json()
    assert found.title == "top1"
    assert found.sentence == board["ranking_sentence"]
    assert found.algorithms == tuple(f"A model ({row['participant']})" for row in board["rows"]), (
        "titles alike are told apart by participant"
    )
    assert found.ranks == (1, 2, 3)
    assert found.rank_low == tuple(row["rank_low"] for row in board["rows"])
    assert found.first_probability == tuple(row["first_probability"] for row in board["rows"])
    assert found.cases == ("c0", "c1", "c2")
    assert found.case_values[1] == (0.0, 0.5, 1.0)
    assert len(found.schemes) > 4
    assert found.better[0][0] is None


def test_statistics_that_one_has_are_not_sent_again(snapshot: str, anonymous: Any) -> None:
    address = f"/leaderboards/{snapshot}/statistics"
    first = anonymous.get(address)
    again = anonymous.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert anonymous.get(address).content == first.content
    other = anonymous.get(f"{address}?column={KEY}")
    assert other.status_code == 200
    assert other.headers["ETag"] != first.headers["ETag"]
    assert anonymous.get(f"{address}?column=classify/dice/mean").status_code == 404
    assert anonymous.get("/leaderboards/lea_nothing/statistics").status_code == 404


def test_whoever_asks_for_one_more_than_may_wait_is_told_when_to_come_back(
    snapshot: str, anonymous: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes seconds and a thread, and everybody else's pages need threads too."""
    kept = Certainties(waiting=1)
    monkeypatch.setattr(leaderboards, "_certainties", kept)
    address = f"/leaderboards/{snapshot}/statistics"
    assert anonymous.get(address).status_code == 200
    with kept._places:
        assert anonymous.get(address).status_code == 200, "what is known is sent at once"
        refused = anonymous.get(f"{address}?column=classify/top1/mean")
    assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMITED")
    assert refused.headers["Retry-After"] == "5"
    assert "are being worked out; try again in 5 s" in refused.json()["detail"]


def test_of_a_large_board_the_first_rows_are_looked_at_and_it_says_so(
    snapshot: str, anonymous: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certainty, "MOST_ROWS", 2)
    found = anonymous.get(f"/leaderboards/{snapshot}/statistics?column={KEY}").json()
    assert len(found["algorithms"]) == 2
    assert found["sentence"].endswith("These are the first 2 of 3 ranked rows.")


def test_a_metric_of_the_whole_set_has_ranks_and_no_cases(
    tiny: Any,
    tiny_phase: Any,
    organizer: Any,
    person: Any,
    enter: Any,
    board: Any,
    anonymous: Any,
) -> None:
    task = tiny.spec.tasks[0].model_dump(mode="json")
    task["metrics"] = [
        {"id": "top1", "name": "auroc", "output": "probabilities", "reference": "labels"}
    ]
    assert tiny.publish(organizer, tasks=[task]).status_code == 201
    enter(person("ann"), {"top1": {"mean": {None: 0.9}}})
    enter(person("bob"), {"top1": {"mean": {None: 0.5}}})
    shown = board()
    found = anonymous.get(f"/leaderboards/{shown.id}/statistics").json()
    assert (found["scores"], found["ranks"], found["cases"]) == ([0.9, 0.5], [1, 2], [])


def test_the_statistics_of_a_hidden_board_are_hidden(
    snapshot: str, publish: Callable[..., None], anonymous: Any, organizer: Any
) -> None:
    publish(visibility="hidden_until_close")
    address = f"/leaderboards/{snapshot}/statistics"
    refused = anonymous.get(address)
    assert (refused.status_code, refused.json()["code"]) == (403, "NOT_YET")
    assert organizer.get(address).status_code == 200


def test_cases_of_one_patient_have_ranks_and_the_board_says_why_it_has_no_intervals(
    tiny: Any, organizer: Any, person: Any, enter: Any, scores: Any, board: Any
) -> None:
    body = tiny.request()
    for half in body["data"]["classify"]["hidden"].values():
        for case in half["cases"]:
            case["group"] = "one"
    organizer.have_blobs(tiny.blobs.values())
    assert organizer.post("/challenges/tiny/versions", body).status_code == 201
    enter(person("ann"), scores(1.0, 0.9, 0.8))
    enter(person("bob"), scores(0.0, 0.5, 1.0))
    shown = board()
    assert [row.rank for row in shown.rows] == [1, 2]
    for row in shown.rows:
        assert (row.rank_low, row.rank_high, row.first_probability) == (None, None, None)
        assert (row.values[KEY].low, row.values[KEY].high) == (None, None)
    assert "All cases of classify are of one group" in shown.ranking_sentence
