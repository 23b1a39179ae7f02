from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import Session, col, func, select

from proctor.spec.digests import digest_bytes, digest_document
from proctor_platform.clock import now
from proctor_platform.database import Database
from proctor_platform.leaderboards.snapshot import make_board
from proctor_platform.queueing.bells import NoBells
from proctor_platform.queueing.dispatcher import Dispatcher
from proctor_platform.queueing.reconciler import Reconciler
from proctor_platform.score_tables import (
    AggregateScore,
    Score,
)
from proctor_platform.tables import (
    CaseResult,
    Evaluation,
    EventRow,
    Outbox,
    Run,
    Submission,
    Token,
)


@pytest.fixture
def submission(published: Any, participant: Any) -> str:
    return str(published.enter(participant).json()["id"])


@pytest.fixture
def look(database: Database) -> Callable[..., Any]:
    """Read rows of a table, in order of their ids."""

    def read(table: Any) -> Any:
        with database.reading() as session:
            return session.exec(select(table)).all()

    return read


def count(session: Session, table: Any) -> int:
    return session.exec(select(func.count()).select_from(table)).one()


def answer_all(held: Any) -> None:
    for case in held.order["cases"]:
        assert held.case(case["id"]).status_code == 204


def test_a_whole_life_ends_scored_once(
    fake: Any, submission: str, scores: Any, look: Any, participant: Any, database: Database
) -> None:
    held = fake.run()
    fake.score(scores(1.0, 0.5, 0.0))
    (run,) = look(Run)
    (evaluation,) = look(Evaluation)
    assert (run.state, run.cases_done, run.outcome, run.lease_until) == ("succeeded", 3, "OK", None)
    assert run.predictions_digest == digest_document(
        [
            [case, "probabilities", digest_bytes(f"prediction of {case}".encode())]
            for case in ("c0", "c1", "c2")
        ]
    )
    assert (evaluation.state, evaluation.metrics["top1"]["definition_id"]) == ("scored", "top1.v1")
    assert {row.case_id: row.value for row in look(Score)} == {"c0": 1.0, "c1": 0.5, "c2": 0.0}
    (aggregate,) = look(AggregateScore)
    assert (aggregate.value, aggregate.n_total, len(aggregate.replicates)) == (0.5, 12, 8000)
    assert [row.subject for row in look(Outbox) if row.topic == "board"] != []
    names = [row.name for row in look(EventRow) if row.subject == held.id]
    assert names == ["run_queued", "run_claimed", "run_running", "run_succeeded"]
    view = participant.get(f"/submissions/{submission}").json()
    assert (view["progress"], view["final"], view["rank"]) == ("ranking", False, None)
    Dispatcher(database, NoBells(), make_board).once()
    view = participant.get(f"/submissions/{submission}").json()
    assert (view["progress"], view["final"], view["rank"]) == ("scored", True, 1)


def test_a_board_that_does_not_come_keeps_nobody_waiting(
    fake: Any, submission: str, scores: Any, database: Database, participant: Any
) -> None:
    fake.run()
    fake.score(scores(1.0, 0.5, 0.0))
    with database.writing() as session:
        session.execute(update(Outbox).values(created_at=now(-61)))
        session.commit()
    view = participant.get(f"/submissions/{submission}").json()
    assert (view["progress"], view["final"]) == ("scored", True)


def test_everything_said_twice_counts_once(
    fake: Any, submission: str, scores: Any, look: Any, database: Database
) -> None:
    held = fake.claim()
    answer_all(held)
    answer_all(held)
    assert held.case("c0", b"another answer").status_code == 204
    assert [held.complete_run().status_code for _ in range(2)] == [204, 204]
    scoring = fake.claim("score")
    done = [scoring.complete_scores(scores(1.0, 1.0, 0.0)).status_code for _ in range(2)]
    assert done == [204, 204]
    with database.reading() as session:
        counts = [count(session, table) for table in (CaseResult, Evaluation, Score)]
    assert counts == [3, 1, 3]
    assert {row.predictions["probabilities"]["size"] for row in look(CaseResult)} == {16}


def test_the_first_heartbeat_says_that_work_has_begun(
    fake: Any, submission: str, look: Any
) -> None:
    held = fake.claim()
    assert look(Run)[0].state == "claimed"
    reply = held.beat("pulling", cases_done=1, cases_total=3).json()
    assert reply == {"cancel": False, "lease_s": 600.0}
    (run,) = look(Run)
    assert (run.state, run.stage, run.cases_done) == ("running", "pulling", 1)
    assert run.started_at is not None


def test_a_heartbeat_lengthens_the_lease(
    fake: Any, submission: str, look: Any, database: Database
) -> None:
    held = fake.claim()
    with database.writing() as session:
        session.execute(update(Run).values(lease_until=now(1)))
        session.commit()
    before = look(Run)[0].lease_until
    held.beat()
    assert (look(Run)[0].lease_until - before).total_seconds() > 20


def test_a_run_is_not_complete_without_every_case(fake: Any, submission: str, look: Any) -> None:
    held = fake.claim()
    held.case("c0")
    answer = held.complete_run()
    assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")
    assert look(Run)[0].state == "running"


def test_a_run_whose_cases_all_failed_has_failed(
    fake: Any, submission: str, look: Any, participant: Any
) -> None:
    held = fake.claim()
    for case, outcome in (("c0", "OOM"), ("c1", "CRASH"), ("c2", "CRASH")):
        held.case(case, outcome=outcome)
    assert held.complete_run().status_code == 204
    (run,) = look(Run)
    assert (run.state, run.outcome) == ("failed", "CRASH")
    assert run.detail.startswith("All 3 cases failed, 2 of them like c1")
    assert look(Submission)[0].charged
    assert look(Evaluation) == []
    assert participant.get(f"/submissions/{submission}").json()["final"]


def test_a_run_out_of_time_keeps_the_cases_it_has(fake: Any, submission: str, look: Any) -> None:
    held = fake.claim()
    held.case("c1")
    assert held.complete_run("TOTAL_TIMEOUT", "60 s are over.").status_code == 204
    assert look(Run)[0].state == "succeeded"
    assert {row.case_id: row.outcome for row in look(CaseResult)} == {
        "c0": "TOTAL_TIMEOUT",
        "c1": "OK",
        "c2": "TOTAL_TIMEOUT",
    }
    assert len(look(Evaluation)) == 1


def test_a_model_that_cannot_start_is_its_authors_failure(
    fake: Any, submission: str, look: Any
) -> None:
    fake.claim().complete_run("START_FAILED", "no entrypoint")
    (run,) = look(Run)
    assert (run.state, run.outcome, run.detail) == ("failed", "START_FAILED", "no entrypoint")
    assert look(Submission)[0].charged


def test_answers_that_depend_on_the_protocol_are_not_scored(
    fake: Any, submission: str, look: Any
) -> None:
    held = fake.claim()
    held.case("c1")
    held.complete_run("PROTOCOLS_DISAGREE", "Case c0 is answered differently.")
    (run,) = look(Run)
    assert (run.state, run.outcome) == ("failed", "PROTOCOLS_DISAGREE")
    assert run.detail == "Case c0 is answered differently."
    assert look(Submission)[0].charged
    assert look(Evaluation) == []


def test_an_image_that_is_refused_rejects_its_submission(
    fake: Any, published: Any, participant: Any, look: Any, submission: str
) -> None:
    fake.claim()
    for file in (published.image.config, *published.image.layers):
        participant.put_blob(published.blobs[file.digest])
    image = participant.submit(published.image, published.card).json()["id"]
    fake.claim().complete_run("IMAGE_REJECTED", "it has two manifests")
    view = participant.get(f"/submissions/{image}").json()
    assert (view["state"], view["outcome"], view["final"]) == ("rejected", "IMAGE_REJECTED", True)
    assert {row.id: row.charged for row in look(Submission)}[image]


def test_our_failure_is_tried_again_and_never_charged(
    fake: Any, submission: str, look: Any, participant: Any
) -> None:
    for attempt in range(1, 6):
        held = fake.claim()
        assert held.order["fence"] == attempt
        assert look(Submission)[0].charged
        assert held.say("fail", code="SANDBOX_FAILED", detail="no daemon").status_code == 204
        assert held.say("fail", code="SANDBOX_FAILED", detail="no daemon").status_code == 204
    (run,) = look(Run)
    assert (run.state, run.outcome, run.attempt) == ("failed", "SANDBOX_FAILED", 5)
    assert not look(Submission)[0].charged
    assert fake.ask().status_code == 204
    assert participant.get(f"/submissions/{submission}").json()["final"]


def test_an_organizers_failure_is_final_at_once_and_charges_nobody(
    fake: Any, submission: str, look: Any
) -> None:
    fake.run()
    fake.claim("score").say("fail", code="REFERENCE_INVALID", detail="c0: other shape")
    (evaluation,) = look(Evaluation)
    assert (evaluation.state, evaluation.outcome) == ("failed", "REFERENCE_INVALID")
    assert not look(Submission)[0].charged
    assert fake.ask("score").status_code == 204


def test_a_submission_whose_other_task_has_scores_stays_charged(
    fake: Any, two_tasks: Any, participant: Any, look: Any, scores: Any
) -> None:
    two_tasks.enter(participant)
    fake.run()
    fake.score(scores(1.0, 0.5, 0.25))
    fake.run()
    fake.claim("score").say("fail", code="METRIC_FAILED", detail="metric 'top1': ValueError")
    assert sorted(row.state for row in look(Evaluation)) == ["failed", "scored"]
    assert look(Submission)[0].charged


def test_cancelling_reaches_the_worker_and_ends_the_run(
    fake: Any, submission: str, look: Any, participant: Any
) -> None:
    held = fake.claim()
    assert participant.post(f"/submissions/{submission}/cancel").status_code == 200
    assert held.beat().json()["cancel"] is True
    assert held.complete_run("CANCELLED").status_code == 204
    assert look(Run)[0].state == "cancelled"


def test_nobody_but_its_owner_cancels(fake: Any, submission: str, look: Any) -> None:
    held = fake.claim()
    assert held.complete_run("CANCELLED").status_code == 409
    assert held.say("fail", code="CANCELLED").status_code == 409
    assert look(Run)[0].state in ("claimed", "running")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (
            {"rows": [{"case": "c9", "metric": "top1", "label": "mean", "value": 1, "n_items": 1}]},
            "no case 'c9'",
        ),
        (
            {"rows": [{"case": "c0", "metric": "dice", "label": "mean", "value": 1, "n_items": 1}]},
            "no metric 'dice'",
        ),
        ({"aggregates": []}, "no column over the whole set"),
        ({"metrics": {}}, "has no facts"),
    ],
)
def test_scores_that_do_not_fit_the_task_are_refused_whole(
    fake: Any, submission: str, look: Any, scores: Any, spoil: Any, told: str
) -> None:
    from_conftest = fake.run().holder
    held = fake.claim("score")
    body = {
        "fence": held.fence,
        "rows": [],
        "aggregates": [
            {
                "metric": "top1",
                "label": "mean",
                "value": 1.0,
                "deviation": None,
                "n_used": 1,
                "n_total": 1,
                "replicates": "AAAA" * 1333 + "AA==",
            }
        ],
        "strata": [],
        "metrics": {
            "top1": {
                "definition_id": "d",
                "unit": "",
                "higher_is_better": True,
                "edge_rules": [],
            }
        },
        "code_digest": digest_bytes(b"code"),
        "libraries": {},
    }
    answer = held.holder.post(f"/work/{held.id}/complete", body | spoil)
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_REQUEST")
    assert told in answer.json()["detail"]
    assert look(Score) == []
    assert from_conftest is not None


KILLED_AT = ("claim", "heartbeat", "case", "every case", "score claim", "score heartbeat")


@pytest.mark.parametrize("stage", KILLED_AT)
def test_a_worker_killed_at_any_stage_costs_nobody_anything(
    stage: str, fake: Any, submission: str, scores: Any, look: Any, database: Database
) -> None:
    if stage.startswith("score"):
        fake.run()
        dead = fake.claim("score")
    else:
        dead = fake.claim()
    if stage in ("heartbeat", "score heartbeat"):
        dead.beat()
    if stage == "case":
        dead.case("c1")
    if stage == "every case":
        answer_all(dead)
    with database.writing() as session:
        for table in (Run, Evaluation):
            late = update(table).where(col(table.lease_until).is_not(None))
            session.execute(late.values(lease_until=now(-1)))
        session.commit()
    Reconciler(database, max_attempts=5, period_s=1).once()
    if not stage.startswith("score"):
        fake.run()
    fake.score(scores(1.0, 1.0, 1.0))
    (run,), (evaluation,) = look(Run), look(Evaluation)
    assert (run.state, evaluation.state) == ("succeeded", "scored")
    assert sorted(row.attempt for row in (run, evaluation)) == [1, 2]
    assert len(look(Score)) == 3
    assert look(Submission)[0].charged
    names = [row.name for row in look(EventRow)]
    assert (names.count("run_succeeded"), names.count("evaluation_scored")) == (1, 1)
    assert dead.complete_run().status_code == 409
    assert len(look(Token)) >= 4
