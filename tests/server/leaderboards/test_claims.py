"""What authors claim stands beside what was measured, and is flagged outside its interval."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from proctor.spec.leaderboard import BoardColumn, BoardValue, Claim, ClaimFlag, Leaderboard
from proctor_platform.database import Database
from proctor_platform.leaderboards.claims import claims_of
from proctor_platform.leaderboards.snapshot import make_board
from proctor_platform.queueing.bells import NoBells
from proctor_platform.queueing.dispatcher import Dispatcher

BOARD = "/challenges/tiny/phases/main/leaderboard"
KEY = "classify/top1/mean"


def column(label: str = "mean", *, higher: bool = True) -> BoardColumn:
    return BoardColumn(
        key=f"classify/top1/{label}",
        task="classify",
        metric="top1",
        label=label,
        title=f"top1 {label}",
        higher_is_better=higher,
        definition_id="top1.v1",
        decides=True,
    )


VALUE = BoardValue(value=0.7, low=0.6, high=0.8, n_used=12, n_total=12)


@pytest.mark.parametrize(
    ("score", "higher", "flag"),
    [
        (0.8, True, None),
        (0.6, True, None),
        (0.81, True, ClaimFlag.BETTER),
        (0.59, True, ClaimFlag.WORSE),
        (0.81, False, ClaimFlag.WORSE),
        (0.59, False, ClaimFlag.BETTER),
    ],
)
def test_a_claim_is_flagged_outside_the_measured_interval(
    score: float, higher: bool, flag: ClaimFlag | None
) -> None:
    claims = claims_of({"top1": score}, [column(higher=higher)], {KEY: VALUE})
    assert (claims[KEY].score, claims[KEY].flag) == (score, flag)
    assert claims[KEY].gap == pytest.approx(score - 0.7)


def test_a_claim_may_be_further_off_than_any_number() -> None:
    huge = BoardValue(value=1.7e308, n_used=12, n_total=12)
    claim = claims_of({"top1": -1.7e308}, [column(higher=False)], {KEY: huge})[KEY]
    assert (claim.gap, claim.flag) == (None, ClaimFlag.BETTER)


def test_a_claim_names_a_metric_a_task_or_a_label() -> None:
    columns = [column("cat"), column()]
    for names, keys in (
        ({"top1": 0.7}, {KEY}),
        ({"classify/top1": 0.7}, {KEY}),
        ({"classify/top1/cat": 0.7}, {"classify/top1/cat"}),
        ({"other/top1": 0.7, "top5": 0.9}, set()),
    ):
        assert set(claims_of(names, columns, {})) == keys
    own_task_first = claims_of({"top1": 0.1, "classify/top1": 0.2}, columns, {})
    assert own_task_first[KEY] == Claim(score=0.2)


def test_claims_are_on_the_board_and_in_its_csv(
    published: Any,
    tiny: Any,
    fake: Any,
    person: Any,
    scores: Any,
    anonymous: Any,
    database: Database,
) -> None:
    dispatch: Callable[[], None] = Dispatcher(database, NoBells(), make_board).once
    for name, claimed in (("ann", {"top1": 0.95}), ("bob", {"top1": 1.5}), ("cid", {})):
        card = tiny.card.model_copy(update={"claimed_scores": claimed})
        answer = replace(tiny, card=card).enter(person(name))
        assert answer.status_code == 201, answer.text
        fake.run()
        fake.score(scores(1.0, 0.9, 0.8))
    dispatch()
    board = Leaderboard.model_validate_json(anonymous.get(BOARD).content)
    assert [found.claimed for found in board.columns] == [True]
    ann, bob, cid = sorted(board.rows, key=lambda row: row.participant)
    assert (ann.claimed[KEY].score, ann.claimed[KEY].flag) == (0.95, None)
    assert bob.claimed[KEY].flag is ClaimFlag.BETTER
    assert bob.claimed[KEY].gap == pytest.approx(0.6)
    assert cid.claimed == {}
    assert "claimed" not in anonymous.get(BOARD).json()["rows"][-1]
    table = list(csv.DictReader(io.StringIO(anonymous.get(f"{BOARD}?format=csv").text)))
    shown = {row["participant"]: (row[f"{KEY} claimed"], row[f"{KEY} claim"]) for row in table}
    assert shown == {"ann": ("0.95", ""), "bob": ("1.5", "better than measured"), "cid": ("", "")}


def test_a_board_without_claims_has_no_columns_for_them(
    published: Any, tiny: Any, fake: Any, person: Any, scores: Any, anonymous: Any, database: Any
) -> None:
    assert tiny.enter(person("ann")).status_code == 201
    fake.run()
    fake.score(scores(1.0, 0.9, 0.8))
    Dispatcher(database, NoBells(), make_board).once()
    assert "claim" not in anonymous.get(f"{BOARD}?format=csv").text
    assert "claimed" not in anonymous.get(BOARD).json()["columns"][0]
