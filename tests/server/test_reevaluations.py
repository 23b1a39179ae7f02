"""New metrics or a new reference score what is archived anew; nothing is inferred again."""

from __future__ import annotations

from typing import Any

import pytest
from sqlmodel import select

from proctor_platform.database import Database
from proctor_platform.tables import Evaluation, EventRow, LeaderboardSnapshot, Run, Submission

BOARD = "/challenges/tiny/phases/main/leaderboard"
AGAIN = "/challenges/tiny/reevaluations"


def metric(tiny: Any, **changes: Any) -> list[dict[str, Any]]:
    """Return the tiny challenge's tasks with another metric."""
    task = tiny.spec.tasks[0].model_dump(mode="json")
    task["metrics"][0].update(changes)
    return [task]


def score_next(
    fake: Any, organizer: Any, made: dict[str, str], scores: Any, **values: float
) -> None:
    """Do the next scoring, whosever it is."""
    held = fake.claim("score")
    runs = {
        organizer.get(f"/submissions/{submission}").json()["runs"][0]["id"]: name
        for name, submission in made.items()
    }
    value = values[runs[held.order["run"]]]
    answer = held.complete_scores(scores(value, value, value), definition="v2")
    assert answer.status_code == 204, answer.text


def order_of(board: Any) -> list[tuple[str, int]]:
    return [(row["participant"], row["rank"]) for row in board["rows"]]


def test_a_new_metric_scores_every_archived_run_anew_and_infers_nothing(
    two: dict[str, str], tiny: Any, organizer: Any, fake: Any, scores: Any, dispatch: Any
) -> None:
    before = organizer.get(BOARD)
    answer = tiny.publish(organizer, tasks=metric(tiny, worst=0.25))
    assert (answer.json()["reevaluations"], answer.json()["outdated"]) == (2, 0)
    assert fake.ask("run.cpu").status_code == 204
    score_next(fake, organizer, two, scores, ann=0.1, bob=0.7)
    dispatch()
    assert organizer.get(BOARD).content == before.content, "half a board is none"
    score_next(fake, organizer, two, scores, ann=0.1, bob=0.7)
    dispatch()
    board = organizer.get(BOARD).json()
    assert (board["number"], board["challenge_version"]) == (2, 2)
    assert order_of(board) == [("bob", 1), ("ann", 2)]
    assert board["columns"][0]["definition_id"] == "top1.v2"
    old = organizer.get(f"/leaderboards/{before.json()['id']}")
    assert old.content == before.content
    assert fake.ask("score").status_code == 204


@pytest.mark.parametrize("change", ["labels", "bootstrap", "reference", "strata"])
def test_whatever_changes_scores_but_no_question_scores_anew(
    two: dict[str, str],
    tiny: Any,
    tiny_phase: Any,
    organizer: Any,
    fake: Any,
    scores: Any,
    dispatch: Any,
    change: str,
) -> None:
    body = tiny.request()
    hidden = body["data"]["classify"]["hidden"]
    match change:
        case "labels":
            body["challenge"]["tasks"][0]["labels"] = {"0": "a", "1": "other"}
        case "bootstrap":
            body["challenge"]["phases"] = [tiny_phase(ranking={"bootstrap": {"samples": 200}})]
        case "reference":
            cases = hidden["reference"]["cases"]
            cases[0]["files"], cases[1]["files"] = cases[1]["files"], cases[0]["files"]
        case "strata":
            for half in ("inputs", "reference"):
                for case in hidden[half]["cases"]:
                    case["strata"], case["group"] = {"writer": "both"}, "one"
    answer = organizer.post("/challenges/tiny/versions", body)
    assert (answer.status_code, answer.json()["reevaluations"]) == (201, 2), answer.text
    for _ in two:
        fake.score(scores(0.5, 0.25, 0.25))
    dispatch()
    board = organizer.get(BOARD).json()
    assert (board["challenge_version"], board["total_rows"]) == (2, 2)


def test_a_new_text_scores_nothing_anew(two: Any, tiny: Any, organizer: Any, fake: Any) -> None:
    answer = tiny.publish(organizer, summary="Other words").json()
    assert (answer["reevaluations"], answer["outdated"]) == (0, 0)
    assert fake.ask("score").status_code == 204


def test_new_hidden_inputs_must_be_answered_anew_and_the_board_before_stays(
    two: dict[str, str],
    tiny: Any,
    organizer: Any,
    fake: Any,
    person: Any,
    scores: Any,
    dispatch: Any,
    database: Database,
) -> None:
    before = organizer.get(BOARD)
    body = tiny.request()
    for half in ("inputs", "reference"):
        body["data"]["classify"]["hidden"][half]["cases"].pop()
    answer = organizer.post("/challenges/tiny/versions", body).json()
    assert (answer["reevaluations"], answer["outdated"]) == (0, 2)
    dispatch()
    assert organizer.get(BOARD).content == before.content
    assert organizer.get(AGAIN).json()["outdated"] == 2
    with database.reading() as session:
        events = session.exec(select(EventRow).where(EventRow.name == "challenge_published")).all()
    assert events[-1].facts["outdated"] == 2
    assert organizer.get(f"/submissions/{two['ann']}").json()["standing"].startswith("Rank 1 of 2")
    tiny.enter(person("cat"))
    fake.run()
    fake.score(scores(0.1, 0.1))
    dispatch()
    assert order_of(organizer.get(BOARD).json()) == [("cat", 1)]
    assert organizer.get(f"/submissions/{two['ann']}").json()["standing"] == (
        "Not on the board: version 2 of the challenge asks something else; submit it again."
    )


def test_a_run_that_ends_after_publishing_is_scored_by_the_new_version(
    published: Any, organizer: Any, participant: Any, fake: Any, scores: Any, dispatch: Any
) -> None:
    published.enter(participant)
    assert published.publish(organizer, tasks=metric(published, worst=0.25)).status_code == 201
    fake.run()
    held = fake.claim("score")
    assert held.order["task"]["metrics"][0]["worst"] == 0.25
    held.complete_scores(scores(1.0, 1.0, 1.0))
    dispatch()
    assert organizer.get(BOARD).json()["challenge_version"] == 2


def test_a_run_of_questions_that_changed_meanwhile_is_scored_by_its_own_version(
    published: Any, organizer: Any, participant: Any, fake: Any, scores: Any
) -> None:
    published.enter(participant)
    body = published.request()
    for half in ("inputs", "reference"):
        body["data"]["classify"]["hidden"][half]["cases"].pop()
    assert organizer.post("/challenges/tiny/versions", body).status_code == 201
    fake.run()
    assert len(fake.claim("score").order["cases"]) == 3


def test_a_metric_that_crashes_is_the_organizers_and_the_board_before_stays(
    two: dict[str, str],
    tiny: Any,
    organizer: Any,
    fake: Any,
    scores: Any,
    dispatch: Any,
    database: Database,
) -> None:
    before = organizer.get(BOARD)
    tiny.publish(organizer, tasks=metric(tiny, worst=0.25))
    fake.score(scores(0.1, 0.1, 0.1))
    fake.claim("score").say("fail", code="METRIC_FAILED", detail="metric 'top1': ValueError")
    dispatch()
    assert organizer.get(BOARD).content == before.content
    told = organizer.get(AGAIN).json()
    assert (told["waiting"], told["failed"]) == (0, 1)
    assert told["failure"] == "METRIC_FAILED: metric 'top1': ValueError"
    assert "`proctor challenge reevaluate tiny`" in told["held"]
    for submission in two.values():
        view = organizer.get(f"/submissions/{submission}").json()
        assert (view["progress"], view["final"]) == ("scored", True)
    with database.reading() as session:
        assert all(row.charged for row in session.exec(select(Submission)))
    answer = tiny.publish(organizer, tasks=metric(tiny, worst=0.75)).json()
    assert answer["reevaluations"] == 2
    for _ in two:
        score_next(fake, organizer, two, scores, ann=0.1, bob=0.2)
    dispatch()
    assert order_of(organizer.get(BOARD).json()) == [("bob", 1), ("ann", 2)]


def test_a_metric_that_crashed_at_first_is_mended_by_publishing(
    published: Any, organizer: Any, participant: Any, fake: Any, scores: Any, dispatch: Any
) -> None:
    submission = published.enter(participant).json()["id"]
    fake.run()
    fake.claim("score").say("fail", code="METRIC_FAILED", detail="boom")
    assert organizer.get(f"/submissions/{submission}").json()["progress"] == "failed"
    published.publish(organizer, tasks=metric(published, worst=0.25))
    assert organizer.get(f"/submissions/{submission}").json()["progress"] == "scoring"
    fake.score(scores(1.0, 1.0, 1.0))
    dispatch()
    assert order_of(organizer.get(BOARD).json()) == [("paul", 1)]


def test_going_back_to_the_old_metric_uses_the_old_scores(
    two: dict[str, str], tiny: Any, organizer: Any, fake: Any, scores: Any, dispatch: Any
) -> None:
    tiny.publish(organizer, tasks=metric(tiny, worst=0.25))
    for _ in two:
        fake.claim("score").say("fail", code="METRIC_FAILED", detail="boom")
    assert tiny.publish(organizer, summary="As before").json()["reevaluations"] == 0
    dispatch()
    board = organizer.get(BOARD).json()
    assert (board["challenge_version"], order_of(board)) == (3, [("ann", 1), ("bob", 2)])


def test_scoring_anew_can_be_asked_for_by_hand_and_waits_once(
    two: dict[str, str], organizer: Any, fake: Any, scores: Any, dispatch: Any, database: Database
) -> None:
    before = organizer.get(BOARD).json()
    asked = organizer.post(AGAIN, {"phase": "main"})
    assert (asked.status_code, asked.json()["evaluations"]) == (202, 2)
    assert organizer.post(AGAIN, {}).json()["evaluations"] == 0
    assert organizer.get(AGAIN).json()["waiting"] == 2
    for _ in two:
        score_next(fake, organizer, two, scores, ann=0.2, bob=0.3)
        dispatch()
    board = organizer.get(BOARD).json()
    assert board["number"] == before["number"] + 1
    assert order_of(board) == [("bob", 1), ("ann", 2)]
    with database.reading() as session:
        assert len(session.exec(select(Evaluation)).all()) == 4
        assert len(session.exec(select(Run)).all()) == 2


def test_only_organizers_have_anything_scored_anew(two: Any, other: Any, anonymous: Any) -> None:
    assert other.post(AGAIN, {}).json()["code"] == "FORBIDDEN"
    assert other.get(AGAIN).json()["code"] == "FORBIDDEN"
    assert anonymous.post(AGAIN, {}).status_code == 401


def test_a_phase_that_does_not_exist_is_named(two: Any, organizer: Any) -> None:
    refused = organizer.post(AGAIN, {"phase": "finals"})
    assert (refused.status_code, refused.json()["code"]) == (404, "NOT_FOUND")
    assert "no phase finals" in refused.json()["detail"]


def test_a_rerun_is_compared_with_scores_by_the_same_metrics(
    two: dict[str, str], tiny: Any, organizer: Any, fake: Any, scores: Any, dispatch: Any
) -> None:
    tiny.publish(organizer, tasks=metric(tiny, worst=0.25))
    for _ in two:
        fake.score(scores(0.1, 0.1, 0.1))
    assert organizer.post(f"/submissions/{two['ann']}/reruns", {}).status_code == 201
    fake.run({"c0": b"other"})
    held = fake.claim("score")
    assert held.order["task"]["metrics"][0]["worst"] == 0.25
    held.complete_scores(scores(0.1, 0.1, 0.1))
    runs = organizer.get(f"/submissions/{two['ann']}").json()["runs"]
    assert runs[-1]["verdict"] == "within tolerance"


def test_no_board_is_made_without_a_score(
    published: Any, organizer: Any, database: Database, dispatch: Any
) -> None:
    dispatch()
    published.publish(organizer, title="Tinier")
    dispatch()
    with database.reading() as session:
        assert session.exec(select(LeaderboardSnapshot)).all() == []
