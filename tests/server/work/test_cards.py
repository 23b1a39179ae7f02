"""What a model's card does on a platform: what it may use, and what is asked about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

MIB = 1 << 20


def with_card(tiny: Any, **fields: Any) -> Any:
    card = type(tiny.card).model_validate({**tiny.card.model_dump(mode="json"), **fields})
    return replace(tiny, card=card)


def test_an_order_gives_a_model_no_more_than_its_card_asks_for(
    published: Any, participant: Any, fake: Any
) -> None:
    asked = {"memory_bytes": 100 * MIB, "cpus": 500 / 1000, "case_s": 86_400, "pids": 9}
    assert with_card(published, resources=asked).enter(participant).status_code == 201
    limits = fake.claim().order["limits"]
    phase = published.spec.phases[0].limits
    assert (limits["memory_bytes"], limits["cpus"], limits["pids"]) == (100 * MIB, 0.5, 9)
    # What it asks for beyond the phase it does not get.
    assert limits["case_s"] == phase.case_s
    assert limits["output_bytes"] == phase.output_bytes


def test_a_model_is_looked_at_until_it_is_known_and_never_again(
    published: Any, participant: Any, fake: Any
) -> None:
    submission = published.enter(participant).json()["id"]
    held = fake.run(metadata={"python": "3.12"})
    assert held.order["measure"] is True
    answer = participant.post(f"/submissions/{submission}/reruns", {})
    assert answer.status_code == 201, answer.text
    assert "measure" not in fake.claim().order


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        (
            {"io": {"inputs": {"a": {"type": "picture"}}, "outputs": {"b": {"type": "text"}}}},
            "card.io.inputs.a.type",
        ),
        ({"licence": "MIT"}, "card.licence"),
        ({"licenses": {"code": "Mine"}}, "card.licenses.code"),
        ({"resources": {"network": True}}, "card.resources.network"),
        ({"training": {"data": [{"name": 7}]}}, "card.training.data.0.name"),
        ({"custom": {"a": [[[[[[[[[1]]]]]]]]]}}, "card.custom"),
        ({"support": {"demo": "javascript:alert(1)"}}, "card.support.demo"),
    ],
)
def test_a_wrong_card_is_refused_with_its_path(
    published: Any, participant: Any, fields: dict[str, Any], path: str
) -> None:
    body = {
        "challenge": "tiny",
        "phase": "main",
        "content": published.model.model_dump(mode="json"),
        "card": {**published.card.model_dump(mode="json"), **fields},
    }
    answer = participant.post("/submissions", body)
    assert answer.status_code == 422
    told = [entry.get("field", entry.get("loc")) for entry in answer.json()["errors"]]
    assert any(path in (one if isinstance(one, str) else ".".join(map(str, one))) for one in told)


def test_what_a_card_says_in_its_own_section_is_never_taken_for_a_score(
    published: Any, participant: Any, fake: Any, scores: Any
) -> None:
    entered = with_card(published, custom={"top1": 1.0, "rank": 1}).enter(participant)
    fake.run()
    fake.score(scores(0.25, 0.25, 0.25))
    view = participant.get(f"/submissions/{entered.json()['id']}").json()
    evaluation = view["runs"][0]["evaluation"]
    assert set(evaluation["scores"].values()) <= {0.25, None}
    assert view["card"]["custom"] == {"top1": 1.0, "rank": 1}
