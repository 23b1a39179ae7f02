from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from proctor.spec.digests import digest_bytes
from proctor_platform.clock import now
from proctor_platform.database import Database
from proctor_platform.tables import BlobGrant, Evaluation, Run


def lapse(database: Database, work_id: str) -> None:
    """Put the end of a lease into the past."""
    table: Any = Run if work_id.startswith("run_") else Evaluation
    with database.writing() as session:
        session.execute(update(table).where(table.id == work_id).values(lease_until=now(-1)))
        session.commit()


@pytest.fixture
def held(fake: Any, published: Any, participant: Any) -> Any:
    published.enter(participant)
    return fake.claim()


def test_a_run_reads_its_inputs_its_content_and_its_runtime(held: Any, published: Any) -> None:
    named = [file["digest"] for case in held.order["cases"] for file in case["files"].values()]
    named += [entry.file.digest for entry in published.model.entries]
    image = published.runtime.image
    named += [image.config.digest, *(layer.digest for layer in image.layers)]
    for digest in named:
        answer = held.get(digest)
        assert (answer.status_code, answer.content) == (200, published.blobs[digest])


def test_a_run_finds_no_reference_no_sample_and_nobody_elses_blob(
    held: Any, published: Any, organizer: Any
) -> None:
    data = published.data["classify"]
    strange = organizer.put_blob(b"something of the organizer's")
    for dataset in (data.hidden.reference, data.sample.inputs, data.sample.reference):
        for case in dataset.cases:
            for file in case.files.values():
                assert held.get(file.digest).status_code == 404
    assert held.get(strange.digest).status_code == 404
    assert held.get(digest_bytes(b"nowhere")).status_code == 404


def test_a_scoring_reads_predictions_and_reference_but_no_input_and_no_model(
    fake: Any, held: Any, published: Any
) -> None:
    for case in held.order["cases"]:
        held.case(case["id"])
    held.complete_run()
    scoring = fake.claim("score")
    for case in scoring.order["cases"]:
        for file in [*case["predictions"].values(), *case["reference"].values()]:
            assert scoring.get(file["digest"]).status_code == 200
    hidden = published.data["classify"].hidden
    assert scoring.get(hidden.inputs.cases[0].files["images"].digest).status_code == 404
    assert scoring.get(published.model.entries[0].file.digest).status_code == 404


def test_an_orders_token_opens_no_other_order_and_no_other_door(
    fake: Any, held: Any, published: Any, other: Any
) -> None:
    published.enter(other)
    second = fake.claim()
    digest = published.model.entries[0].file.digest
    assert held.holder.get(f"/work/{second.id}/blobs/{digest}").status_code == 404
    assert held.holder.get("/me").status_code == 403
    assert held.holder.get(f"/blobs/{digest}").status_code == 403
    body = {"queue": "run.cpu", "worker": "w"}
    assert held.holder.post("/work/claim", body).status_code == 403
    assert fake.runner.get(f"/work/{held.id}/blobs/{digest}").status_code == 403


def test_a_lapsed_lease_opens_nothing_before_anybody_has_noticed(
    held: Any, published: Any, database: Database
) -> None:
    lapse(database, held.id)
    answers = [
        held.get(published.model.entries[0].file.digest),
        held.beat(),
        held.say("cases", case="c0", outcome="CRASH"),
        held.complete_run(),
        held.say("fail", code="SANDBOX_FAILED"),
        held.holder.request(
            "PUT", f"/work/{held.id}/blobs/{digest_bytes(b'late')}", content=b"late"
        ),
    ]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {
        (409, "LEASE_LOST")
    }


def test_an_ended_run_opens_nothing(held: Any, published: Any) -> None:
    for case in held.order["cases"]:
        held.case(case["id"])
    held.complete_run()
    answer = held.get(published.model.entries[0].file.digest)
    assert (answer.status_code, answer.json()["code"]) == (409, "LEASE_LOST")


def test_a_stale_fence_is_told_so(fake: Any, held: Any) -> None:
    held.say("fail", code="SANDBOX_FAILED")
    second = fake.claim()
    assert (second.id, second.fence) == (held.id, held.fence + 1)
    for answer in (held.beat(), held.complete_run(), held.say("cases", case="c0", outcome="OOM")):
        assert (answer.status_code, answer.json()["code"]) == (409, "LEASE_LOST")
    # Nor does a body with the present fence help the holder of an old token.
    answer = held.holder.post(
        f"/work/{held.id}/heartbeat", {"fence": second.fence, "stage": "working"}
    )
    assert answer.status_code == 409
    assert second.beat().status_code == 200


def test_what_a_run_leaves_is_its_owners_and_what_a_scoring_leaves_is_the_organizers(
    fake: Any, held: Any, participant: Any, organizer: Any, other: Any, scores: Any
) -> None:
    log = held.put(b"the model said hello")
    for case in held.order["cases"]:
        held.case(case["id"])
    held.complete_run()
    scoring = fake.claim("score")
    per_item = scoring.put(b"one number an item")
    assert organizer.get(f"/blobs/{log.digest}").status_code == 200
    assert other.get(f"/blobs/{log.digest}").status_code == 404
    assert organizer.get(f"/blobs/{per_item.digest}").status_code == 200
    assert participant.get(f"/blobs/{per_item.digest}").status_code == 404


def test_a_prediction_must_have_been_uploaded_by_the_run_itself(
    held: Any, published: Any, database: Database
) -> None:
    reference = published.data["classify"].hidden.reference.cases[0].files["labels"]
    named = {"probabilities": reference.model_dump()}
    answer = held.say("cases", case="c0", outcome="OK", predictions=named)
    assert (answer.status_code, answer.json()["code"]) == (409, "BLOB_MISSING")
    answer = held.say("cases", case="c0", outcome="CRASH", log=reference.model_dump())
    assert answer.json()["code"] == "BLOB_MISSING"
    with database.reading() as session:
        audiences = session.exec(
            select(BlobGrant.audience).where(col(BlobGrant.digest) == reference.digest)
        ).all()
    assert not any(audience.startswith("submission:") for audience in audiences)


@pytest.mark.parametrize(
    "report",
    [
        {"case": "c9", "outcome": "CRASH"},
        {"case": "c0", "outcome": "OK"},
    ],
)
def test_a_report_that_does_not_fit_the_order_is_refused(held: Any, report: Any) -> None:
    answer = held.say("cases", **report)
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_REQUEST")


def test_a_failed_case_leaves_no_predictions(held: Any) -> None:
    ref = held.put(b"half an answer")
    answer = held.say(
        "cases", case="c0", outcome="CRASH", predictions={"probabilities": ref.model_dump()}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_REQUEST")


def test_an_upload_that_is_cut_short_or_altered_leaves_nothing(held: Any, organizer: Any) -> None:
    digest = digest_bytes(b"announced")
    answer = held.holder.request("PUT", f"/work/{held.id}/blobs/{digest}", content=b"sent")
    assert (answer.status_code, answer.json()["code"]) == (422, "DIGEST_MISMATCH")
    assert organizer.get(f"/blobs/{digest}").status_code == 404


def test_only_organizers_are_told_where_scores_item_by_item_lie(
    fake: Any, held: Any, participant: Any, organizer: Any, scores: Any
) -> None:
    for case in held.order["cases"]:
        held.case(case["id"])
    held.complete_run()
    scoring = fake.claim("score")
    per_item = scoring.put(b"one number an item")
    original = scoring.holder.post

    def post(path: str, body: Any) -> Any:
        return original(path, body | {"per_item": per_item.model_dump()})

    object.__setattr__(scoring.holder, "post", post)
    assert scoring.complete_scores(scores(1.0, 0.5, 0.25)).status_code == 204

    def shown(who: Any) -> Any:
        (found,) = who.get("/submissions?mine=false").json()["items"]
        view = who.get(f"/submissions/{found['id']}").json()
        return view["runs"][0]["evaluation"].get("per_item")

    assert shown(organizer) == per_item.model_dump()
    assert shown(participant) is None
