"""Archived models answer a test set that was published later; the board switches when all have."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from proctor.spec.archive import ArchiveManifest
from proctor_platform.database import Database
from proctor_platform.settings import PlatformSettings
from proctor_platform.tables import Submission

BOARD = "/challenges/tiny/phases/main/leaderboard"
REFRESH = "/challenges/tiny/refreshes"


def publish_fewer_cases(tiny: Any, organizer: Any, **task: Any) -> Any:
    """Publish a test set of two of the three cases."""
    body = tiny.request()
    for half in ("inputs", "reference"):
        body["data"]["classify"]["hidden"][half]["cases"].pop()
    body["challenge"]["tasks"][0].update(task)
    answer = organizer.post("/challenges/tiny/versions", body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def order_of(board: Any) -> list[tuple[str, int]]:
    return [(row["participant"], row["rank"]) for row in board["rows"]]


def whose(organizer: Any, made: dict[str, str], run: str) -> str:
    for name, submission in made.items():
        view = organizer.get(f"/submissions/{submission}").json()
        if run in {known["id"] for known in view["runs"]}:
            return name
    raise AssertionError(run)


def score_by_name(
    fake: Any, organizer: Any, made: dict[str, str], scores: Any, **by: float
) -> None:
    held = fake.claim("score")
    value = by[whose(organizer, made, held.order["run"])]
    assert held.complete_scores(scores(value, value)).status_code == 204


def test_every_archived_model_answers_the_new_test_set_and_the_board_switches_at_once(
    two: dict[str, str],
    tiny: Any,
    organizer: Any,
    fake: Any,
    scores: Any,
    dispatch: Any,
    database: Database,
) -> None:
    before = organizer.get(BOARD)
    assert publish_fewer_cases(tiny, organizer)["outdated"] == 2
    asked = organizer.post(REFRESH, {})
    assert (asked.status_code, asked.json()["runs"]) == (202, 2), asked.text
    again = organizer.post(REFRESH, {"phase": "main"}).json()
    assert (again["runs"], again["waiting"]) == (0, 2), "asked once"
    for _ in two:
        held = fake.run()
        assert [case["id"] for case in sorted(held.order["cases"], key=lambda c: c["id"])] == [
            "c0",
            "c1",
        ]
        assert held.order["runtime"]["name"] == "runtime-cpu"
        dispatch()
    assert organizer.get(BOARD).content == before.content
    score_by_name(fake, organizer, two, scores, ann=0.1, bob=0.7)
    dispatch()
    assert organizer.get(BOARD).content == before.content, "half a board is none"
    score_by_name(fake, organizer, two, scores, ann=0.1, bob=0.7)
    dispatch()
    board = organizer.get(BOARD).json()
    assert order_of(board) == [("bob", 1), ("ann", 2)]
    assert (board["challenge_version"], board["rows"][0]["total_cases"]) == (2, 2)
    assert organizer.get(f"/leaderboards/{before.json()['id']}").content == before.content
    assert organizer.post(REFRESH, {}).json()["runs"] == 0
    for submission in two.values():
        view = organizer.get(f"/submissions/{submission}").json()
        assert [run["purpose"] for run in view["runs"]] == ["first", "refresh"]
        assert view["progress"] == "scored"
    with database.reading() as session:
        for submission in two.values():
            assert session.get_one(Submission, submission).charged


def test_scores_on_a_new_test_set_are_made_anew_with_new_metrics(
    two: dict[str, str], tiny: Any, organizer: Any, fake: Any, scores: Any, dispatch: Any
) -> None:
    publish_fewer_cases(tiny, organizer)
    organizer.post(REFRESH, {})
    for _ in two:
        fake.run()
        score_by_name(fake, organizer, two, scores, ann=0.3, bob=0.2)
    dispatch()
    metrics = tiny.spec.tasks[0].model_dump(mode="json")["metrics"]
    metrics[0]["worst"] = 0.25
    told = publish_fewer_cases(tiny, organizer, metrics=metrics)
    assert (told["reevaluations"], told["outdated"]) == (2, 0)
    for _ in two:
        score_by_name(fake, organizer, two, scores, ann=0.1, bob=0.2)
    dispatch()
    board = organizer.get(BOARD).json()
    assert (board["challenge_version"], order_of(board)) == (3, [("bob", 1), ("ann", 2)])
    assert fake.ask("run.cpu").status_code == 204


def test_going_back_to_the_old_test_set_uses_the_old_scores(
    two: dict[str, str], tiny: Any, organizer: Any, fake: Any, scores: Any, dispatch: Any
) -> None:
    publish_fewer_cases(tiny, organizer)
    organizer.post(REFRESH, {})
    for _ in two:
        fake.run()
        score_by_name(fake, organizer, two, scores, ann=0.1, bob=0.2)
    dispatch()
    assert order_of(organizer.get(BOARD).json()) == [("bob", 1), ("ann", 2)]
    back = tiny.publish(organizer, summary="As it was").json()
    assert (back["reevaluations"], back["outdated"]) == (0, 0)
    dispatch()
    board = organizer.get(BOARD).json()
    assert (board["challenge_version"], order_of(board)) == (3, [("ann", 1), ("bob", 2)])


def test_a_model_that_fails_on_the_new_set_leaves_the_board_and_is_not_asked_again(
    two: dict[str, str],
    tiny: Any,
    organizer: Any,
    fake: Any,
    scores: Any,
    dispatch: Any,
    database: Database,
) -> None:
    publish_fewer_cases(tiny, organizer)
    organizer.post(REFRESH, {})
    held = fake.claim()
    loser = whose(organizer, two, held.order["id"])
    for case in held.order["cases"]:
        held.case(case["id"], None, "CRASH")
    held.complete_run("CRASH", "All cases crashed.")
    fake.run()
    score_by_name(fake, organizer, two, scores, ann=0.4, bob=0.4)
    dispatch()
    (row,) = organizer.get(BOARD).json()["rows"]
    assert row["participant"] != loser
    told = organizer.post(REFRESH, {}).json()
    assert (told["runs"], told["failed"], told["waiting"]) == (0, 0, 0)
    with database.reading() as session:
        assert session.get_one(Submission, two[loser]).state == "accepted"
        assert session.get_one(Submission, two[loser]).charged


def test_a_run_on_the_new_set_that_we_fail_leaves_the_board_before_until_it_has_run(
    two: dict[str, str],
    tiny: Any,
    organizer: Any,
    fake: Any,
    scores: Any,
    dispatch: Any,
    settings: PlatformSettings,
) -> None:
    before = organizer.get(BOARD)
    publish_fewer_cases(tiny, organizer)
    organizer.post(REFRESH, {})
    fake.run()
    for _ in range(settings.max_attempts):
        assert fake.claim().say("fail", code="SANDBOX_FAILED").status_code == 204
    assert fake.ask().status_code == 204, "it was tried often enough"
    score_by_name(fake, organizer, two, scores, ann=0.4, bob=0.4)
    dispatch()
    assert organizer.get(BOARD).content == before.content
    held = organizer.get("/challenges/tiny/reevaluations").json()["held"]
    assert "SANDBOX_FAILED" in held
    assert "proctor challenge refresh tiny" in held
    assert organizer.post(REFRESH, {}).json()["runs"] == 1
    fake.run()
    score_by_name(fake, organizer, two, scores, ann=0.3, bob=0.3)
    dispatch()
    assert len(organizer.get(BOARD).json()["rows"]) == 2


def test_a_metric_that_crashes_on_the_new_set_leaves_the_board_before(
    two: dict[str, str], tiny: Any, organizer: Any, fake: Any, scores: Any, dispatch: Any
) -> None:
    before = organizer.get(BOARD)
    publish_fewer_cases(tiny, organizer)
    organizer.post(REFRESH, {})
    for _ in two:
        fake.run()
    score_by_name(fake, organizer, two, scores, ann=0.4, bob=0.4)
    fake.claim("score").say("fail", code="METRIC_FAILED", detail="boom")
    dispatch()
    assert organizer.get(BOARD).content == before.content
    told = organizer.get(REFRESH).json()
    assert (told["failed"], told["failure"]) == (1, "METRIC_FAILED: boom")
    for submission in two.values():
        answer = organizer.get(f"/submissions/{submission}/archive?kind=public")
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            manifest = ArchiveManifest.model_validate_json(archive.read("proctor-archive.json"))
        assert manifest.tasks[0].run.evaluation is not None, "what has a score keeps it"


def test_a_task_that_is_asked_in_other_files_must_be_entered_again(
    two: dict[str, str], tiny: Any, organizer: Any, fake: Any
) -> None:
    outputs = tiny.spec.tasks[0].model_dump(mode="json")["outputs"]
    outputs["probabilities"]["columns"] = ["b", "a"]
    publish_fewer_cases(tiny, organizer, outputs=outputs)
    told = organizer.post(REFRESH, {}).json()
    assert (told["runs"], told["outdated"]) == (0, 2)
    assert fake.ask("run.cpu").status_code == 204


def test_only_what_stands_on_the_board_can_be_asked_for(
    two: dict[str, str],
    tiny: Any,
    organizer: Any,
    person: Any,
    fake: Any,
    scores: Any,
    dispatch: Any,
) -> None:
    worse = person("cat")
    submissions = []
    for value in (0.9, 0.2):
        submissions.append(tiny.enter(worse).json()["id"])
        fake.run()
        fake.score(scores(value, value, value))
    dispatch()
    publish_fewer_cases(tiny, organizer)
    assert organizer.post(REFRESH, {"best": True}).json()["runs"] == 3
    assert organizer.post(REFRESH, {}).json()["runs"] == 1


def test_only_organizers_ask_for_runs_on_a_new_set(two: Any, other: Any, anonymous: Any) -> None:
    assert other.post(REFRESH, {}).json()["code"] == "FORBIDDEN"
    assert other.get(REFRESH).json()["code"] == "FORBIDDEN"
    assert anonymous.post(REFRESH, {}).status_code == 401
