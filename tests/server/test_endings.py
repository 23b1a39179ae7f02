"""Cancelling a submission and running one again."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import select

from proctor.spec.work import FolderContent
from proctor_platform.database import Database
from proctor_platform.score_tables import AggregateScore
from proctor_platform.tables import Evaluation, Outbox, Run, Submission


def test_what_waits_is_cancelled_at_once_and_costs_nothing(
    published: Any, participant: Any, database: Database
) -> None:
    made = published.enter(participant).json()["id"]
    view = participant.post(f"/submissions/{made}/cancel").json()
    assert (view["state"], view["progress"], view["final"]) == ("withdrawn", "withdrawn", True)
    assert (view["outcome"], view["runs"][0]["state"]) == ("CANCELLED", "cancelled")
    again = participant.post(f"/submissions/{made}/cancel")
    assert (again.status_code, again.json()["state"]) == (200, "withdrawn")
    names = [row["name"] for row in participant.get(f"/submissions/{made}/events").json()]
    assert names[-3:] == ["run_cancelled", "submission_withdrawn", "submission_uncharged"]
    assert not _charged(database, made)


def test_what_a_worker_has_is_asked_to_stop(
    published: Any, participant: Any, database: Database
) -> None:
    made = published.enter(participant).json()["id"]
    with database.writing() as session:
        run = session.exec(select(Run)).one()
        run.state, run.fence, run.attempt = "running", 1, 1
        session.commit()
    view = participant.post(f"/submissions/{made}/cancel").json()
    assert (view["state"], view["runs"][0]["state"]) == ("withdrawn", "running")
    with database.reading() as session:
        assert session.exec(select(Run)).one().cancel_requested is True
    assert _charged(database, made)


def test_what_a_worker_had_once_is_cancelled_and_counts(
    published: Any, participant: Any, database: Database
) -> None:
    made = published.enter(participant).json()["id"]
    with database.writing() as session:
        run = session.exec(select(Run)).one()
        run.state, run.fence, run.attempt = "queued", 2, 1
        session.commit()
    view = participant.post(f"/submissions/{made}/cancel").json()
    assert (view["state"], view["runs"][0]["state"]) == ("withdrawn", "cancelled")
    assert _charged(database, made)


def _charged(database: Database, submission: str) -> bool:
    with database.reading() as session:
        return session.get_one(Submission, submission).charged


def test_a_waiting_evaluation_is_cancelled_too(
    published: Any, participant: Any, database: Database, scored: Callable[..., None]
) -> None:
    made = published.enter(participant).json()["id"]
    scored(made)
    with database.writing() as session:
        evaluation = session.exec(select(Evaluation)).one()
        evaluation.state = "queued"
        session.commit()
    assert participant.get(f"/submissions/{made}").json()["progress"] == "scoring"
    assert participant.post(f"/submissions/{made}/cancel").status_code == 200
    with database.reading() as session:
        assert session.exec(select(Evaluation)).one().state == "cancelled"


def test_what_has_ended_cannot_be_cancelled(
    published: Any, participant: Any, scored: Callable[..., None]
) -> None:
    made = published.enter(participant).json()["id"]
    scored(made)
    refused = participant.post(f"/submissions/{made}/cancel")
    assert (refused.status_code, refused.json()["code"]) == (409, "CONFLICT")
    assert refused.json()["detail"] == "The submission has ended: scored."


def test_a_rerun_is_compared_with_the_first_run_under_the_same_aliases(
    published: Any, participant: Any, database: Database, scored: Callable[..., None]
) -> None:
    made = published.enter(participant).json()["id"]
    scored(made)
    answer = participant.post(f"/submissions/{made}/reruns", {})
    assert answer.status_code == 201, answer.text
    view = answer.json()
    assert (view["progress"], view["final"]) == ("scored", True), "the submission itself stands"
    assert [(run["purpose"], run["state"]) for run in view["runs"]] == [
        ("first", "succeeded"),
        ("rerun", "queued"),
    ]
    with database.reading() as session:
        first, again = session.exec(select(Run).order_by(Run.id)).all()
        assert again.compared_with == first.id
        assert again.alias_seed == first.alias_seed
        rung = session.exec(select(Outbox).where(Outbox.subject == again.id)).all()
        assert [row.queue for row in rung] == ["run.cpu"]


def test_a_rerun_under_way_must_end_first(
    published: Any, participant: Any, scored: Callable[..., None]
) -> None:
    made = published.enter(participant).json()["id"]
    early = participant.post(f"/submissions/{made}/reruns", {})
    assert (early.status_code, early.json()["code"]) == (409, "CONFLICT")
    assert "only what succeeded" in early.json()["detail"]
    scored(made)
    assert participant.post(f"/submissions/{made}/reruns", {}).status_code == 201
    twice = participant.post(f"/submissions/{made}/reruns", {})
    assert twice.status_code == 409
    assert "under way" in twice.json()["detail"]


def test_another_contents_scores_are_the_organizers(
    published: Any,
    organizer: Any,
    participant: Any,
    database: Database,
    scored: Callable[..., None],
) -> None:
    made = published.enter(participant).json()["id"]
    scored(made)
    ref = participant.put_blob(b"class Model: altered")
    altered = published.model.entries[1].model_copy(update={"file": ref})
    content = FolderContent(
        entries=(published.model.entries[0], altered), runtime="runtime-cpu"
    ).model_dump(mode="json")
    answer = participant.post(f"/submissions/{made}/reruns", {"content": content})
    assert answer.status_code == 201, answer.text
    with database.writing() as session:
        again = session.exec(select(Run).where(Run.purpose == "rerun")).one()
        assert again.content == content
        again.state = "succeeded"
        evaluation = session.exec(select(Evaluation)).one()
        session.add(
            Evaluation(**{**evaluation.model_dump(), "id": "eva_again", "run_id": again.id})
        )
        session.flush()
        score = session.exec(select(AggregateScore)).one()
        session.add(AggregateScore(**{**score.model_dump(), "evaluation_id": "eva_again"}))
        session.commit()
    path = f"/submissions/{made}"
    assert participant.get(path).json()["runs"][1]["evaluation"]["scores"] == {}
    assert organizer.get(path).json()["runs"][1]["evaluation"]["scores"] != {}


def test_a_days_reruns_are_as_many_as_its_submissions_and_then_open_again(
    published: Any,
    organizer: Any,
    participant: Any,
    database: Database,
    scored: Callable[..., None],
) -> None:
    made = [published.enter(participant, f"key-number-{number}").json()["id"] for number in "01"]
    for one in made:
        scored(one)

    def ask(who: Any, submission: str) -> Any:
        answer = who.post(f"/submissions/{submission}/reruns", {})
        with database.writing() as session:
            for run in session.exec(select(Run).where(Run.state == "queued")):
                run.state = "cancelled"
            session.commit()
        return answer

    assert [ask(participant, made[n]).status_code for n in (0, 1, 0)] == [201, 201, 201]
    refused = ask(participant, made[1])
    assert (refused.status_code, refused.json()["code"]) == (429, "QUOTA_USED")
    assert ask(organizer, made[1]).status_code == 201, "organizers ask as often as they like"
    opens = datetime.fromisoformat(re.findall(r"possible at (\S+)\.", refused.json()["detail"])[0])
    with database.writing() as session:
        reruns = select(Run).where(Run.purpose == "rerun", Run.requested_by == participant.id)
        oldest = session.exec(reruns.order_by(Run.queued_at)).first()
        assert oldest is not None
        assert timedelta(0) < opens - oldest.queued_at - timedelta(hours=24) <= timedelta(seconds=1)
        oldest.queued_at -= timedelta(hours=24)
        session.commit()
    assert ask(participant, made[1]).status_code == 201


def test_a_rerun_of_two_tasks_counts_once(
    two_tasks: Any, participant: Any, database: Database, scored: Callable[..., None]
) -> None:
    made = two_tasks.enter(participant).json()["id"]
    scored(made)
    answers = []
    for _ in range(4):
        answers.append(participant.post(f"/submissions/{made}/reruns", {}).status_code)
        with database.writing() as session:
            for run in session.exec(select(Run).where(Run.state == "queued")):
                run.state = "cancelled"
            session.commit()
    assert answers == [201, 201, 201, 429]
    with database.reading() as session:
        assert len(session.exec(select(Run).where(Run.purpose == "rerun")).all()) == 6
