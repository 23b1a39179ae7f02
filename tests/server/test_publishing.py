"""Publishing: checked again, never changed, never another's."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from sqlmodel import select

from proctor_platform.database import Database
from proctor_platform.tables import ChallengeVersion, DatasetRow, Outbox


def test_the_first_publisher_becomes_the_organizer(published: Any, organizer: Any) -> None:
    assert organizer.get("/me").json()["organizes"] == ["tiny"]
    view = organizer.get("/challenges/tiny").json()
    assert view["organizers"] == ["olga"]
    assert view["organizer"] is True
    assert view["runtimes"] == {"runtime-cpu": published.runtime.image.digest()}


def test_readers_see_counts_but_no_paths_and_no_members(published: Any, anonymous: Any) -> None:
    view = anonymous.get("/challenges/tiny").json()
    facts = view["tasks"]["classify"]
    assert (facts["hidden_cases"], facts["hidden_items"], facts["sample_cases"]) == (3, 12, 2)
    assert facts["reference_digest"] == published.data["classify"].hidden.reference.digest()
    assert "data/hidden" not in anonymous.get("/challenges/tiny").text
    assert view["challenge"]["members"] == []


def test_publishing_the_same_again_changes_nothing(published: Any, organizer: Any) -> None:
    again = published.publish(organizer)
    assert (again.status_code, again.json()["version"]) == (200, 1)


def test_publishing_again_makes_a_version_and_leaves_the_old_one(
    published: Any, organizer: Any, database: Database
) -> None:
    before = organizer.get("/challenges/tiny").json()
    changed = published.publish(organizer, title="Tinier")
    assert (changed.status_code, changed.json()["version"]) == (201, 2)
    assert organizer.get("/challenges/tiny").json()["challenge"]["title"] == "Tinier"
    assert organizer.get("/challenges/tiny?version=1").json() == before
    assert organizer.get("/challenges/tiny?version=3").status_code == 404
    with database.reading() as session:
        assert len(session.exec(select(ChallengeVersion)).all()) == 2
        assert len(session.exec(select(DatasetRow)).all()) == 4
        boards = session.exec(select(Outbox).where(Outbox.topic == "board")).all()
    assert len(boards) == 2


def test_a_slug_is_its_organizers(published: Any, other: Any, organizer: Any) -> None:
    refused = published.publish(other, title="Stolen")
    assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
    assert published.publish(organizer, visibility="members").status_code == 201
    assert published.publish(other, title="Stolen").status_code == 404
    assert organizer.post("/challenges/tiny/members", {"user": "quinn"}).status_code == 204
    assert published.publish(other, title="Stolen").status_code == 403
    made = organizer.post("/challenges/tiny/members", {"user": "quinn", "organizer": True})
    assert made.status_code == 204
    assert published.publish(other, title="Shared").status_code == 201


def test_a_blob_that_was_not_uploaded_by_the_publisher_is_named(
    tiny: Any, organizer: Any, other: Any
) -> None:
    first = tiny.data["classify"].hidden.inputs.cases[0].files["images"]
    organizer.have_blobs(set(tiny.blobs.values()) - {tiny.blobs[first.digest]})
    other.have_blobs([tiny.blobs[first.digest]])
    refused = organizer.post("/challenges/tiny/versions", tiny.request())
    assert (refused.status_code, refused.json()["code"]) == (409, "BLOB_MISSING")
    assert (
        refused.json()["detail"]
        == f"classify.hidden.inputs.c0.images ({first.digest}) is not here."
    )
    assert organizer.get("/challenges/tiny").status_code == 404


def _metric(body: Any, **changes: Any) -> None:
    body["challenge"]["tasks"][0]["metrics"][0].update(changes)


def _case(body: Any, split: str, half: str, **changes: Any) -> None:
    body["data"]["classify"][split][half]["cases"][1].update(changes)


BROKEN: dict[str, tuple[Callable[[Any], Any], str]] = {
    "an unknown metric": (
        lambda body: _metric(body, name="vibes"),
        "tasks.classify.metrics.top1: there is no metric 'vibes'",
    ),
    "a parameter out of range": (
        lambda body: _metric(body, parameters={"k": 0}),
        "tasks.classify.metrics.top1: ",
    ),
    "no data for a task": (lambda body: body.update(data={}), "data: needed for classify"),
    "a case id twice": (
        lambda body: _case(body, "hidden", "inputs", id="c0"),
        "data.classify.hidden.inputs.cases: an id is given twice",
    ),
    "groups that differ": (
        lambda body: _case(body, "hidden", "reference", group="else"),
        "data.classify.hidden: inputs and reference differ at case c1",
    ),
    "a case without reference": (
        lambda body: body["data"]["classify"]["hidden"]["reference"]["cases"].pop(),
        "data.classify.hidden: 3 cases have inputs and 2 a reference",
    ),
    "more items than declared": (
        lambda body: _case(body, "sample", "inputs", items=5),
        "data.classify.sample.inputs.cases.c1.items: 5 is more than items_per_case 4",
    ),
    "another stratum": (
        lambda body: _case(body, "hidden", "inputs", strata={"age": "old"}),
        "data.classify.hidden.inputs.cases.c1.strata: it must have writer",
    ),
    "another input": (
        lambda body: _case(body, "hidden", "inputs", files={}),
        "data.classify.hidden.inputs.cases.c1.files: it must have images",
    ),
    "a reference without salt": (
        lambda body: body["data"]["classify"]["hidden"]["reference"].update(salt=""),
        "data.classify.hidden.reference.salt",
    ),
    "the halves swapped": (
        lambda body: body["data"]["classify"]["hidden"]["inputs"].update(kind="reference"),
        "data.classify.hidden.inputs.kind: it is not inputs",
    ),
    "a runtime without image": (
        lambda body: body.update(runtimes=[]),
        "runtimes: named are runtime-cpu; given are none",
    ),
    "an unknown member": (
        lambda body: body["challenge"].update(members=["nobody"]),
        "members: there is no user nobody",
    ),
    "another slug than the address": (
        lambda body: body["challenge"].update(slug="other"),
        "slug: it is other, not tiny",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_challenge_is_refused_with_its_field(what: str, tiny: Any, organizer: Any) -> None:
    break_it, sentence = BROKEN[what]
    body = copy.deepcopy(tiny.request())
    break_it(body)
    refused = organizer.post("/challenges/tiny/versions", body)
    assert (refused.status_code, refused.json()["code"]) == (422, "CHALLENGE_INVALID")
    assert refused.json()["detail"].startswith(sentence)


def test_a_rule_for_items_is_refused_for_a_metric_of_the_whole_set(
    tiny: Any, organizer: Any
) -> None:
    body = tiny.request()
    _metric(body, name="auroc", parameters={}, worst=0.5, aggregate="median")
    refused = organizer.post("/challenges/tiny/versions", body)
    assert refused.json()["detail"] == (
        "tasks.classify.metrics.top1.aggregate: top1 is defined on the whole set, so there are no"
        " items for median; leave aggregate out"
    )


def test_a_pooled_metric_is_refused_for_ranks_by_case(
    tiny: Any, organizer: Any, tiny_phase: Callable[..., Any]
) -> None:
    body = tiny.request(phases=[tiny_phase(ranking={"scheme": "rank_then_mean"})])
    _metric(body, name="auroc", parameters={}, worst=0.5)
    refused = organizer.post("/challenges/tiny/versions", body)
    assert refused.json()["code"] == "CHALLENGE_INVALID", refused.text
    assert "needs a value in every case" in refused.json()["detail"]


def test_a_field_that_does_not_exist_is_named_by_its_path(tiny: Any, organizer: Any) -> None:
    body = tiny.request()
    body["challenge"]["tasks"][0]["metrics"][0]["wurst"] = 0
    refused = organizer.post("/challenges/tiny/versions", body)
    assert (refused.status_code, refused.json()["code"]) == (422, "INVALID_REQUEST")
    assert [row["field"] for row in refused.json()["errors"]] == [
        "body.challenge.tasks.0.metrics.0.wurst"
    ]


def test_members_only_challenges_do_not_exist_for_others(
    published: Any, organizer: Any, participant: Any, other: Any, anonymous: Any
) -> None:
    assert published.publish(organizer, visibility="members", members=["paul"]).status_code == 201
    for who, status, listed in (
        (organizer, 200, 1),
        (participant, 200, 1),
        (other, 404, 0),
        (anonymous, 404, 0),
    ):
        assert who.get("/challenges/tiny").status_code == status
        assert who.get("/challenges").json()["total"] == listed
    assert other.post("/challenges/tiny/join", {"terms_version": "1"}).status_code == 404


def test_unlisted_challenges_are_found_by_their_address_only(
    published: Any, organizer: Any, other: Any, anonymous: Any
) -> None:
    assert published.publish(organizer, visibility="unlisted").status_code == 201
    for who in (other, anonymous):
        assert who.get("/challenges/tiny").status_code == 200
        assert who.get("/challenges").json()["items"] == []
    assert other.post("/challenges/tiny/join", {"terms_version": "1"}).status_code == 204
    assert other.get("/challenges").json()["total"] == 1


def test_joining_accepts_the_terms_of_this_version_only(published: Any, participant: Any) -> None:
    refused = participant.post("/challenges/tiny/join", {"terms_version": "0"})
    assert (refused.status_code, refused.json()["code"]) == (409, "CONFLICT")
    assert participant.get("/challenges/tiny").json()["terms_accepted"] is False
    assert participant.post("/challenges/tiny/join", {"terms_version": "1"}).status_code == 204
    view = participant.get("/challenges/tiny").json()
    assert (view["joined"], view["terms_accepted"]) == (True, True)
    assert participant.get("/me").json()["joined"] == ["tiny"]
