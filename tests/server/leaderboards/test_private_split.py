"""A private split: what some cases say is in no answer until the phase is over."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from proctor.spec.dataset import DatasetCase
from proctor.spec.protection import PrivateSplit
from proctor_platform.database import Database
from proctor_platform.private_cases import drawn_from
from proctor_platform.tables import LeaderboardSnapshot, PrivateCase

BOARD = "/challenges/tiny/phases/main/leaderboard"
# Of the tiny challenge's cases c1 alone is of the left writer.
SPLIT = {"column": "writer", "values": ["left"]}
SECRET = 0.8125  # no other number of these tests


@pytest.fixture
def split(publish: Callable[..., None], enter: Any, person: Any, scores: Any, board: Any) -> Any:
    """Ann is first on the public cases and last on the private one; bob the other way round."""
    publish(private=SPLIT)
    made = {
        "ann": enter(person("ann"), scores(1.0, 0.125, 1.0)),
        "bob": enter(person("bob"), scores(0.5, SECRET, 0.5)),
    }
    board()
    return made


@pytest.fixture
def close(publish: Callable[..., None], board: Any) -> Callable[[], None]:
    """End the phase."""

    def now() -> None:
        past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
        publish(private=SPLIT, closes_at=past)

    return now


def addresses(who: Any, snapshot: str, submissions: Any) -> list[str]:
    """Every address below which a score may be read."""
    found = [
        "/challenges/tiny",
        "/submissions",
        "/submissions?challenge=tiny",
        BOARD,
        f"{BOARD}?format=csv",
        f"{BOARD}?search=a",
        f"{BOARD}s",
    ]
    for path in ("", "?format=csv", "/changes", "/private", "/private?format=csv", "/overfitting"):
        found.append(f"/leaderboards/{snapshot}{path}")
    for query in ("", "?private=true", "?column=classify/top1/mean"):
        found.append(f"/leaderboards/{snapshot}/statistics{query}")
    for submission in submissions:
        for path in ("", "/cases", "/events", "/log", "/log?case=c1", "/archive?kind=public"):
            found.append(f"/submissions/{submission}{path}")
        found.append(f"/submissions/{submission}/archive?kind=sealed")
    return found


def snapshot_of(who: Any) -> str:
    return str(who.get(BOARD).json()["id"])


def test_the_open_board_is_made_from_public_cases_alone(split: Any, anonymous: Any) -> None:
    board = anonymous.get(BOARD).json()
    assert board["part"] == "public"
    values = [row["values"]["classify/top1/mean"] for row in board["rows"]]
    assert [(row["participant"], row["rank"]) for row in board["rows"]] == [("ann", 1), ("bob", 2)]
    assert [(value["value"], value["n_total"]) for value in values] == [(1.0, 8), (0.5, 8)]
    assert [row["total_cases"] for row in board["rows"]] == [2, 2]
    assert "Made from the public cases alone" in board["ranking_sentence"]


def test_nobody_but_organizers_gets_anything_of_private_cases_on_any_route(
    split: Any, anonymous: Any, other: Any, person: Any, organizer: Any, client: Any
) -> None:
    snapshot = snapshot_of(organizer)
    bob = _again(client, split["bob"])
    for who in (anonymous, other, bob):
        for address in addresses(who, snapshot, split.values()):
            if "/archive" in address:
                continue
            text = who.get(address).content.decode(errors="replace")
            for secret in (str(SECRET), "0.125", '"c1"', "==> case c1"):
                assert secret not in text, (who.name, address, secret)
        for address in ("/private", "/overfitting", "/statistics?private=true"):
            refused = who.get(f"/leaderboards/{snapshot}{address}")
            assert (refused.status_code, refused.json()["code"]) == (403, "NOT_YET"), address
            assert "The private cases of phase main are shown from" in refused.json()["detail"]


def test_an_archive_of_an_open_phase_holds_nothing_of_private_cases(
    split: Any, client: Any, close: Callable[[], None]
) -> None:
    bob = _again(client, split["bob"])
    address = f"/submissions/{split['bob']}/archive?kind=public"
    manifest = _manifest(bob.get(address).content)
    run = manifest["tasks"][0]["run"]
    assert [case["id"] for case in run["cases"]] == ["c0", "c2"]
    assert (run["cases"][0]["scores"], run["evaluation"]["scores"]) == ({}, [])
    assert str(SECRET) not in json.dumps(manifest)
    close()
    run = _manifest(bob.get(address).content)["tasks"][0]["run"]
    assert [case["scores"]["top1/mean"] for case in run["cases"]] == [0.5, SECRET, 0.5]
    evaluation = run["evaluation"]
    assert [score["value"] for score in evaluation["scores"]] == [0.5]
    assert [score["value"] for score in evaluation["private_scores"]] == [SECRET]
    assert evaluation["private_cases"] == ["c1"]


def _manifest(archive: bytes) -> Any:
    with zipfile.ZipFile(io.BytesIO(archive)) as members:
        return json.loads(members.read("proctor-archive.json"))


def _again(client: Any, submission: str) -> Any:
    """Return the owner of a submission with a token of theirs."""
    from proctor_platform import tokens
    from proctor_platform.tables import Submission, User

    database = client.app.state.database
    with database.writing() as session:
        user = session.get_one(User, session.get_one(Submission, submission).user_id)
        secret = tokens.mint(session, user_id=user.id).secret
        name, identity = user.name, user.id
        session.commit()

    from types import SimpleNamespace

    def get(path: str) -> Any:
        return client.get(f"/api/v1{path}", headers={"Authorization": f"Bearer {secret}"})

    return SimpleNamespace(get=get, name=name, id=identity)


def test_organizers_see_private_cases_and_the_private_board_at_once(
    split: Any, organizer: Any
) -> None:
    cases = organizer.get(f"/submissions/{split['bob']}/cases").json()
    assert [case["scores"]["top1/mean"] for case in cases] == [0.5, SECRET, 0.5]
    private = organizer.get(f"/leaderboards/{snapshot_of(organizer)}/private").json()
    assert private["part"] == "private"
    assert [(row["participant"], row["rank"]) for row in private["rows"]] == [
        ("bob", 1),
        ("ann", 2),
    ]


def test_the_private_board_opens_with_a_report_when_the_phase_is_over(
    split: Any, close: Callable[[], None], anonymous: Any
) -> None:
    snapshot = snapshot_of(anonymous)
    close()
    private = anonymous.get(f"/leaderboards/{snapshot}/private")
    assert private.headers["Content-Location"].startswith(
        f"/api/v1/leaderboards/{snapshot}/private"
    )
    assert [row["values"]["classify/top1/mean"]["value"] for row in private.json()["rows"]] == [
        SECRET,
        0.125,
    ]
    assert "These are the private cases" in private.json()["ranking_sentence"]
    report = anonymous.get(f"/leaderboards/{snapshot}/overfitting").json()
    assert (report["kendall_tau"], report["rows"], report["moved_rows"]) == (-1.0, 2, 2)
    assert (report["largest_move"], report["first_stays"]) == (1, False)
    assert report["sentence"] == (
        "Who was first on the public cases is not first on the private ones. Of 2 rows 2 moved,"
        " by at most 1 ranks; Kendall's tau of the two orders is -1.000."
    )
    ann = next(move for move in report["moves"] if move["participant"] == "ann")
    key = "classify/top1/mean"
    assert (ann["public_rank"], ann["private_rank"]) == (1, 2)
    assert (ann["public"][key], ann["private"][key]) == (1.0, 0.125)
    cases = anonymous.get(f"/submissions/{split['bob']}/cases").json()
    assert [case["case"] for case in cases] == ["c0", "c1", "c2"]
    assert anonymous.get(f"/leaderboards/{snapshot}").json()["rows"][0]["participant"] == "ann"


def test_a_private_case_that_fails_shows_in_no_count_and_no_detail(
    publish: Callable[..., None], tiny: Any, participant: Any, scores: Any, fake: Any, board: Any
) -> None:
    publish(private=SPLIT)
    made = tiny.enter(participant).json()["id"]
    held = fake.claim()
    held.say("intake")
    held.case("c0")
    held.say("cases", case="c1", outcome="CRASH", detail="canary", seconds=1.0)
    held.case("c2")
    held.complete_run()
    fake.score(scores(1.0, 0.0, 1.0))
    (row,) = board().rows
    assert (row.failed_cases, row.total_cases) == (0, 2)
    view = participant.get(f"/submissions/{made}").json()
    assert view["runs"][0]["cases_failed"] == 0
    assert "canary" not in json.dumps(view)
    cases = participant.get(f"/submissions/{made}/cases").json()
    assert [case["case"] for case in cases] == ["c0", "c2"]


def test_a_run_that_fails_as_a_whole_says_nothing_of_a_private_case(
    publish: Callable[..., None], tiny: Any, participant: Any, fake: Any
) -> None:
    publish(private=SPLIT)
    made = tiny.enter(participant).json()["id"]
    held = fake.claim()
    held.say("intake")
    for case in ("c1", "c0", "c2"):
        held.say("cases", case=case, outcome="CRASH", detail=f"canary of {case}", seconds=1.0)
    held.complete_run()
    view = participant.get(f"/submissions/{made}").json()
    assert view["outcome"] == "CRASH"
    assert "canary" not in json.dumps(view)


def test_a_report_that_puts_a_private_case_among_the_others_is_refused(
    publish: Callable[..., None], tiny: Any, participant: Any, scores: Any, fake: Any
) -> None:
    publish(private=SPLIT)
    tiny.enter(participant)
    fake.run()
    held = fake.claim("score")
    order = held.order
    assert [case.get("private", False) for case in order["cases"]] == [False, True, False]
    for case in order["cases"]:
        case.pop("private", None)
    refused = held.complete_scores(scores(1.0, SECRET, 1.0))
    assert refused.status_code == 422
    assert "private scores" in refused.json()["detail"]


def test_declaring_a_split_later_has_everything_scored_anew(
    two: dict[str, str],
    publish: Callable[..., None],
    fake: Any,
    scores: Any,
    board: Any,
    anonymous: Any,
) -> None:
    before = anonymous.get(BOARD).content
    publish(private=SPLIT)
    assert anonymous.get(BOARD).content == before
    for value in (0.25, 0.75):
        fake.score(scores(value, 1.0, value))
    shown = board()
    assert (shown.number, shown.part) == (2, "public")
    assert [row.values["classify/top1/mean"].value for row in shown.rows] == [0.75, 0.25]


def test_whole_groups_are_drawn_and_nobody_can_work_out_which() -> None:
    cases = [DatasetCase(id=f"c{n}", group=f"g{n // 2}", files={}) for n in range(20)]
    split = PrivateSplit(share=0.4, seed=1)
    drawn = drawn_from(split, cases, "a" * 64)
    assert len(drawn) == 8
    assert {int(case[1:]) // 2 for case in drawn} == {
        group for group in range(10) if f"c{2 * group}" in drawn and f"c{2 * group + 1}" in drawn
    }
    assert drawn_from(split, cases, "a" * 64) == drawn
    others = [drawn_from(split, cases, f"{salt:064x}") for salt in range(20)]
    assert len({tuple(other) for other in others}) > 15, "the secret salt decides"


def test_the_drawn_cases_are_kept_with_the_version(
    publish: Callable[..., None], database: Database
) -> None:
    publish(private={"share": 0.34})
    with database.reading() as session:
        assert len(session.exec(select(PrivateCase)).all()) == 1
        assert session.exec(select(LeaderboardSnapshot)).all() == []


@pytest.mark.parametrize(
    ("split", "said"),
    [
        ({"share": 0.01}, "it leaves no private case in task classify"),
        ({"column": "writer", "values": ["left", "right"]}, "it leaves no public case"),
        ({"column": "scanner", "values": ["b"]}, "has no stratum 'scanner'"),
        ({"column": "writer"}, "column and values of a private split belong together"),
        ({"share": 0.5, "column": "writer", "values": ["left"]}, "one of share and column"),
    ],
)
def test_a_split_that_splits_nothing_is_refused(
    tiny: Any, organizer: Any, tiny_phase: Any, split: dict[str, Any], said: str
) -> None:
    refused = tiny.publish(organizer, phases=[tiny_phase(private=split)])
    assert refused.status_code == 422
    assert said in refused.text


def test_another_open_phase_may_not_show_what_is_private(
    tiny: Any, organizer: Any, tiny_phase: Any
) -> None:
    phases = [tiny_phase(private=SPLIT), tiny_phase("warm-up")]
    refused = tiny.publish(organizer, phases=phases)
    assert refused.status_code == 422
    assert "give both the same private split" in refused.text
    phases = [tiny_phase(private=SPLIT), tiny_phase("warm-up", private=SPLIT)]
    assert tiny.publish(organizer, phases=phases).status_code == 201
