"""Deploying, swapping, stopping: who may, how many, and what becomes of a model that is hosted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from proctor_platform.hosting.tables import Hosting


def state_of(who: Any, deployed: dict[str, Any]) -> str:
    return str(who.get(f"/deployments/{deployed['id']}").json()["state"])


def test_a_model_is_deployed_and_served_by_a_worker(
    owner: Any, model: str, deployed: dict[str, Any], host: Any, other: Any
) -> None:
    assert deployed["state"] == "starting"
    assert "no worker that hosts models is connected" in deployed["detail"]
    held = host.claim()
    assert held.order["submission"] == model
    assert state_of(owner, deployed) == "starting"
    assert held.beat("starting").json()["cancel"] is False
    assert state_of(owner, deployed) == "starting"
    held.beat()
    view = other.get(f"/deployments/{deployed['id']}").json()
    assert (view["state"], view["manageable"], view["hostings"]) == ("serving", False, [])
    assert [one["id"] for one in other.get("/deployments").json()] == [deployed["id"]]
    assert other.get("/deployments", params={"submission": model}).json() == [view]
    assert host.ask().status_code == 204


def hosted_facts(who: Any, model: str) -> list[str]:
    found = {one["element"]: one for one in who.get(f"/models/{model}").json()["elements"]}
    return [fact["text"] for fact in found["cloud_deployment"]["facts"]]


def test_the_page_of_a_model_says_where_it_is_hosted_and_counts_that(
    owner: Any, model: str, better: str, host: Any, other: Any
) -> None:
    before = other.get(f"/models/{model}").json()
    assert hosted_facts(other, model) == []
    deployed = owner.post("/deployments", {"submission": model}).json()
    assert hosted_facts(other, model) == [f"{deployed['path']} (it is being started)"]
    host.serve()
    assert hosted_facts(other, model) == [f"{deployed['path']} (it answers)"]
    assert hosted_facts(other, better) == []
    usage = other.get(f"/models/{model}").json()["elements"]
    (asked,) = (one for one in usage if one["element"] == "usage_statistics")
    assert {"name": "questions here", "text": "0", "basis": "recorded", "link": ""} in asked[
        "facts"
    ]
    after = other.get(f"/models/{model}").json()
    assert after["completeness_percent"] > before["completeness_percent"]
    owner.post(f"/deployments/{deployed['id']}/stop")
    assert hosted_facts(owner, model) == []


def test_an_order_to_host_names_the_model_and_nothing_of_a_test_set(
    published: Any, deployed: dict[str, Any], host: Any
) -> None:
    held = host.claim()
    text = str(held.order)
    data = published.data["classify"]
    for dataset in (data.hidden.inputs, data.hidden.reference, data.sample.inputs):
        for case in dataset.cases:
            for file in case.files.values():
                assert file.digest not in text
                assert held.holder.get(f"/work/{held.id}/blobs/{file.digest}").status_code == 404
    entry = held.order["content"]["entries"][0]["file"]["digest"]
    assert held.holder.get(f"/work/{held.id}/blobs/{entry}").status_code == 200


def test_only_who_owns_or_organizes_a_model_deploys_and_manages_it(
    organizer: Any, other: Any, admin: Any, model: str, deployed: dict[str, Any]
) -> None:
    address = f"/deployments/{deployed['id']}"
    assert other.post("/deployments", {"submission": model}).status_code == 403
    for verb in ("stop", "start"):
        assert other.post(f"{address}/{verb}").status_code == 403
    assert other.post(f"{address}/swap", {"submission": model}).status_code == 403
    for manager in (organizer, admin):
        assert manager.post(f"{address}/stop").json()["state"] == "stopped"
        assert manager.post(f"{address}/start").json()["state"] == "starting"


def test_a_model_that_is_not_public_is_hosted_for_its_own_people_alone(
    published: Any, owner: Any, other: Any, organizer: Any, fake: Any
) -> None:
    submission = published.enter(owner).json()["id"]
    fake.run()
    made = owner.post("/deployments", {"submission": submission})
    assert made.status_code == 201, made.text
    address = f"/deployments/{made.json()['id']}"
    assert organizer.get(address).status_code == 200
    assert other.get(address).status_code == 404
    assert other.get("/deployments").json() == []
    assert other.get(f"/hosted/{made.json()['id']}/healthz").status_code == 404


def test_there_are_limits_for_one_and_for_all(
    owner: Any, organizer: Any, admin: Any, model: str, deployed: dict[str, Any]
) -> None:
    body = {"submission": model}
    assert owner.post("/deployments", body).status_code == 201
    third = owner.post("/deployments", body)
    assert third.status_code == 409
    assert "2 of your models are hosted" in third.json()["detail"]
    assert organizer.post("/deployments", body).status_code == 201
    fourth = admin.post("/deployments", body)
    assert fourth.status_code == 409
    assert "3 models are hosted here" in fourth.json()["detail"]
    owner.post(f"/deployments/{deployed['id']}/stop")
    assert admin.post("/deployments", body).status_code == 201
    assert owner.post(f"/deployments/{deployed['id']}/start").status_code == 409


def test_a_version_is_swapped_once_the_new_one_serves(
    owner: Any, model: str, better: str, deployed: dict[str, Any], host: Any, states: Any
) -> None:
    first = host.serve()
    swapping = owner.post(f"/deployments/{deployed['id']}/swap", {"submission": better}).json()
    assert (swapping["state"], swapping["submission"]) == ("serving", model)
    assert swapping["next"]["submission"] == better
    second = host.claim()
    assert first.beat().json()["cancel"] is False
    second.beat()
    view = owner.get(f"/deployments/{deployed['id']}").json()
    assert (view["submission"], view["next"]) == (better, None)
    assert first.beat().json()["cancel"] is True
    assert first.take().json() == {"question": None, "cancel": True}
    assert first.say("fail", code="CANCELLED").status_code == 204
    assert states() == ["stopped", "serving"]
    assert state_of(owner, deployed) == "serving"


def test_a_version_that_is_not_public_does_not_follow_one_that_is(
    owner: Any, published: Any, deployed: dict[str, Any], fake: Any
) -> None:
    hidden = published.enter(owner).json()["id"]
    fake.run()
    refused = owner.post(f"/deployments/{deployed['id']}/swap", {"submission": hidden})
    assert refused.status_code == 409
    assert "is not public" in refused.json()["detail"]
    assert owner.post("/deployments", {"submission": hidden}).status_code == 201


def test_a_version_that_cannot_be_started_leaves_the_one_before(
    owner: Any, model: str, better: str, deployed: dict[str, Any], host: Any
) -> None:
    host.serve()
    owner.post(f"/deployments/{deployed['id']}/swap", {"submission": better})
    second = host.claim()
    second.say("fail", code="START_FAILED", detail="No module named torch.")
    view = owner.get(f"/deployments/{deployed['id']}").json()
    assert (view["state"], view["submission"], view["next"]) == ("serving", model, None)
    assert view["detail"] == f"{better} was not swapped in. No module named torch."


def test_a_model_that_cannot_be_started_says_why_to_its_own_people(
    owner: Any, other: Any, deployed: dict[str, Any], host: Any
) -> None:
    host.claim().say("fail", code="START_FAILED", detail="No module named torch.")
    view = owner.get(f"/deployments/{deployed['id']}").json()
    assert (view["state"], view["detail"]) == ("failed", "No module named torch.")
    seen = other.get(f"/deployments/{deployed['id']}").json()
    assert (seen["state"], seen["detail"]) == ("failed", "")
    asked = other.get(f"/hosted/{deployed['id']}/healthz")
    assert (asked.status_code, asked.json()["code"]) == (503, "NOT_SERVED")
    assert owner.post(f"/deployments/{deployed['id']}/start").json()["state"] == "starting"


def test_a_stopped_model_is_given_up_by_its_worker_and_started_anew(
    owner: Any, deployed: dict[str, Any], host: Any, states: Any
) -> None:
    held = host.serve()
    assert owner.post(f"/deployments/{deployed['id']}/stop").json()["state"] == "stopped"
    assert owner.post(f"/deployments/{deployed['id']}/stop").status_code == 200
    assert held.beat().json()["cancel"] is True
    held.say("fail", code="CANCELLED")
    assert held.beat().status_code == 409
    assert owner.post(f"/deployments/{deployed['id']}/start").json()["state"] == "starting"
    host.serve()
    assert state_of(owner, deployed) == "serving"
    assert states() == ["stopped", "serving"]


def test_what_waits_for_a_worker_is_stopped_at_once(
    owner: Any, deployed: dict[str, Any], host: Any, states: Any
) -> None:
    owner.post(f"/deployments/{deployed['id']}/stop")
    assert states() == ["stopped"]
    assert host.ask().status_code == 204


def test_a_lost_worker_is_followed_by_another(
    owner: Any,
    deployed: dict[str, Any],
    host: Any,
    look: Callable[[], None],
    lose_leases: Callable[[], None],
) -> None:
    lost = host.serve()
    lose_leases()
    look()
    assert state_of(owner, deployed) == "starting"
    assert lost.beat().status_code == 409
    host.serve()
    assert state_of(owner, deployed) == "serving"
    assert lost.take().status_code == 409


def test_a_worker_that_is_drained_gives_its_model_to_another(
    owner: Any, deployed: dict[str, Any], host: Any
) -> None:
    host.serve().say("fail", code="WORKER_LOST", detail="It was shut down.")
    view = owner.get(f"/deployments/{deployed['id']}").json()
    assert view["state"] == "starting"
    assert "It was shut down." in view["detail"]
    host.serve()
    assert state_of(owner, deployed) == "serving"


def test_a_model_that_no_worker_can_keep_fails_after_its_attempts(
    owner: Any, deployed: dict[str, Any], host: Any, database: Any
) -> None:
    for _ in range(5):
        host.claim().say("fail", code="SANDBOX_FAILED", detail="No daemon.")
    assert host.ask().status_code == 204
    view = owner.get(f"/deployments/{deployed['id']}").json()
    assert (view["state"], view["detail"]) == ("failed", "No daemon.")
    with database.reading() as session:
        assert session.get_one(Hosting, view["hostings"][0]["id"]).attempt == 5


def test_an_idle_model_falls_asleep(
    owner: Any,
    deployed: dict[str, Any],
    host: Any,
    look: Callable[[], None],
    forget_time: Callable[[], None],
) -> None:
    held = host.serve()
    look()
    assert state_of(owner, deployed) == "serving"
    forget_time()
    look()
    view = owner.get(f"/deployments/{deployed['id']}").json()
    assert (view["state"], held.beat().json()["cancel"]) == ("asleep", True)
    assert "the next question starts it again" in view["detail"]
    assert owner.post(f"/deployments/{deployed['id']}/stop").json()["state"] == "stopped"


def test_a_withdrawn_model_is_hosted_no_more(
    owner: Any, other: Any, model: str, deployed: dict[str, Any], host: Any
) -> None:
    held = host.serve()
    assert owner.post(f"/models/{model}/withdrawal", {}).status_code == 200
    assert other.get(f"/deployments/{deployed['id']}").status_code == 404
    assert held.beat().json()["cancel"] is True
    assert state_of(owner, deployed) == "stopped"
    started = owner.post(f"/deployments/{deployed['id']}/start")
    assert (started.status_code, started.json()["detail"]) == (409, "The model was withdrawn.")


@pytest.mark.parametrize("submission", ["sub_" + "0" * 26, "nonsense"])
def test_what_is_not_there_is_not_deployed(owner: Any, published: Any, submission: str) -> None:
    answer = owner.post("/deployments", {"submission": submission})
    assert answer.status_code == (422 if submission == "nonsense" else 404)
