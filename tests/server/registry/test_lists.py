"""What the registry lists: public models alone, found by words, facts and scores."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from proctor.spec.registry import Filter, ModelList
from proctor.spec.task import InputSpec, InputType, TaskSpec
from proctor_platform.registry.descriptions import modalities

KEY = "classify/top1/mean"


def facets(who: Any, which: Filter, **query: Any) -> dict[str, int]:
    found = ModelList.model_validate_json(who.get("/models", params=query).content)
    return {facet.value: facet.count for facet in found.facets[which]}


def test_what_stands_on_an_open_board_is_listed_the_newest_first(
    published: Any, tiny: Any, person: Any, anonymous: Any, enter: Any, listed: Any
) -> None:
    first = enter(person("ann"), name="first")
    second = enter(person("bob"), name="second")
    assert tiny.enter(person("cid")).status_code == 201  # never scored
    assert listed(anonymous) == [second, first]
    found = ModelList.model_validate_json(anonymous.get("/models?limit=1&offset=1").content)
    assert [model.id for model in found.items] == [first]
    assert found.total == 2
    line = found.items[0]
    assert (line.participant, line.name, line.number, line.versions) == ("ann", "first", 1, 1)
    assert (line.tasks, line.modalities) == (("classification",), ("array",))
    assert (line.score, line.rank) == (pytest.approx(0.7), 1)


def test_of_a_model_with_versions_the_newest_is_listed(
    published: Any, person: Any, anonymous: Any, enter: Any, listed: Any
) -> None:
    ann = person("ann")
    ids = [enter(ann, n / 10, name="m", version=f"{n}.0") for n in (1, 2)]
    other = enter(ann, 0.9, name="other")
    assert listed(anonymous) == [other, ids[1]]
    assert listed(anonymous, versions=True) == [other, ids[1], ids[0]]
    line = anonymous.get("/models").json()["items"][1]
    assert (line["version"], line["number"], line["versions"]) == ("2.0", 2, 2)
    assert line["rank"] is None  # the other stands for ann now
    assert line["score"] == pytest.approx(0.2)


def test_every_word_of_a_search_must_be_in_the_card(
    published: Any, person: Any, anonymous: Any, enter: Any, listed: Any
) -> None:
    net = enter(person("ann"), name="net", title="U-Net", description="Trained on sunny days.")
    tree = enter(person("bob"), name="tree", title="A tree", authors=["Zoe Öztürk"])
    assert listed(anonymous, search="u-net sunny") == [net]
    assert listed(anonymous, search="zoe öztürk") == [tree]
    assert listed(anonymous, search="SUNNY bob") == []
    assert listed(anonymous, search="tiny") == [tree, net]


def test_a_model_without_a_license_is_not_public(
    published: Any, person: Any, anonymous: Any, enter: Any, listed: Any
) -> None:
    ann = person("ann")
    model = enter(ann, license="")
    board = "/challenges/tiny/phases/main/leaderboard"
    assert anonymous.get(board).json()["rows"][0]["submission"] == model
    assert listed(anonymous) == listed(ann) == []
    assert anonymous.get(f"/models/{model}").status_code == 404
    assert ann.get(f"/models/{model}").json()["publication"] == "no license"
    assert model not in anonymous.get("/analytics").text
    again = enter(ann, 0.9, license="MIT")
    assert listed(anonymous) == [again]


def test_a_license_that_is_none_is_refused_with_its_path(published: Any, participant: Any) -> None:
    card = published.card.model_copy(update={"license": "Apache 2"})
    participant.post("/challenges/tiny/join", {"terms_version": "1"})
    refused = participant.submit(published.model, card)
    assert refused.status_code == 422
    assert "card.license: 'Apache' is no SPDX license" in refused.json()["detail"]


def test_filters_hold_all_at_once_and_counts_are_those_the_others_leave(
    published: Any, person: Any, anonymous: Any, enter: Any, listed: Any
) -> None:
    free = enter(person("ann"), name="free", license="MIT", model={"framework": "numpy"})
    kept = enter(person("bob"), name="kept", license="LicenseRef-ours")
    assert listed(anonymous, license="mit") == [free]
    assert listed(anonymous, framework="numpy", license="LicenseRef-ours") == []
    assert listed(anonymous, task="classification") == [kept, free]
    assert listed(anonymous, task="classify", challenge="tiny") == [kept, free]
    assert listed(anonymous, modality="volume") == []
    assert facets(anonymous, Filter.LICENSE) == {"MIT": 1, "LicenseRef-ours": 1}
    assert facets(anonymous, Filter.LICENSE, license="MIT") == {"MIT": 1, "LicenseRef-ours": 1}
    assert facets(anonymous, Filter.CHALLENGE, license="MIT") == {"tiny": 1}


def test_scores_filter_and_order_within_a_challenge(
    published: Any, person: Any, anonymous: Any, enter: Any, listed: Any
) -> None:
    good = enter(person("ann"), 0.9, name="good")
    fair = enter(person("bob"), 0.5, name="fair")
    assert listed(anonymous, challenge="tiny", order="score") == [good, fair]
    assert listed(anonymous, challenge="tiny", at_least=0.6) == [good]
    assert listed(anonymous, challenge="tiny", column=KEY, at_most=0.6) == [fair]
    for query, said in (
        ({"at_least": 0.6}, "challenge=SLUG"),
        ({"challenge": "tiny", "column": "classify/top9/mean", "at_least": 0}, KEY),
    ):
        refused = anonymous.get("/models", params=query)
        assert refused.status_code == 422
        assert said in refused.json()["detail"]


def test_where_scores_count_the_version_that_stands_is_listed(
    tiny: Any,
    organizer: Any,
    person: Any,
    anonymous: Any,
    tiny_phase: Any,
    enter: Any,
    listed: Any,
    dispatch: Any,
) -> None:
    latest = tiny_phase(ranking={"select": "latest"})
    assert tiny.publish(organizer, phases=[latest]).status_code == 201
    ann = person("ann")
    good, newer = enter(ann, 0.9), enter(ann, 0.5)
    assert listed(anonymous, challenge="tiny", order="score") == [newer]
    assert tiny.publish(organizer, phases=[tiny_phase()]).status_code == 201
    dispatch()
    assert listed(anonymous) == [newer]
    assert listed(anonymous, challenge="tiny", order="score") == [good]


def test_models_of_a_hidden_phase_are_not_there_until_it_closes(
    tiny: Any,
    organizer: Any,
    person: Any,
    anonymous: Any,
    tiny_phase: Any,
    enter: Any,
    listed: Any,
) -> None:
    hidden = tiny_phase(visibility="hidden_until_close")
    assert tiny.publish(organizer, phases=[hidden]).status_code == 201
    ann = person("ann")
    model = enter(ann, license="MIT")
    for who in (anonymous, ann, organizer):
        assert listed(who) == []
    assert anonymous.get(f"/models/{model}").status_code == 404
    assert anonymous.get(f"/models/{model}/citation").status_code == 404
    own = ann.get(f"/models/{model}").json()
    assert (own["publication"], own["board"], own["scores"]) == ("not shown", None, [])
    assert own["versions"][0]["rank"] is None
    assert "0.7" not in str(own["elements"])
    assert len(organizer.get(f"/models/{model}").json()["scores"]) == 1
    closed = tiny_phase(
        visibility="hidden_until_close",
        closes_at=(datetime.now(UTC) - timedelta(minutes=1)).isoformat(),
    )
    assert tiny.publish(organizer, phases=[closed]).status_code == 201
    assert listed(anonymous) == [model]
    assert anonymous.get(f"/models/{model}").json()["scores"] != []


def test_models_of_a_challenge_are_found_by_those_who_find_the_challenge(
    tiny: Any, organizer: Any, participant: Any, other: Any, anonymous: Any, enter: Any, listed: Any
) -> None:
    changes = {"visibility": "members", "members": ["paul"]}
    assert tiny.publish(organizer, **changes).status_code == 201
    model = enter(participant)
    assert listed(participant) == [model]
    for stranger in (other, anonymous):
        assert listed(stranger) == []
        assert facets(stranger, Filter.CHALLENGE) == {}
        assert stranger.get(f"/models/{model}").status_code == 404


def test_a_plain_file_is_no_kind_of_data_to_be_found_by() -> None:
    inputs = {
        name: InputSpec.model_construct(type=kind)
        for name, kind in (("photo", InputType.FILE), ("rows", InputType.TABLE))
    }
    assert modalities([TaskSpec.model_construct(inputs=inputs)]) == ("table",)
