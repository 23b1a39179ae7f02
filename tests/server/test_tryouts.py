"""A submission answers the public sample first; hidden cases only meet what passed."""

from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest
from sqlmodel import Session, select

from proctor.spec.outcomes import Code
from proctor.spec.work import Environment, RunReport
from proctor_platform.database import Database
from proctor_platform.tables import Outbox, Run, Submission
from proctor_platform.work.endings import complete


@pytest.fixture
def trying(tiny: Any, organizer: Any, tiny_phase: Any) -> Any:
    """The tiny challenge with try-outs, whose phase shows no logs."""
    phase = tiny_phase(tryout=True, show_logs=False)
    answer = tiny.publish(organizer, phases=[phase])
    assert answer.status_code == 201, answer.text
    return tiny


@pytest.fixture
def two_tried(two_tasks: Any, organizer: Any, tiny_phase: Any) -> Any:
    """Two tasks, and a try-out of each."""
    phase = tiny_phase(tasks=["classify", "again"], tryout=True)
    tasks = [task | {"slug": slug} for slug, task in _tasks(two_tasks).items()]
    answer = two_tasks.publish(organizer, tasks=tasks, phases=[phase])
    assert answer.status_code == 201, answer.text
    return two_tasks


def _tasks(tiny: Any) -> dict[str, dict[str, Any]]:
    task = tiny.spec.tasks[0].model_dump(mode="json")
    return {"classify": task, "again": task}


def entered(tiny: Any, who: Any, **fields: Any) -> str:
    answer = tiny.enter(who, **fields)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def view(who: Any, submission: str) -> dict[str, Any]:
    found: dict[str, Any] = who.get(f"/submissions/{submission}").json()
    return found


def purposes(shown: dict[str, Any]) -> list[str]:
    return [run["purpose"] for run in shown["runs"]]


def charged(database: Database, submission: str) -> bool:
    with database.reading() as session:
        return session.get_one(Submission, submission).charged


def crash(fake: Any, case: str = "c1", log: bytes = b"KeyError: 'c1'") -> None:
    """Claim the next run and let one case of it crash."""
    held = fake.claim()
    for each in held.order["cases"]:
        if each["id"] != case:
            assert held.case(each["id"]).status_code == 204
            continue
        ref = held.put(log)
        said = held.say(
            "cases",
            case=case,
            outcome="CRASH",
            detail="The model ended with exit status 3.",
            exit_code=3,
            seconds=0.123,
            log=ref.model_dump(),
        )
        assert said.status_code == 204
    assert held.complete_run().status_code == 204


def test_hidden_cases_wait_until_the_sample_is_answered(
    trying: Any, participant: Any, fake: Any, scores: Any
) -> None:
    submission = entered(trying, participant)
    shown = view(participant, submission)
    assert (shown["state"], shown["progress"]) == ("checking", "queued")
    assert purposes(shown) == ["tryout"]
    held = fake.claim()
    assert view(participant, submission)["progress"] == "trying"
    sample = trying.data["classify"].sample.inputs.cases
    given = {
        name: file["digest"] for case in held.order["cases"] for name, file in case["files"].items()
    }
    assert held.order["split"] == "sample"
    assert {case["id"] for case in held.order["cases"]} == {case.id for case in sample}
    assert set(given.values()) <= {case.files["images"].digest for case in sample}
    for case in held.order["cases"]:
        held.case(case["id"])
    assert held.complete_run().status_code == 204
    shown = view(participant, submission)
    assert (shown["state"], purposes(shown)) == ("accepted", ["tryout", "first"])
    assert fake.ask("score").status_code == 204, "a try-out is not scored"
    assert fake.run().order["split"] == "hidden"
    fake.score(scores(1, 1, 1))
    shown = view(participant, submission)
    assert shown["progress"] == "ranking"


def test_a_tryout_takes_the_first_cases_of_the_sample_and_no_other_file(
    tiny: Any, organizer: Any, participant: Any, fake: Any, tiny_phase: Any
) -> None:
    task = tiny.spec.tasks[0].model_dump(mode="json") | {"tryout_cases": 1}
    tiny.publish(organizer, tasks=[task], phases=[tiny_phase(tryout=True)])
    entered(tiny, participant)
    held = fake.claim()
    assert [case["id"] for case in held.order["cases"]] == ["c0"]
    first, second = tiny.data["classify"].sample.inputs.cases
    hidden = tiny.data["classify"].hidden.inputs.cases[0]
    assert held.get(first.files["images"].digest).status_code == 200
    assert held.get(second.files["images"].digest).status_code == 404
    assert held.get(hidden.files["images"].digest).status_code == 404
    reference = tiny.data["classify"].sample.reference.cases[0].files["labels"]
    assert held.get(reference.digest).status_code == 404
    assert held.case("c1").status_code == 422


def test_what_fails_on_the_sample_is_rejected_uncharged_and_told_in_full(
    trying: Any, participant: Any, other: Any, fake: Any, database: Database
) -> None:
    submission = entered(trying, participant)
    assert charged(database, submission), "its place in the quota is kept meanwhile"
    crash(fake)
    shown = view(participant, submission)
    assert (shown["state"], shown["progress"], shown["final"]) == ("rejected", "rejected", True)
    assert shown["outcome"] == "CRASH"
    assert shown["detail"] == (
        "Case c1 of the public sample failed: The model ended with exit status 3."
        f" What the model printed: `proctor logs {submission}`."
    )
    assert shown["runs"][0]["detail"] == shown["detail"]
    assert purposes(shown) == ["tryout"]
    assert not charged(database, submission)
    cases = participant.get(f"/submissions/{submission}/cases").json()
    assert [(case["case"], case["outcome"], case["log"]) for case in cases] == [
        ("c0", "OK", False),
        ("c1", "CRASH", True),
    ]
    assert cases[1]["seconds"] == 0.123, "as exact as it was measured: the sample is public"
    log = participant.get(f"/submissions/{submission}/log").text
    assert log == "==> case c1 (try-out) <==\nKeyError: 'c1'\n"
    assert other.get(f"/submissions/{submission}/log").status_code == 404
    assert fake.ask().status_code == 204, "no hidden run was made"


def test_of_hidden_runs_the_log_stays_shut_and_that_of_the_tryout_open(
    trying: Any, participant: Any, fake: Any
) -> None:
    submission = entered(trying, participant)
    held = fake.claim()
    for case in held.order["cases"]:
        ref = held.put(f"prediction {case['id']}".encode())
        log = held.put(b"on the sample").model_dump()
        predictions = {"probabilities": ref.model_dump()}
        held.say(
            "cases", case=case["id"], outcome="OK", seconds=1, predictions=predictions, log=log
        )
    held.complete_run()
    crash(fake, "c2", b"hidden secret")
    tryout, first = view(participant, submission)["runs"]
    text = participant.get(f"/submissions/{submission}/log").text
    assert "on the sample" in text
    assert "hidden secret" not in text
    of_first = participant.get(f"/submissions/{submission}/log", params={"run": first["id"]})
    assert of_first.status_code == 403
    of_tryout = participant.get(f"/submissions/{submission}/log", params={"run": tryout["id"]})
    assert of_tryout.status_code == 200


def test_check_only_stops_after_the_sample_and_costs_no_quota(
    trying: Any, participant: Any, organizer: Any, fake: Any, database: Database
) -> None:
    ids = [entered(trying, participant, check_only=True) for _ in range(4)]
    fake.run()
    shown = view(participant, ids[0])
    assert (shown["check_only"], shown["state"], shown["progress"]) == (True, "accepted", "checked")
    assert (shown["outcome"], shown["final"], purposes(shown)) == ("OK", True, ["tryout"])
    assert "no board" in shown["standing"]
    assert not charged(database, ids[0])
    for _ in ids[1:]:
        fake.run()
    assert fake.ask().status_code == 204
    assert fake.ask("score").status_code == 204
    for who in (participant, organizer):
        refused = who.post(f"/submissions/{ids[0]}/reruns", {})
        assert refused.status_code == 409
        assert "only tried out" in refused.json()["detail"]
    again = organizer.post("/challenges/tiny/reevaluations", {})
    assert again.json()["evaluations"] == 0


def test_check_only_tries_out_where_the_phase_does_not(
    published: Any, participant: Any, fake: Any
) -> None:
    submission = entered(published, participant, check_only=True)
    assert fake.run().order["split"] == "sample"
    assert view(participant, submission)["progress"] == "checked"


def test_the_quota_is_kept_while_trying_and_given_back_to_what_fails(
    tiny: Any, organizer: Any, participant: Any, fake: Any, tiny_phase: Any
) -> None:
    quota = {"per_day": 1, "total": None, "tryouts_per_day": 3}
    tiny.publish(organizer, phases=[tiny_phase(tryout=True, quota=quota)])
    entered(tiny, participant)
    refused = tiny.enter(participant)
    assert (refused.status_code, refused.json()["code"]) == (429, "QUOTA_USED")
    crash(fake)
    entered(tiny, participant)
    crash(fake)
    entered(tiny, participant, check_only=True)
    refused = tiny.enter(participant)
    assert (refused.status_code, refused.json()["code"]) == (429, "QUOTA_USED")
    assert "3 try-outs in 24 hours on phase main" in refused.json()["detail"]
    assert tiny.enter(participant, check_only=True).status_code == 429


def test_a_tryout_that_we_fail_is_tried_again_and_in_the_end_nobodys_cost(
    tiny: Any, organizer: Any, participant: Any, fake: Any, database: Database, tiny_phase: Any
) -> None:
    quota = {"per_day": 1, "total": 1, "tryouts_per_day": 1}
    tiny.publish(organizer, phases=[tiny_phase(tryout=True, quota=quota)])
    submission = entered(tiny, participant)
    for _ in range(4):
        assert fake.claim().say("fail", code="SANDBOX_FAILED", detail="no disk").status_code == 204
        assert view(participant, submission)["final"] is False
    assert fake.claim().say("fail", code="SANDBOX_FAILED", detail="no disk").status_code == 204
    shown = view(participant, submission)
    assert (shown["state"], shown["progress"], shown["final"]) == ("rejected", "failed", True)
    assert shown["outcome"] == "SANDBOX_FAILED"
    assert "no disk" not in shown["detail"]
    assert not charged(database, submission)
    entered(tiny, participant)


def test_all_tasks_must_pass_before_any_hidden_case(
    two_tried: Any, participant: Any, fake: Any
) -> None:
    submission = entered(two_tried, participant)
    fake.run()
    shown = view(participant, submission)
    assert (shown["progress"], purposes(shown)) == ("trying", ["tryout", "tryout"])
    fake.run()
    shown = view(participant, submission)
    assert purposes(shown) == ["tryout", "tryout", "first", "first"]
    assert shown["state"] == "accepted"


def test_one_failed_tryout_ends_the_other(two_tried: Any, participant: Any, fake: Any) -> None:
    submission = entered(two_tried, participant)
    running = fake.claim()
    crash(fake)
    assert view(participant, submission)["state"] == "rejected"
    assert running.beat().json()["cancel"] is True
    assert running.say("fail", code="CANCELLED").status_code == 204
    shown = view(participant, submission)
    assert sorted(run["state"] for run in shown["runs"]) == ["cancelled", "failed"]
    assert "(try-out, " in participant.get(f"/submissions/{submission}/log").text


def test_the_end_of_a_tryout_told_twice_queues_once(
    trying: Any, participant: Any, fake: Any, database: Database
) -> None:
    submission = entered(trying, participant)
    held = fake.run()
    assert held.complete_run().status_code == 204
    with database.reading() as session:
        runs = session.exec(select(Run).where(Run.submission_id == submission)).all()
        bells = session.exec(select(Outbox.subject).where(Outbox.topic == "bell")).all()
    assert sorted(run.purpose for run in runs) == ["first", "tryout"]
    assert sorted(bells) == sorted(run.id for run in runs)


def test_an_image_is_looked_into_by_its_tryout_and_accepted_after_it(
    trying: Any, participant: Any, fake: Any
) -> None:
    participant.post("/challenges/tiny/join", {"terms_version": "1"})
    image = trying.image
    participant.have_blobs(trying.blobs[file.digest] for file in (image.config, *image.layers))
    submission = participant.submit(image, trying.card).json()["id"]
    held = fake.claim()
    assert held.order["intake"] is True
    assert held.say("intake").status_code == 204
    assert view(participant, submission)["state"] == "checking"
    for case in held.order["cases"]:
        held.case(case["id"])
    held.complete_run()
    assert view(participant, submission)["state"] == "accepted"
    assert fake.claim().order["intake"] is False


def test_cancelling_a_tryout_gives_the_quota_back(
    trying: Any, participant: Any, fake: Any, database: Database
) -> None:
    submission = entered(trying, participant)
    held = fake.claim()
    answer = participant.post(f"/submissions/{submission}/cancel")
    assert (answer.status_code, answer.json()["progress"]) == (200, "withdrawn")
    for case in held.order["cases"]:
        held.case(case["id"])
    assert held.complete_run().status_code == 204
    shown = view(participant, submission)
    assert (shown["state"], purposes(shown)) == ("withdrawn", ["tryout"])
    assert not charged(database, submission)
    assert fake.ask().status_code == 204


def test_a_baseline_is_tried_out_too_and_needs_no_quota(
    tiny: Any, organizer: Any, fake: Any, tiny_phase: Any
) -> None:
    quota = {"per_day": 1, "total": 1, "tryouts_per_day": 1}
    tiny.publish(organizer, phases=[tiny_phase(tryout=True, quota=quota)])
    for _ in range(2):
        submission = entered(tiny, organizer, baseline=True)
    fake.run(), fake.run()
    assert view(organizer, submission)["state"] == "accepted"


def test_one_key_is_not_both_a_check_and_an_entry(trying: Any, participant: Any) -> None:
    assert trying.enter(participant, "k" * 10).status_code == 201
    assert trying.enter(participant, "k" * 10, check_only=True).status_code == 409


def test_what_gets_a_score_is_charged_though_another_task_failed_first(
    two_tasks: Any, participant: Any, fake: Any, database: Database, scores: Callable[..., Any]
) -> None:
    submission = entered(two_tasks, participant)
    ours, theirs = fake.claim(), fake.claim()
    for _ in range(4):
        ours.say("fail", code="SANDBOX_FAILED")
        ours = fake.claim()
    ours.say("fail", code="SANDBOX_FAILED")
    assert not charged(database, submission)
    for case in theirs.order["cases"]:
        theirs.case(case["id"])
    theirs.complete_run()
    fake.score(scores(1, 1, 1))
    assert charged(database, submission)


def test_of_two_tryouts_that_end_at_once_the_second_waits_and_accepts(
    two_tried: Any, participant: Any, fake: Any, database: Database
) -> None:
    submission = entered(two_tried, participant)
    both = [fake.claim(), fake.claim()]
    for held in both:
        for case in held.order["cases"]:
            assert held.case(case["id"]).status_code == 204
    machine = Environment(worker="w", sandbox="docker", cpu="A", cpu_count=2, kernel="6")

    def end(session: Session, held: Any) -> None:
        report = RunReport(fence=held.fence, outcome=Code.OK, seconds=1, environment=machine)
        complete(session, held.id, report, max_attempts=5)

    def end_second() -> None:
        with database.writing() as session:
            end(session, both[1])
            session.commit()

    second = Thread(target=end_second)
    with database.writing() as session:
        end(session, both[0])
        second.start()
        # It waits for this transaction; were it not to, it would be through by now.
        second.join(0.5)
        session.commit()
    second.join()
    shown = view(participant, submission)
    assert sorted(purposes(shown)) == ["first", "first", "tryout", "tryout"]
