from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlmodel import Session, col, select

from proctor.spec.identifiers import alias_of
from proctor.spec.work import Role
from proctor_platform.database import Database
from proctor_platform.tables import EventRow, Run, Token


@pytest.fixture
def entered(published: Any, participant: Any) -> str:
    answer = published.enter(participant)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["runs"][0]["id"])


def run_row(database: Database, run_id: str) -> Run:
    with database.reading() as session:
        return session.get_one(Run, run_id)


def events(session: Session, subject: str) -> list[str]:
    rows = select(EventRow).where(EventRow.subject == subject).order_by(col(EventRow.id))
    return [row.name for row in session.exec(rows)]


def test_of_eight_claimers_one_wins(fake: Any, entered: str, database: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: fake.ask(), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [204] * 7
    row = run_row(database, entered)
    assert (row.state, row.fence, row.attempt) == ("claimed", 1, 1)
    with database.reading() as session:
        assert events(session, entered).count("run_claimed") == 1
        assert len(session.exec(select(Token).where(Token.work_id == entered)).all()) == 1


def test_any_waiting_work_of_the_queue_is_handed_out_oldest_first(
    fake: Any, published: Any, participant: Any, other: Any
) -> None:
    first = published.enter(participant).json()["runs"][0]["id"]
    second = published.enter(other).json()["runs"][0]["id"]
    assert [fake.claim().id, fake.claim().id] == [first, second]
    assert fake.ask().status_code == 204


def test_work_of_another_queue_is_not_handed_out(fake: Any, entered: str) -> None:
    assert fake.ask("run.gpu").status_code == 204
    assert fake.ask("score").status_code == 204


@pytest.mark.parametrize(("role", "queue"), [(Role.RUN, "score"), (Role.SCORE, "run.cpu")])
def test_a_token_claims_only_for_its_role(
    worker: Any, entered: str, role: Role, queue: str
) -> None:
    answer = worker(role).post("/work/claim", {"queue": queue, "worker": "w"})
    assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")


def test_a_run_workers_token_never_gets_a_score_order(fake: Any, entered: str) -> None:
    fake.run()
    body = {"queue": "score", "worker": "w"}
    assert fake.runner.post("/work/claim", body).status_code == 403
    assert fake.runner.post("/work/claim", body | {"queue": "run.cpu"}).status_code == 204


@pytest.mark.parametrize("who", ["participant", "anonymous", "admin"])
def test_only_workers_claim(request: pytest.FixtureRequest, entered: str, who: str) -> None:
    person = request.getfixturevalue(who)
    answer = person.post("/work/claim", {"queue": "run.cpu", "worker": "w"})
    assert answer.status_code == (401 if who == "anonymous" else 403)


def test_a_run_order_names_no_reference(fake: Any, published: Any, entered: str) -> None:
    answer = fake.ask()
    hidden = published.data["classify"].hidden
    for digest in (
        hidden.reference.digest(),
        *(file.digest for case in hidden.reference.cases for file in case.files.values()),
    ):
        assert digest not in answer.text
        assert digest.removeprefix("sha256:") not in answer.text
    assert hidden.reference.salt not in answer.text


def test_a_run_order_hides_case_ids_and_their_order(fake: Any, entered: str) -> None:
    order = fake.claim().order
    aliases = {case["id"]: case["alias"] for case in order["cases"]}
    assert set(aliases) == {"c0", "c1", "c2"}
    assert list(aliases.values()) == sorted(aliases.values())
    assert all(len(alias) == 16 and alias != case for case, alias in aliases.items())


def test_aliases_are_known_answers() -> None:
    # base32 of SHA-256 of "seedcase-1", lower case, 16 characters; made with coreutils.
    assert alias_of("seed", "case-1") == "o4cip6zx5cxa4dac"


def test_a_folder_brings_its_runtime_image_and_needs_no_intake(
    fake: Any, published: Any, entered: str
) -> None:
    order = fake.claim().order
    assert order["runtime"] == published.runtime.model_dump(mode="json")
    assert order["content"] == published.model.model_dump(mode="json")
    assert order["intake"] is False


def test_an_image_is_checked_first_and_then_accepted(
    fake: Any, published: Any, participant: Any
) -> None:
    published.enter(participant)
    fake.claim()
    for file in (published.image.config, *published.image.layers):
        participant.put_blob(published.blobs[file.digest])
    submission = participant.submit(published.image, published.card).json()
    assert submission["state"] == "checking"
    held = fake.claim()
    assert held.order["intake"] is True
    assert held.order["runtime"] is None
    assert held.say("intake").status_code == 204
    assert held.say("intake").status_code == 204
    seen = participant.get(f"/submissions/{submission['id']}").json()
    assert seen["state"] == "accepted"


def test_a_second_attempt_does_only_the_missing_cases(fake: Any, entered: str) -> None:
    first = fake.claim()
    done = first.order["cases"][0]["id"]
    first.case(done)
    first.say("fail", code="SANDBOX_FAILED")
    order = fake.claim().order
    assert done not in {case["id"] for case in order["cases"]}
    assert len(order["cases"]) == 2
    assert (order["fence"], order["cases_total"], order["seconds_used"]) == (2, 3, 0.5)


def test_a_score_order_tells_of_predictions_and_of_lost_cases(
    fake: Any, published: Any, entered: str
) -> None:
    held = fake.claim()
    held.case("c0", b"zero")
    held.case("c1", outcome="TIMEOUT")
    held.case("c2", b"two")
    assert held.complete_run().status_code == 204
    order = fake.claim("score").order
    cases = {case["id"]: case for case in order["cases"]}
    assert [cases[f"c{index}"]["outcome"] for index in range(3)] == ["OK", "TIMEOUT", "OK"]
    assert cases["c1"]["predictions"] == {}
    assert cases["c0"]["predictions"]["probabilities"]["size"] == 4
    hidden = published.data["classify"].hidden
    assert order["inputs_digest"] == hidden.inputs.digest()
    for case in hidden.reference.cases:
        assert cases[case.id]["reference"]["labels"]["digest"] == case.files["labels"].digest
