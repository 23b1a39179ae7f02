"""Entering a phase: every check by its code, quotas to the last one, once a key."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, update
from sqlmodel import col, select

from proctor.spec.base import FileRef
from proctor.spec.contract import MaxContract
from proctor.spec.digests import digest_bytes
from proctor.spec.work import FolderContent
from proctor_platform.database import Database
from proctor_platform.tables import EventRow, Outbox, Run, Submission


def test_a_submission_its_run_its_bell_and_its_events_are_written_together(
    published: Any, participant: Any, database: Database
) -> None:
    answer = published.enter(participant, message="first try")
    assert answer.status_code == 201, answer.text
    view = answer.json()
    assert (view["state"], view["progress"], view["final"]) == ("accepted", "queued", False)
    assert (view["participant"], view["yours"], view["message"]) == ("paul", True, "first try")
    run = view["runs"][0]
    assert (run["task"], run["state"], run["cases_total"]) == ("classify", "queued", 3)
    with database.reading() as session:
        bells = session.exec(select(Outbox).where(Outbox.topic == "bell")).all()
        assert [(bell.subject, bell.queue) for bell in bells] == [(run["id"], "run.cpu")]
        told = session.exec(
            select(EventRow.name)
            .where(col(EventRow.subject).in_([view["id"], run["id"]]))
            .order_by(col(EventRow.id))
        ).all()
    assert told == ["submission_received", "run_queued"]
    events = participant.get(f"/submissions/{view['id']}/events").json()
    assert [event["name"] for event in events] == ["submission_received", "run_queued"]


def test_an_image_is_checked_before_it_is_accepted(published: Any, participant: Any) -> None:
    published.enter(participant)
    participant.have_blobs(published.blobs.values())
    view = participant.submit(published.image, published.card).json()
    assert (view["state"], view["kind"]) == ("checking", "image")
    assert view["content_digest"] == published.image.config.digest


def test_whoever_has_not_joined_is_told_so(published: Any, other: Any) -> None:
    refused = other.submit(published.model, published.card)
    assert (refused.status_code, refused.json()["code"]) == (403, "TERMS_NOT_ACCEPTED")


def test_new_terms_must_be_accepted_anew(published: Any, organizer: Any, participant: Any) -> None:
    published.enter(participant)
    terms = {"version": "2", "text": "Be kinder."}
    assert published.publish(organizer, terms=terms).status_code == 201
    refused = participant.submit(published.model, published.card)
    assert refused.json()["code"] == "TERMS_NOT_ACCEPTED"
    assert refused.json()["detail"] == (
        "The terms are those of version 2 now. You accepted version 1."
    )


def test_who_joined_before_there_were_terms_is_told_so(
    tiny: Any, organizer: Any, participant: Any
) -> None:
    terms = tiny.spec.terms.model_dump(mode="json")
    assert tiny.publish(organizer, terms=None).status_code == 201
    assert participant.post("/challenges/tiny/join", {}).status_code == 204
    assert tiny.publish(organizer, terms=terms).status_code == 201
    refused = participant.submit(tiny.model, tiny.card)
    assert refused.json()["code"] == "TERMS_NOT_ACCEPTED"
    assert refused.json()["detail"] == (
        "The terms are those of version 1 now. You joined before there were any."
    )


def test_terms_that_were_taken_back_ask_nothing_of_who_accepted_them(
    published: Any, organizer: Any, participant: Any
) -> None:
    published.enter(participant)
    assert published.publish(organizer, terms=None).status_code == 201
    assert participant.submit(published.model, published.card).status_code == 201


@pytest.mark.parametrize(
    ("opens_in_h", "closes_in_h", "sentence"), [(1, 2, "opens at"), (-2, -1, "closed at")]
)
def test_a_phase_that_is_not_open_says_when(
    published: Any,
    organizer: Any,
    participant: Any,
    tiny_phase: Callable[..., Any],
    opens_in_h: int,
    closes_in_h: int,
    sentence: str,
) -> None:
    opens, closes = (
        (datetime.now(UTC) + timedelta(hours=hours)).replace(microsecond=0)
        for hours in (opens_in_h, closes_in_h)
    )
    window = tiny_phase(opens_at=opens.isoformat(), closes_at=closes.isoformat())
    assert published.publish(organizer, phases=[window]).status_code == 201
    refused = published.enter(participant)
    assert (refused.status_code, refused.json()["code"]) == (409, "PHASE_CLOSED")
    told = (opens if opens_in_h > 0 else closes).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert refused.json()["detail"] == f"Phase main {sentence} {told}."


def test_a_phase_that_is_not_there_is_not_found(published: Any, participant: Any) -> None:
    published.enter(participant)
    refused = participant.submit(published.model, published.card, phase="final")
    assert (refused.status_code, refused.json()["detail"]) == (
        404,
        "tiny has no phase final; it has main.",
    )


def test_a_kind_that_is_not_accepted_is_refused(
    published: Any, organizer: Any, participant: Any
) -> None:
    assert published.publish(organizer, accepts=["image"]).status_code == 201
    refused = published.enter(participant)
    assert (refused.status_code, refused.json()["code"]) == (422, "KIND_NOT_ACCEPTED")
    assert refused.json()["detail"] == "tiny accepts image."


def test_a_runtime_image_that_is_not_approved_is_refused(published: Any, participant: Any) -> None:
    published.enter(participant)
    gpu = published.model.model_copy(update={"runtime": "runtime-gpu"})
    refused = participant.submit(gpu, published.card)
    assert refused.json()["code"] == "RUNTIME_NOT_APPROVED"
    assert refused.json()["detail"] == "runtime-gpu is not among runtime-cpu."
    card = published.card.model_copy(update={"runtime": "runtime-gpu"})
    assert participant.submit(published.model, card).json()["code"] == "RUNTIME_NOT_APPROVED"


@pytest.mark.parametrize(
    ("missing", "said"),
    [("model.json", "model.json is not"), ("model.py", "Neither model.py nor model.onnx is")],
)
def test_a_folder_without_its_two_files_is_refused(
    published: Any, participant: Any, missing: str, said: str
) -> None:
    published.enter(participant)
    entries = tuple(entry for entry in published.model.entries if entry.path != missing)
    refused = participant.submit(
        FolderContent(entries=entries, runtime="runtime-cpu"), published.card
    )
    assert (refused.status_code, refused.json()["code"]) == (422, "FOLDER_REJECTED")
    assert refused.json()["detail"] == f"{said} in the folder."


def test_a_path_that_is_a_file_and_a_folder_is_refused(published: Any, participant: Any) -> None:
    published.enter(participant)
    inside = published.model.entries[0].model_copy(update={"path": "model.py/inside"})
    content = FolderContent(entries=(*published.model.entries, inside), runtime="runtime-cpu")
    refused = participant.submit(content, published.card)
    assert refused.json()["detail"] == "model.py is both a file and a folder."


def test_a_path_that_leaves_the_folder_is_refused(published: Any, participant: Any) -> None:
    published.enter(participant)
    body = published.model.model_dump(mode="json")
    body["entries"][0]["path"] = "../model.json"
    refused = participant.post(
        "/submissions",
        {
            "challenge": "tiny",
            "phase": "main",
            "content": body,
            "card": published.card.model_dump(mode="json"),
        },
    )
    assert refused.json()["code"] == "INVALID_REQUEST"
    assert refused.json()["errors"][0]["field"] == "body.content.folder.entries.0.path"


def test_a_blob_of_somebody_else_is_missing(published: Any, participant: Any, other: Any) -> None:
    published.enter(participant)
    assert other.post("/challenges/tiny/join", {"terms_version": "1"}).status_code == 204
    refused = other.submit(published.model, published.card)
    assert (refused.status_code, refused.json()["code"]) == (409, "BLOB_MISSING")
    assert refused.json()["detail"].startswith("model.json (sha256:")


def test_hidden_data_cannot_be_submitted_as_a_model(published: Any, participant: Any) -> None:
    published.enter(participant)
    hidden = published.data["classify"].hidden.reference.cases[0].files["labels"]
    stolen = published.model.entries[0].model_copy(update={"path": "weights.bin", "file": hidden})
    content = FolderContent(entries=(*published.model.entries, stolen), runtime="runtime-cpu")
    refused = participant.submit(content, published.card)
    assert refused.json()["code"] == "BLOB_MISSING"
    assert refused.json()["detail"].startswith("weights.bin ")


def test_a_size_that_is_not_the_blobs_is_refused(published: Any, participant: Any) -> None:
    published.enter(participant)
    body = published.model.model_dump(mode="json")
    body["entries"][0]["file"]["size"] += 1
    refused = participant.submit(FolderContent.model_validate(body), published.card)
    assert refused.json()["code"] == "INVALID_REQUEST"
    assert refused.json()["detail"].startswith("model.json has ")


def test_a_folder_above_the_limit_is_refused(published: Any, participant: Any, client: Any) -> None:
    published.enter(participant)
    state = client.app.state
    state.settings = state.settings.model_copy(update={"max_folder_bytes": 20})
    refused = participant.submit(published.model, published.card)
    assert (refused.status_code, refused.json()["code"]) == (413, "TOO_LARGE")


def test_the_same_key_enters_once_and_another_request_with_it_is_refused(
    published: Any, participant: Any, database: Database
) -> None:
    first = published.enter(participant, "key-of-one-try")
    again = participant.submit(published.model, published.card, "key-of-one-try")
    assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])
    else_ = participant.submit(published.model, published.card, "key-of-one-try", message="new")
    assert (else_.status_code, else_.json()["code"]) == (409, "CONFLICT")
    with database.reading() as session:
        assert len(session.exec(select(Run)).all()) == 1


def test_a_key_is_its_users(published: Any, participant: Any, other: Any) -> None:
    first = published.enter(participant, "key-of-one-try").json()
    assert published.enter(other, "key-of-one-try").json()["id"] != first["id"]


def test_a_used_up_day_says_when_it_opens_again(
    published: Any, participant: Any, database: Database
) -> None:
    first = published.enter(participant).json()
    for _ in range(2):
        assert participant.submit(published.model, published.card).status_code == 201
    refused = participant.submit(published.model, published.card)
    assert (refused.status_code, refused.json()["code"]) == (429, "QUOTA_USED")
    opens = datetime.fromisoformat(re.findall(r"possible at (\S+)\.", refused.json()["detail"])[0])
    submitted = datetime.fromisoformat(first["submitted_at"])
    assert timedelta(0) < opens - submitted - timedelta(hours=24) <= timedelta(seconds=1)
    with database.writing() as session:
        earlier = update(Submission).where(col(Submission.id) == first["id"])
        session.execute(earlier.values(submitted_at=submitted - timedelta(hours=24)))
        session.commit()
    assert participant.submit(published.model, published.card).status_code == 201


def test_a_used_up_total_says_that_it_stays_so(
    published: Any, organizer: Any, participant: Any, tiny_phase: Callable[..., Any]
) -> None:
    quota = {"per_day": None, "total": 1}
    assert published.publish(organizer, phases=[tiny_phase(quota=quota)]).status_code == 201
    assert published.enter(participant).status_code == 201
    refused = participant.submit(published.model, published.card)
    assert refused.json()["code"] == "QUOTA_USED"
    assert "does not open again" in refused.json()["detail"]
    (first, *rest) = published.model.entries
    unsent = first.model_copy(update={"file": FileRef(digest=digest_bytes(b"unsent"), size=6)})
    model = published.model.model_copy(update={"entries": (unsent, *rest)})
    told_first = participant.submit(model, published.card)
    assert told_first.json()["code"] == "QUOTA_USED", "nobody has to upload to be told"


def test_what_failed_on_our_side_is_not_counted(
    published: Any, participant: Any, database: Database
) -> None:
    for number in range(3):
        assert published.enter(participant, f"key-number-{number}").status_code == 201
    assert participant.submit(published.model, published.card).status_code == 429
    with database.writing() as session:
        one = session.exec(select(Submission)).first()
        assert one is not None
        one.charged = False
        session.commit()
    assert participant.submit(published.model, published.card).status_code == 201


def test_baselines_are_the_organizers_and_free(
    published: Any, organizer: Any, participant: Any
) -> None:
    refused = published.enter(participant, baseline=True)
    assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
    for _ in range(5):
        made = organizer.submit(published.model, published.card, baseline=True)
        assert made.status_code == 201
        assert made.json()["baseline"] is True


def test_eight_at_once_at_the_edge_of_the_quota_enter_as_often_as_it_allows(
    published: Any, participant: Any
) -> None:
    assert published.enter(participant).status_code == 201

    def enter(_: int) -> int:
        return participant.submit(published.model, published.card).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(enter, range(8)))
    assert statuses == [201] * 2 + [429] * 6
    assert participant.get("/submissions").json()["total"] == 3


def test_eight_at_once_with_one_key_enter_once(published: Any, participant: Any) -> None:
    published.enter(participant, "the-first-key")

    def enter(_: int) -> str:
        return participant.submit(published.model, published.card, "the-same-key").json()["id"]

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(enter, range(8)))) == 1


def test_a_submission_names_its_page_where_there_is_a_dashboard(
    published: Any, participant: Any
) -> None:
    state = participant.client.app.state
    state.settings = state.settings.model_copy(update={"dashboard_url": "https://pages.test"})
    view = published.enter(participant).json()
    assert view["page"] == f"https://pages.test/submission?id={view['id']}"
    challenge = participant.get("/challenges/tiny").json()
    assert challenge["page"] == "https://pages.test/challenge?slug=tiny"


def test_lists_and_refreshes_read_no_content_which_may_be_long(
    published: Any, participant: Any, organizer: Any, fake: Any, scores: Any, database: Database
) -> None:
    published.enter(participant)
    fake.run()
    fake.score(scores(1.0, 0.5, 0.25))
    said: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        said.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    for who in (participant, organizer):
        assert who.get("/submissions").json()["total"] == 1
    assert not [statement for statement in said if "run.content" in statement]
    assert organizer.get("/challenges/tiny/refreshes").status_code == 200
    event.remove(database.engine, "before_cursor_execute", note)
    assert any("FROM submission" in statement for statement in said)
    assert not [one for one in said if re.search(r"\bsubmission\.content\b", one)]


def test_the_contract_of_an_image_is_kept_with_it_and_shown(
    published: Any, participant: Any, fake: Any
) -> None:
    published.enter(participant)
    participant.have_blobs(published.blobs.values())
    declared = MaxContract(query={"threshold": "0"})
    image = published.image.model_copy(update={"contract": declared})
    view = participant.submit(image, published.card).json()
    assert view["contract"] == "max"
    assert view["content_digest"] == image.digest() != published.image.digest()
    listed = participant.get("/submissions").json()["items"]
    assert [one["contract"] for one in listed] == ["max", "native"]
    orders = [fake.claim().order for _ in listed]
    (content,) = (one["content"] for one in orders if one["content"]["kind"] == "image")
    assert content["contract"]["query"] == {"threshold": "0"}


@pytest.mark.parametrize("field", ["authors", "links", "tasks"])
def test_a_card_of_endless_lists_is_refused(field: str, published: Any, participant: Any) -> None:
    card = published.card.model_copy(update={field: ("a",) * 1000})
    published.enter(participant)
    refused = participant.submit(published.model, card)
    assert (refused.status_code, refused.json()["code"]) == (422, "INVALID_REQUEST")
