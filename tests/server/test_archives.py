"""What an archive holds, who gets it, and that no hidden byte is in a public one."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from fastapi import FastAPI

from proctor.spec.archive import ArchiveManifest
from proctor.spec.card.open_licenses import may_be_handed_on
from proctor.spec.digests import digest_bytes

WHEEL = b"a wheel"


def enter_and_score(published: Any, who: Any, fake: Any, scores: Any, **card: Any) -> str:
    joined = who.post("/challenges/tiny/join", {"terms_version": "1"})
    assert joined.status_code == 204, joined.text
    who.have_blobs(published.blobs[entry.file.digest] for entry in published.model.entries)
    answer = who.submit(published.model, published.card.model_copy(update=card))
    assert answer.status_code == 201, answer.text
    fake.run({"c0": b"canary prediction 0"})
    held = fake.claim("score")
    code, per_item = held.put(WHEEL), held.put(b"canary per item")
    report = scores_with(held, scores(1.0, 0.5, 0.25), code, per_item)
    assert report.status_code == 204, report.text
    return str(answer.json()["id"])


def scores_with(held: Any, values: Any, code: Any, per_item: Any) -> Any:
    original = held.holder.post

    def post(path: str, body: Any) -> Any:
        body |= {"code": code.model_dump(), "per_item": per_item.model_dump()}
        body["libraries"] = {"numpy": "2.0", "proctor": "0.1.0"}
        return original(path, body)

    object.__setattr__(held.holder, "post", post)
    return held.complete_scores(values)


@pytest.fixture
def archived(
    published: Any, participant: Any, fake: Any, scores: Any, dispatch: Callable[[], None]
) -> str:
    """A scored submission on the board, under an open license."""
    submission = enter_and_score(
        published, participant, fake, scores, license="MIT", authors=("Ada L.", "Grace H.")
    )
    dispatch()
    return submission


def fetch(who: Any, submission: str, kind: str = "public") -> bytes:
    answer = who.get(f"/submissions/{submission}/archive?kind={kind}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/zip"
    return bytes(answer.content)


def members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def hidden_bytes(tiny: Any) -> list[bytes]:
    hidden = tiny.data["classify"].hidden
    files = [
        tiny.blobs[file.digest]
        for half in (hidden.inputs, hidden.reference)
        for case in half.cases
        for file in case.files.values()
    ]
    return [*files, b"canary prediction 0", b"prediction of c1", b"canary per item"]


def test_a_public_archive_holds_the_model_its_runtime_the_sample_and_what_scored(
    archived: str, published: Any, anonymous: Any
) -> None:
    found = members(fetch(anonymous, archived))
    manifest = ArchiveManifest.model_validate_json(found["proctor-archive.json"])
    listed = {file.path: file.file for file in manifest.files}
    assert set(found) == {*listed, "proctor-archive.json"}
    assert all(digest_bytes(found[path]) == file.digest for path, file in listed.items())
    digests = {file.digest for file in listed.values()}
    sample = published.data["classify"].sample
    wanted = [
        *(entry.file for entry in published.model.entries),
        published.runtime.image.config,
        *published.runtime.image.layers,
        *(
            file
            for half in (sample.inputs, sample.reference)
            for case in half.cases
            for file in case.files.values()
        ),
    ]
    assert {file.digest for file in wanted} <= digests
    (task,) = manifest.tasks
    assert task.hidden is None
    assert task.inputs_digest == published.data["classify"].hidden.inputs.digest()
    assert task.run.predictions_digest is not None
    assert [score.value for score in task.run.evaluation.scores] == [pytest.approx(1.75 / 3)]
    assert task.run.evaluation.scores[0].low is not None
    assert manifest.board is not None
    assert manifest.board.row.rank == 1
    assert found["metrics/proctor_metrics-0.1.0+5694d08a2e53-py3-none-any.whl"] == WHEEL
    assert found["metrics/requirements-0.1.0+5694d08a2e53.txt"] == b"numpy==2.0\nproctor==0.1.0\n"
    assert manifest.rerunnable


def test_no_hidden_byte_is_in_a_public_archive_whoever_asks(
    archived: str,
    published: Any,
    participant: Any,
    organizer: Any,
    anonymous: Any,
    app: FastAPI,
    fake: Any,
) -> None:
    content = fetch(anonymous, archived)
    canaries = [
        *hidden_bytes(published),
        str(app.state.settings.home).encode(),
        *(who.token.encode() for who in (participant, organizer, fake.runner, fake.scorer)),
        b"data/hidden",
    ]
    for name, inside in members(content).items():
        for canary in canaries:
            assert canary not in inside, (name, canary)
    # The sample's salt is public; the hidden one is the same here, and so must not be there twice.
    assert content.count(b"ab" * 32) == 1
    hidden = published.data["classify"].hidden
    digests = [f.digest for case in hidden.reference.cases for f in case.files.values()]
    assert not any(digest.encode() in content for digest in digests)
    assert not any(digest_bytes(canary).encode() in content for canary in hidden_bytes(published))
    assert fetch(organizer, archived) == content
    assert fetch(participant, archived) == content


def test_an_archive_that_was_cut_goes_on_where_it_was_if_it_is_the_same(
    archived: str, anonymous: Any
) -> None:
    address = f"/submissions/{archived}/archive"
    whole = anonymous.get(address)
    same = {"If-Match": whole.headers["ETag"]}
    for offset in (0, 1, 1000, len(whole.content) - 1, len(whole.content)):
        rest = anonymous.get(f"{address}?offset={offset}", headers=same)
        assert whole.content[:offset] + rest.content == whole.content
    refused = anonymous.get(f"{address}?offset=9", headers={"If-Match": '"another"'})
    assert (refused.status_code, refused.json()["code"]) == (409, "CONFLICT")


def test_a_sealed_archive_holds_everything(archived: str, published: Any, organizer: Any) -> None:
    found = members(fetch(organizer, archived, "sealed"))
    manifest = ArchiveManifest.model_validate_json(found["proctor-archive.json"])
    hidden = manifest.tasks[0].hidden
    assert hidden is not None
    assert hidden.reference.salt == "ab" * 32
    assert hidden.reference.digest() == manifest.tasks[0].reference_digest
    for wanted in hidden_bytes(published):
        assert wanted in found.values()


def test_a_sealed_archive_is_for_organizers_until_the_last_phase_with_its_data_has_closed(
    archived: str,
    tiny: Any,
    tiny_phase: Any,
    organizer: Any,
    participant: Any,
    anonymous: Any,
) -> None:
    def ask(who: Any) -> Any:
        return who.get(f"/submissions/{archived}/archive?kind=sealed")

    refused = ask(participant)
    assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
    assert "organizers alone" in refused.json()["detail"]
    assert ask(anonymous).json()["code"] == "FORBIDDEN"
    tiny.publish(organizer, release="after_close")
    refused = ask(participant)
    assert refused.json()["code"] == "NOT_YET"
    assert "last phase" in refused.json()["detail"]
    assert ask(anonymous).json()["code"] == "NOT_YET"
    past = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    closed, later = tiny_phase(closes_at=past), tiny_phase("finals")
    tiny.publish(organizer, release="after_close", phases=[closed, later])
    assert ask(participant).json()["code"] == "NOT_YET"
    tiny.publish(organizer, release="after_close", phases=[closed])
    assert ask(participant).status_code == 200
    assert ask(anonymous).content == ask(organizer).content


def test_a_sealed_archive_waits_for_phases_that_ask_its_data_under_another_task(
    archived: str, tiny: Any, tiny_phase: Any, organizer: Any, anonymous: Any
) -> None:
    task = tiny.spec.tasks[0].model_dump(mode="json")
    both = replace(tiny, data={**tiny.data, "again": tiny.data["classify"]})
    closed = tiny_phase(closes_at=(datetime.now(UTC) - timedelta(minutes=1)).isoformat())
    finals = tiny_phase("finals", tasks=["again"])
    published = both.publish(
        organizer,
        release="after_close",
        tasks=[task, {**task, "slug": "again"}],
        phases=[closed, finals],
    )
    assert published.status_code == 201, published.text
    refused = anonymous.get(f"/submissions/{archived}/archive?kind=sealed")
    assert (refused.status_code, refused.json()["code"]) == (403, "NOT_YET")


@pytest.mark.parametrize("license_name", ["", "LicenseRef-proprietary", "CC-BY-NC-4.0"])
def test_a_model_whose_license_is_not_open_is_for_its_owner_and_organizers(
    license_name: str,
    published: Any,
    participant: Any,
    other: Any,
    anonymous: Any,
    organizer: Any,
    fake: Any,
    scores: Any,
    dispatch: Any,
) -> None:
    submission = enter_and_score(published, participant, fake, scores, license=license_name)
    dispatch()
    for who in (other, anonymous):
        refused = who.get(f"/submissions/{submission}/archive")
        assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
        assert "license" in refused.json()["detail"]
    assert fetch(participant, submission) == fetch(organizer, submission)


@pytest.mark.parametrize(
    ("expression", "open_"),
    [
        ("Apache-2.0", True),
        ("apache-2.0 or LicenseRef-x", True),
        ("(MIT OR Apache-2.0) AND BSD-3-Clause", True),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("MIT WITH Commons-Clause", False),
        ("MIT WITH AdditionRef-no-exception", False),
        ("MIT WITH", False),
        ("MIT AND Proprietary", False),
        ("Proprietary OR (MIT AND Secret)", False),
        ("(MIT", False),
        ("MIT Apache-2.0", False),
        ("MIT; rm", False),
        ("AND", False),
        ("all rights reserved", False),
    ],
)
def test_a_license_is_open_when_its_expression_surely_is(expression: str, open_: bool) -> None:
    assert may_be_handed_on(expression) is open_


def test_hidden_scores_are_in_no_public_archive_before_the_phase_closes(
    tiny: Any, tiny_phase: Any, organizer: Any, participant: Any, other: Any, fake: Any, scores: Any
) -> None:
    tiny.publish(organizer, phases=[tiny_phase(visibility="hidden_until_close")])
    submission = enter_and_score(tiny, participant, fake, scores, license="MIT")
    for who in (participant, organizer):
        found = members(fetch(who, submission))
        manifest = ArchiveManifest.model_validate_json(found["proctor-archive.json"])
        assert manifest.tasks[0].run.evaluation.scores == ()
        assert all(not case.scores for case in manifest.tasks[0].run.cases)
    assert other.get(f"/submissions/{submission}/archive").status_code == 404


def test_what_has_no_results_yet_is_not_archived(published: Any, participant: Any) -> None:
    submission = published.enter(participant).json()["id"]
    refused = participant.get(f"/submissions/{submission}/archive")
    assert (refused.status_code, refused.json()["code"]) == (409, "CONFLICT")


def test_a_blob_that_is_gone_is_told_before_the_first_byte(
    archived: str, published: Any, participant: Any, app: FastAPI
) -> None:
    app.state.store.path(published.model.entries[0].file.digest).unlink()
    refused = participant.get(f"/submissions/{archived}/archive")
    assert (refused.status_code, refused.json()["code"]) == (503, "STORAGE_FAILED")


def test_a_large_archive_is_zip64(
    archived: str, participant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = members(fetch(participant, archived))
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 10)
    content = fetch(participant, archived)
    assert b"PK\x06\x06" in content
    assert members(content) == before


def test_an_archive_is_an_ro_crate(archived: str, participant: Any) -> None:
    found = members(fetch(participant, archived))
    crate = json.loads(found["ro-crate-metadata.json"])
    assert crate["@context"][0] == "https://w3id.org/ro/crate/1.1/context"
    entities = {entity["@id"]: entity for entity in crate["@graph"]}
    assert len(entities) == len(crate["@graph"]), "ids are unique"
    descriptor = entities["ro-crate-metadata.json"]
    assert descriptor["@type"] == "CreativeWork"
    assert descriptor["about"] == {"@id": "./"}
    assert descriptor["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.1"}
    root = entities["./"]
    assert root["@type"] == "Dataset"
    for required in ("name", "description", "datePublished", "license"):
        assert root[required]
    parts = {part["@id"] for part in root["hasPart"]}
    assert parts == set(found) - {"ro-crate-metadata.json"}
    for path in parts:
        assert entities[path]["@type"] == "File"
        assert int(entities[path].get("contentSize", len(found[path]))) == len(found[path])
    references = [
        value["@id"]
        for entity in crate["@graph"]
        for values in entity.values()
        for value in (values if isinstance(values, list) else [values])
        if isinstance(value, dict)
    ]
    assert set(references) - {"https://w3id.org/ro/crate/1.1"} <= set(entities)


def test_an_archive_can_be_cited(archived: str, participant: Any) -> None:
    found = members(fetch(participant, archived))
    cff = yaml.safe_load(found["CITATION.cff"])
    assert {"cff-version", "message", "title", "authors"} <= set(cff)
    assert (cff["cff-version"], cff["license"]) == ("1.2.0", "MIT")
    assert cff["authors"] == [{"name": "Ada L."}, {"name": "Grace H."}]
    assert all({"type", "value"} <= set(identifier) for identifier in cff["identifiers"])
    datacite = json.loads(found["datacite.json"])
    required = ("creators", "titles", "publisher", "publicationYear", "types", "schemaVersion")
    assert all(datacite[name] for name in required)
    assert datacite["types"]["resourceTypeGeneral"] == "Software"
    assert datacite["schemaVersion"] == "http://datacite.org/schema/kernel-4"
    assert len(datacite["publicationYear"]) == 4
