"""Reviews before a model is public, and the tombstone of one that was withdrawn."""

from __future__ import annotations

from typing import Any

import pytest

from proctor.spec.registry import ModelView

POLICY = {
    "version": "2026-1",
    "text": "We look at every model.",
    "checklist": [
        {"id": "license", "text": "It has a license."},
        {"id": "no-leak", "text": "Its training data do not hold the test set."},
    ],
}
YES = {"license": True, "no-leak": True}
BOARD = "/challenges/tiny/phases/main/leaderboard"


def review(who: Any, model: str, **body: Any) -> Any:
    return who.post(f"/models/{model}/reviews", {"outcome": "approved", "checklist": YES, **body})


@pytest.fixture
def reviewed(tiny: Any, organizer: Any) -> None:
    """The tiny challenge, whose models are reviewed."""
    assert tiny.publish(organizer, review=POLICY).status_code == 201


def test_a_model_is_public_when_an_organizer_approved_it(
    reviewed: None, participant: Any, organizer: Any, anonymous: Any, enter: Any, listed: Any
) -> None:
    model = enter(participant, license="MIT")
    assert anonymous.get(BOARD).json()["rows"][0]["submission"] == model
    assert listed(anonymous) == listed(organizer) == []
    for path in ("", "/citation", "/reviews", "/similar"):
        assert anonymous.get(f"/models/{model}{path}").status_code == 404
    for path in ("", "/cases", "/archive"):
        assert anonymous.get(f"/submissions/{model}{path}").status_code == 404
    assert participant.get(f"/models/{model}").json()["publication"] == "awaits review"
    queue = organizer.get("/challenges/tiny/reviews").json()
    assert [one["id"] for one in queue["waiting"]] == [model]
    assert queue["policy"]["version"] == "2026-1"
    made = review(organizer, model, note="Well described.")
    assert made.status_code == 201, made.text
    assert listed(anonymous) == [model]
    assert organizer.get("/challenges/tiny/reviews").json()["waiting"] == []
    seen = anonymous.get(f"/models/{model}/reviews").json()
    assert [(one["policy_version"], one["reviewer"], one["outcome"]) for one in seen] == [
        ("2026-1", "olga", "approved")
    ]
    assert [(one["id"], one["passed"]) for one in seen[0]["checklist"]] == list(YES.items())
    assert seen[0]["note"] == ""
    assert participant.get(f"/models/{model}/reviews").json()[0]["note"] == "Well described."
    events = [one["name"] for one in organizer.get(f"/submissions/{model}/events").json()]
    assert "model_reviewed" in events


def test_the_newest_review_speaks(
    reviewed: None, participant: Any, organizer: Any, anonymous: Any, enter: Any, listed: Any
) -> None:
    model = enter(participant)
    assert review(organizer, model).status_code == 201
    assert review(organizer, model, outcome="declined", checklist=YES).status_code == 201
    assert listed(anonymous) == []
    assert anonymous.get(f"/models/{model}").status_code == 404
    view = participant.get(f"/models/{model}").json()
    assert view["publication"] == "declined"
    assert len(participant.get(f"/models/{model}/reviews").json()) == 2


def test_a_model_without_a_license_is_declined_but_not_approved(
    reviewed: None, participant: Any, organizer: Any, enter: Any
) -> None:
    model = enter(participant, license="")
    refused = review(organizer, model)
    assert (refused.status_code, refused.json()["code"]) == (409, "CONFLICT")
    assert "states no license" in refused.json()["detail"]
    assert review(organizer, model, outcome="declined").status_code == 201


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"checklist": {"license": True}}, "no-leak"),
        ({"checklist": {**YES, "pretty": True}}, "pretty"),
        ({"checklist": {"license": True, "no-leak": False}}, "no-leak is answered by no"),
    ],
)
def test_a_checklist_is_answered_whole_and_by_yes_to_approve(
    reviewed: None, participant: Any, organizer: Any, enter: Any, body: Any, said: str
) -> None:
    refused = review(organizer, enter(participant), **body)
    assert refused.status_code == 422
    assert said in refused.json()["detail"]


def test_nobody_reviews_but_organizers_and_only_where_it_is_declared(
    published: Any, participant: Any, organizer: Any, anonymous: Any, enter: Any
) -> None:
    model = enter(participant)
    assert review(anonymous, model).status_code == 401
    assert review(participant, model).status_code == 403
    refused = review(organizer, model)
    assert (refused.status_code, refused.json()["code"]) == (409, "CONFLICT")
    assert organizer.get("/challenges/tiny/reviews").json() == {"policy": None, "waiting": []}


def test_a_withdrawn_model_leaves_a_tombstone_and_its_scores(
    published: Any,
    participant: Any,
    other: Any,
    organizer: Any,
    anonymous: Any,
    enter: Any,
    listed: Any,
) -> None:
    model = enter(
        participant,
        license="MIT",
        description="A secret recipe.",
        authors=["Ada"],
        claimed_scores={"top1": 0.9},
    )
    before = anonymous.get(BOARD).json()
    assert other.post(f"/models/{model}/withdrawal", {}).status_code == 403
    gone = participant.post(f"/models/{model}/withdrawal", {"reason": "A bug in training."})
    assert gone.status_code == 200, gone.text
    assert listed(anonymous) == []
    page = anonymous.get(f"/models/{model}")
    view = ModelView.model_validate_json(page.content)
    assert view.publication == "withdrawn"
    assert view.tombstone is not None
    assert (view.tombstone.by, view.tombstone.reason) == ("its owner", "A bug in training.")
    assert (view.card, view.downloadable, view.commands) == (None, False, {})
    assert view.scores[0].measured.value == pytest.approx(0.7)
    assert anonymous.get(BOARD).json() == before
    for path in (f"/models/{model}", f"/submissions/{model}", f"/models/{model}/citation"):
        assert "secret recipe" not in anonymous.get(path).text
        assert "Ada" not in anonymous.get(path).text
    refused = anonymous.get(f"/submissions/{model}/archive")
    assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
    assert "secret recipe" in participant.get(f"/models/{model}").text
    again = organizer.post(f"/models/{model}/withdrawal", {"reason": "Another."})
    assert again.json()["tombstone"]["reason"] == "A bug in training."


def test_what_was_never_accepted_is_not_withdrawn(published: Any, participant: Any) -> None:
    entered = published.enter(participant, check_only=True).json()["id"]
    refused = participant.post(f"/models/{entered}/withdrawal", {})
    assert refused.status_code == 409
    assert "proctor cancel" in refused.json()["detail"]


def test_a_doi_of_an_organizer_is_in_every_citation(
    published: Any, participant: Any, organizer: Any, anonymous: Any, enter: Any
) -> None:
    model = enter(participant)
    given = {"doi": "10.5072/tiny.1"}
    path = f"/models/{model}/doi"
    assert participant.request("PUT", path, json=given).status_code == 403
    assert organizer.request("PUT", path, json={"doi": "no doi"}).status_code == 422
    assert organizer.request("PUT", path, json=given).status_code == 200
    for form in ("cff", "datacite", "bibtex"):
        text = anonymous.get(f"/models/{model}/citation?format={form}").text
        assert "10.5072/tiny.1" in text
