"""Scores beside architectures over time: what is in the table, and what never is."""

from __future__ import annotations

import csv
import io
from typing import Any

from sqlalchemy import update

from proctor_platform.tables import Challenge

CONV = {
    "source": "model.net",
    "framework": "pytorch",
    "framework_version": "2.9",
    "type": "UNet",
    "parameters": 1200,
    "depth": 4,
    "optimizer": "Adam",
    "layers": [{"name": "c1", "type": "Conv2d"}],
    "layer_counts": {"Conv2d": 3, "ReLU": 2},
    "hyperparameters": [
        {"name": "width", "value": 8, "is_default": False},
        {"name": "bias", "value": True, "is_default": True},
    ],
}


def table(who: Any, **query: Any) -> list[dict[str, str]]:
    answer = who.get("/analytics", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def test_a_table_has_every_score_beside_what_was_measured_of_the_model_the_oldest_first(
    published: Any, person: Any, anonymous: Any, enter: Any
) -> None:
    ann = person("ann")
    first = enter(ann, 0.5, claimed_scores={"top1": 0.75})
    second = enter(person("bob"), 0.9, title="=HYPERLINK(1)\n2", metadata={"models": [CONV]})
    lines = table(anonymous)
    assert list(dict.fromkeys(line["submission"] for line in lines)) == [first, second]
    keys = {line["score"] for line in lines if line["submission"] == second}
    assert "classify/top1/mean" in keys
    old, new = (
        next(line for line in lines if (line["submission"], line["score"]) == (one, KEY))
        for one in (first, second)
    )
    assert (old["value"], old["claimed"], old["framework"], old["rank"]) == ("0.5", "0.75", "", "2")
    assert (new["value"], new["claimed"], new["rank"], new["decides"]) == ("0.9", "", "1", "True")
    assert (new["framework"], new["type"], new["parameters"]) == ("pytorch", "UNet", "1200")
    assert (new["layers"], new["layer_counts"]) == ("5", "Conv2d 3; ReLU 2")
    assert (new["hyperparameters"], new["tasks"]) == ("width=8", "classification")
    assert new["model"] == "'=HYPERLINK(1)\n2"
    assert new["submitted_at"] > old["submitted_at"]


KEY = "classify/top1/mean"


def test_a_table_is_filtered_and_sent_in_portions(
    published: Any, person: Any, anonymous: Any, enter: Any
) -> None:
    first = enter(person("ann"), 0.5)
    second = enter(person("bob"), 0.9, metadata={"models": [CONV]})
    assert {line["submission"] for line in table(anonymous, framework="pytorch")} == {second}
    assert table(anonymous, challenge="another") == []
    assert {line["submission"] for line in table(anonymous, limit=1)} == {first}
    assert {line["submission"] for line in table(anonymous, offset=1)} == {second}
    assert anonymous.get("/analytics", params={"limit": 1}).headers["X-Total-Count"] == "2"
    assert anonymous.get("/analytics", params={"limit": 5001}).status_code == 422


def test_only_what_everybody_may_see_is_in_the_table_whoever_asks(
    published: Any, organizer: Any, person: Any, other: Any, enter: Any, fake: Any, database: Any
) -> None:
    ann = person("ann")
    shown = enter(ann, 0.5)
    # It is run and not scored: it stands on no board.
    hidden = published.enter(person("bob")).json()["id"]
    fake.run()
    for who in (ann, organizer, other):
        assert {line["submission"] for line in table(who)} == {shown}
    assert other.get(f"/models/{hidden}").status_code == 404
    with database.writing() as session:
        session.execute(update(Challenge).values(visibility="members"))
        session.commit()
    assert organizer.get(f"/models/{shown}").status_code == 200
    for who in (ann, organizer, other):
        assert table(who) == []


def test_a_withdrawn_model_is_in_the_table_no_more(
    published: Any, person: Any, anonymous: Any, enter: Any
) -> None:
    ann = person("ann")
    model = enter(ann, 0.5)
    assert len(table(anonymous)) > 0
    assert ann.post(f"/models/{model}/withdrawal", {"reason": "wrong"}).status_code == 200
    assert table(anonymous) == []
