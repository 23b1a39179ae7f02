from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from proctor.spec.leaderboard import Leaderboard
from proctor_platform.database import Database
from proctor_platform.leaderboards.snapshot import make_board
from proctor_platform.tables import LeaderboardSnapshot

BOARD = "/challenges/tiny/phases/main/leaderboard"


@pytest.fixture
def three(
    published: Any,
    enter: Any,
    person: Any,
    organizer: Any,
    scores: Any,
    dispatch: Callable[[], None],
) -> dict[str, str]:
    """Ann .9, a baseline .5, bob .5: a board of three rows."""
    made = {
        "ann": enter(person("ann"), scores(1.0, 0.9, 0.8)),
        "baseline": enter(organizer, scores(0.5, 0.5, 0.5), fields={"baseline": True}),
        "bob": enter(person("bob"), scores(0.0, 0.5, 1.0)),
    }
    dispatch()
    return made


def test_a_board_ranks_marks_and_explains(three: dict[str, str], anonymous: Any) -> None:
    answer = anonymous.get(BOARD)
    assert answer.status_code == 200
    board = Leaderboard.model_validate_json(answer.content)
    assert [(row.participant, row.rank, row.baseline) for row in board.rows] == [
        ("ann", 1, False),
        ("olga", 2, True),
        ("bob", 2, False),
    ]
    assert [row.submission for row in board.rows] == list(three.values())
    (column,) = board.columns
    assert (column.key, column.title, column.decides) == ("classify/top1/mean", "top1", True)
    assert (column.definition_id, column.edge_rules) == ("top1.v1", ("none",))
    value = board.rows[0].values[column.key]
    assert (value.value, value.n_used, value.n_total) == (pytest.approx(0.9), 12, 12)
    # Ann's three cases are .8 to 1; the baseline's are all alike.
    assert value.low is not None
    assert value.high is not None
    assert 0.8 - 1e-6 <= value.low < 0.9 < value.high <= 1.0
    assert value.deviation == pytest.approx(0.1)
    flat = board.rows[1].values[column.key]
    assert (flat.low, flat.high) == (0.5, 0.5)
    # In every draw ann is above the baseline; bob, whose cases differ, may tie with her.
    assert board.rows[0].rank_low == 1
    assert sum(row.first_probability or 0 for row in board.rows) == pytest.approx(1)
    assert board.rows[0].tie_group == 1
    assert board.ranking_sentence == (
        "Ranked by top1 (higher is better) over all items. Every participant's best submission"
        " stands; intervals hold 95% of 1000 bootstrap draws."
    )
    assert board.rows[0].seconds_per_case == 0.5
    assert board.rows[0].hardware == "A CPU"
    assert (board.rows[0].failed_cases, board.rows[0].total_cases) == (0, 3)
    assert (board.number, board.total_rows, board.offset) == (1, 3, 0)


def test_rows_hold_nothing_that_is_secret(
    three: dict[str, str], anonymous: Any, published: Any
) -> None:
    text = anonymous.get(BOARD).text
    hidden = published.data["classify"].hidden
    secrets = [hidden.reference.digest(), hidden.reference.salt]
    secrets += [f.digest for case in hidden.reference.cases for f in case.files.values()]
    assert not [secret for secret in secrets if secret in text]


def test_a_page_is_a_window_of_the_whole(three: dict[str, str], anonymous: Any) -> None:
    page = anonymous.get(f"{BOARD}?offset=1&limit=1").json()
    assert [row["submission"] for row in page["rows"]] == [three["baseline"]]
    assert (page["offset"], page["total_rows"]) == (1, 3)
    assert anonymous.get(f"{BOARD}?offset=7").json()["rows"] == []
    for wrong in ("limit=0", "limit=1001", "offset=-1", "format=xml"):
        assert anonymous.get(f"{BOARD}?{wrong}").status_code == 422


def test_a_page_that_one_has_is_not_sent_again(three: dict[str, str], anonymous: Any) -> None:
    first = anonymous.get(BOARD)
    etag = first.headers["ETag"]
    again = anonymous.get(BOARD, headers={"If-None-Match": f'"other", W/{etag}'})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag)
    other_page = anonymous.get(f"{BOARD}?offset=1", headers={"If-None-Match": etag})
    assert other_page.status_code == 200
    address = first.headers["Content-Location"].removeprefix("/api/v1")
    by_id = anonymous.get(address)
    assert (by_id.content, by_id.headers["ETag"]) == (first.content, etag)


def test_the_table_has_one_line_a_submission(three: dict[str, str], anonymous: Any) -> None:
    answer = anonymous.get(f"{BOARD}?format=csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["submission"] for row in rows] == list(three.values())
    key = "classify/top1/mean"
    numbers = [float(rows[1][name]) for name in (key, f"{key} low", f"{key} high")]
    assert numbers == [0.5, 0.5, 0.5]
    assert (rows[1]["rank"], rows[1]["baseline"]) == ("2", "True")
    counts = anonymous.get(BOARD).json()["rows"][1]["values"][key]
    for name in ("n_used", "n_total"):
        assert rows[1][f"{key} {name}"] == str(counts[name])


def test_a_submission_says_where_it_stands(
    three: dict[str, str],
    enter: Any,
    person: Any,
    scores: Any,
    organizer: Any,
    dispatch: Callable[[], None],
) -> None:
    def standing(who: Any, submission: str) -> str:
        return str(who.get(f"/submissions/{submission}").json()["standing"])

    assert standing(organizer, three["ann"]).startswith("Rank 1 of 3 (1 to ")
    dora = person("dora")
    worse = enter(dora, scores(0.0, 0.0, 0.0))
    assert standing(dora, worse) == "", "no board has it yet"
    better = enter(dora, scores(1.0, 1.0, 1.0))
    dispatch()
    assert standing(dora, better) == "Rank 1 of 4 (1 to 1)."
    assert standing(dora, worse) == f"Not on the board: {better} of yours is better."
    told = f"Not on the board: {better} of the same participant is better."
    assert standing(organizer, worse) == told


def test_a_title_cannot_be_a_formula(
    published: Any,
    participant: Any,
    fake: Any,
    scores: Any,
    anonymous: Any,
    dispatch: Callable[[], None],
) -> None:
    published.enter(participant)
    fake.claim()
    card = published.card.model_copy(update={"title": '=HYPERLINK("http://evil")'})
    participant.submit(published.model, card)
    fake.run()
    fake.score(scores(1.0, 1.0, 1.0))
    dispatch()
    (row,) = csv.DictReader(io.StringIO(anonymous.get(f"{BOARD}?format=csv").text))
    assert row["title"] == '\'=HYPERLINK("http://evil")'
    assert anonymous.get(BOARD).json()["rows"][0]["title"] == '=HYPERLINK("http://evil")'


def test_snapshots_are_numbered_and_never_change(
    three: dict[str, str],
    enter: Any,
    person: Any,
    scores: Any,
    anonymous: Any,
    dispatch: Callable[[], None],
) -> None:
    before = anonymous.get(BOARD)
    enter(person("cat"), scores(1.0, 1.0, 1.0))
    dispatch()
    after = anonymous.get(BOARD).json()
    assert (after["number"], after["rows"][0]["participant"]) == (2, "cat")
    old = anonymous.get(f"/leaderboards/{before.json()['id']}")
    assert old.content == before.content
    listed = anonymous.get(f"{BOARD}s").json()
    assert [entry["number"] for entry in listed] == [2, 1]
    assert listed[1]["id"] == before.json()["id"]


def test_nothing_new_makes_no_new_snapshot(
    three: dict[str, str],
    enter: Any,
    person: Any,
    scores: Any,
    database: Database,
    anonymous: Any,
    dispatch: Callable[[], None],
    participant: Any,
) -> None:
    challenge = _challenge(database)
    assert make_board(database, challenge, "main") is None
    dispatch()
    assert anonymous.get(BOARD).json()["number"] == 1


def _challenge(database: Database) -> str:
    with database.reading() as session:
        return session.exec(select(LeaderboardSnapshot.challenge_id)).all()[0]


def test_a_participants_worse_second_entry_changes_nothing(
    three: dict[str, str],
    fake: Any,
    tiny: Any,
    person: Any,
    scores: Any,
    enter: Any,
    anonymous: Any,
    dispatch: Callable[[], None],
) -> None:
    dora = person("dora")
    best = enter(dora, scores(1.0, 1.0, 1.0))
    dispatch()
    enter(dora, scores(0.0, 0.0, 0.0))
    dispatch()
    board = anonymous.get(BOARD).json()
    assert board["number"] == 2
    assert [row["submission"] for row in board["rows"] if row["participant"] == "dora"] == [best]


def test_two_racing_makers_make_two_different_numbers(
    three: dict[str, str], database: Database, enter: Any, person: Any, scores: Any, anonymous: Any
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    enter(person("cat"), scores(1.0, 1.0, 1.0))
    challenge = _challenge(database)
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: make_board(database, challenge, "main"), range(4)))
    assert len([snapshot for snapshot in made if snapshot]) == 1
    assert anonymous.get(BOARD).json()["number"] == 2


def test_a_lost_case_is_counted_and_scored_at_its_worst(
    published: Any,
    participant: Any,
    fake: Any,
    scores: Any,
    anonymous: Any,
    dispatch: Callable[[], None],
) -> None:
    published.enter(participant)
    held = fake.claim()
    held.case("c0")
    held.case("c1", outcome="OOM")
    held.case("c2")
    held.complete_run()
    fake.score(scores(1.0, 0.0, 1.0))
    dispatch()
    (row,) = anonymous.get(BOARD).json()["rows"]
    assert (row["failed_cases"], row["total_cases"]) == (1, 3)


def test_the_widest_gap_between_strata_is_named(
    published: Any,
    participant: Any,
    enter: Any,
    scores: Any,
    anonymous: Any,
    dispatch: Callable[[], None],
) -> None:
    strata = {"writer": {"left": 0.4, "right": 0.9, "both": 0.6}, "age": {"old": 0.5, "young": 0.7}}
    enter(participant, scores(1.0, 0.5, 0.5), strata=strata)
    dispatch()
    (row,) = anonymous.get(BOARD).json()["rows"]
    assert row["gaps"] == [
        {
            "column": "classify/top1/mean",
            "stratum": "writer",
            "worst_level": "left",
            "worst": 0.4,
            "best_level": "right",
            "best": 0.9,
        }
    ]


def test_levels_that_are_equal_make_no_gap(
    published: Any,
    participant: Any,
    enter: Any,
    scores: Any,
    anonymous: Any,
    dispatch: Callable[[], None],
) -> None:
    strata = {"writer": {"left": 0.5, "right": 0.5}}
    enter(participant, scores(0.5, 0.5, 0.5), strata=strata)
    dispatch()
    (row,) = anonymous.get(BOARD).json()["rows"]
    assert row["gaps"] == []


@pytest.mark.parametrize("value", [0.6931471805599453, 0.1, 1e9 / 3])
def test_an_interval_of_equal_scores_is_their_value(
    published: Any,
    participant: Any,
    enter: Any,
    scores: Any,
    anonymous: Any,
    dispatch: Callable[[], None],
    value: float,
) -> None:
    enter(participant, scores(value, value, value))
    dispatch()
    (row,) = anonymous.get(BOARD).json()["rows"]
    found = row["values"]["classify/top1/mean"]
    assert found["low"] <= found["value"] <= found["high"]
    assert (found["low"], found["high"]) == pytest.approx((value, value), rel=1e-15)


@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
@pytest.mark.parametrize(
    ("ends", "worst", "feedback"),
    [
        (None, (1e308, 1e308, 1e308), {}),
        ((0.25, 0.75), (0.5, 0.5, 1e308), {"ladder": True}),
    ],
)
def test_an_answer_too_wrong_for_a_number_stands_last_and_takes_nothing_from_others(
    publish: Any,
    person: Any,
    enter: Any,
    scores: Any,
    board: Any,
    anonymous: Any,
    ends: tuple[float, float] | None,
    worst: tuple[float, ...],
    feedback: dict[str, Any],
) -> None:
    publish(feedback=feedback)
    facts = {"lower": ("top1",)}
    enter(person("ann"), scores(0.5, 0.25, 0.5), bca=ends, **facts)
    submission = enter(person("bob"), scores(*worst), **facts)
    shown = board()
    assert [row.participant for row in shown.rows] == ["ann", "bob"]
    ann, bob = (row.values["classify/top1/mean"] for row in shown.rows)
    assert shown.rows[1].rank == (None if bob.value is None else 2)
    assert ann.low is not None
    assert (bob.low, bob.high) == (None, None)
    assert ("BCa intervals hold 95%" in shown.ranking_sentence) == (ends is not None)
    for address in (f"/submissions/{submission}/archive", f"/leaderboards/{shown.id}/statistics"):
        assert anonymous.get(address).status_code < 500, address


def test_intervals_are_bca_as_soon_as_every_score_on_the_board_has_one(
    published: Any, person: Any, enter: Any, scores: Any, board: Any
) -> None:
    key = "classify/top1/mean"
    enter(person("ann"), scores(0.9, 0.9, 0.9), bca=(0.25, 0.75))
    shown = board()
    assert "; BCa intervals hold 95% of 1000 bootstrap draws." in shown.ranking_sentence
    value = shown.rows[0].values[key]
    assert (value.low, value.high) == (0.25, 0.75)
    # A score from before there was BCa has replicates alone.
    enter(person("bob"), scores(0.5, 0.5, 0.5))
    shown = board()
    assert "; intervals hold" in shown.ranking_sentence
    ends = [(row.values[key].low, row.values[key].high) for row in shown.rows]
    assert ends == [(pytest.approx(0.9), pytest.approx(0.9)), (0.5, 0.5)]


def test_labels_come_in_order_and_the_mean_last_and_two_columns_can_decide(
    tiny: Any,
    tiny_phase: Any,
    organizer: Any,
    person: Any,
    enter: Any,
    anonymous: Any,
    dispatch: Any,
) -> None:
    task = tiny.spec.tasks[0].model_dump(mode="json")
    task["metrics"].append(
        {"id": "loss", "name": "log_loss", "output": "probabilities", "reference": "labels"}
    )
    columns = [
        {"task": "classify", "metric": "top1", "label": "b"},
        {"task": "classify", "metric": "loss"},
    ]
    phase = tiny_phase(ranking={"scheme": "rank_sum", "columns": columns})
    assert tiny.publish(organizer, tasks=[task], phases=[phase]).status_code == 201

    def values(b: float, loss: float) -> Any:
        cases = ("c0", "c1", "c2")
        return {
            "top1": {name: dict.fromkeys(cases, b) for name in ("mean", "b", "a")},
            "loss": {"mean": dict.fromkeys(cases, loss)},
        }

    # Ranks by hand: ann 1 and 3, bob 2 and 1, cat 3 and 2: sums 4, 3, 5.
    enter(person("ann"), values(0.9, 0.7), lower=("loss",))
    enter(person("bob"), values(0.8, 0.2), lower=("loss",))
    enter(person("cat"), values(0.1, 0.3), lower=("loss",))
    dispatch()
    board = anonymous.get(BOARD).json()
    assert [(column["title"], column["decides"]) for column in board["columns"]] == [
        ("top1 a", False),
        ("top1 b", True),
        ("top1 mean", False),
        ("loss", True),
    ]
    assert [(row["participant"], row["rank"]) for row in board["rows"]] == [
        ("bob", 1),
        ("ann", 2),
        ("cat", 3),
    ]
    assert board["rows"][0]["first_probability"] == 1
    assert "by the sum of those ranks" in board["ranking_sentence"]
    assert "loss (lower is better)" in board["ranking_sentence"]


def test_ranking_within_cases_uses_every_cases_score(
    tiny: Any,
    tiny_phase: Any,
    organizer: Any,
    person: Any,
    enter: Any,
    scores: Any,
    anonymous: Any,
    dispatch: Any,
) -> None:
    phase = tiny_phase(ranking={"scheme": "rank_then_mean"})
    assert tiny.publish(organizer, phases=[phase]).status_code == 201
    enter(person("ann"), scores(1.0, 0.4, 0.4))
    enter(person("bob"), scores(0.0, 0.75, 0.75))
    dispatch()
    board = anonymous.get(BOARD).json()
    assert [row["participant"] for row in board["rows"]] == ["bob", "ann"]
    # Bob is behind only in draws that hold the first case at least twice: 7 of 27.
    assert board["rows"][1]["first_probability"] == pytest.approx(7 / 27, abs=0.05)


def test_scores_by_another_definition_are_not_compared(
    three: dict[str, str], enter: Any, person: Any, scores: Any, anonymous: Any, dispatch: Any
) -> None:
    enter(person("cat"), scores(0.1, 0.1, 0.1), definition="v2")
    dispatch()
    rows = anonymous.get(BOARD).json()["rows"]
    assert [(row["participant"], row["rank"]) for row in rows if row["rank"]] == [("cat", 1)]
    assert all(not row["values"] for row in rows if row["participant"] != "cat")


def test_a_new_text_keeps_everybody_on_the_board(
    three: dict[str, str],
    tiny: Any,
    organizer: Any,
    database: Database,
    anonymous: Any,
) -> None:
    assert tiny.publish(organizer, summary="Other words").status_code == 201
    make_board(database, _challenge(database), "main")
    board = anonymous.get(BOARD).json()
    assert (board["challenge_version"], board["total_rows"]) == (2, 3)


def test_a_withdrawn_or_unfinished_submission_does_not_stand(
    published: Any, participant: Any, fake: Any, anonymous: Any, dispatch: Any
) -> None:
    published.enter(participant)
    fake.run()
    dispatch()
    assert anonymous.get(BOARD).status_code == 404


def test_a_rerun_changes_its_verdict_on_the_board_and_nothing_else(
    published: Any,
    participant: Any,
    enter: Any,
    scores: Any,
    fake: Any,
    anonymous: Any,
    dispatch: Any,
) -> None:
    submission = enter(participant, scores(1.0, 0.5, 0.25))
    dispatch()
    before = anonymous.get(BOARD).json()["rows"]
    participant.post(f"/submissions/{submission}/reruns", {})
    fake.run({"c0": b"other"})
    fake.score(scores(0.0, 0.0, 0.0))
    dispatch()
    after = anonymous.get(BOARD).json()
    assert after["number"] == 2
    assert after["rows"] == [before[0] | {"rerun_verdict": "different"}]


def test_another_models_rerun_says_nothing_about_the_submission(
    published: Any,
    participant: Any,
    enter: Any,
    scores: Any,
    fake: Any,
    anonymous: Any,
    dispatch: Any,
) -> None:
    submission = enter(participant, scores(1.0, 0.5, 0.25))
    content = published.model.model_dump(mode="json")
    content["entries"][1]["file"] = participant.put_blob(b"altered").model_dump()
    participant.post(f"/submissions/{submission}/reruns", {"content": content})
    fake.run({"c0": b"other"})
    dispatch()
    assert anonymous.get(BOARD).json()["rows"][0]["rerun_verdict"] is None


@pytest.fixture
def hidden(
    tiny: Any,
    tiny_phase: Any,
    organizer: Any,
    participant: Any,
    enter: Any,
    scores: Any,
    dispatch: Any,
) -> str:
    """A hidden phase with a board of one row; the id of its snapshot."""
    phase = tiny_phase(visibility="hidden_until_close")
    assert tiny.publish(organizer, phases=[phase]).status_code == 201
    enter(participant, scores(1.0, 0.5, 0.25))
    dispatch()
    answer = organizer.get(BOARD)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


@pytest.mark.parametrize("who", ["participant", "other", "anonymous"])
def test_a_hidden_board_is_shown_to_nobody_before_the_phase_closes(
    request: pytest.FixtureRequest, hidden: str, organizer: Any, who: str
) -> None:
    asker = request.getfixturevalue(who)
    etag = organizer.get(BOARD).headers["ETag"]
    for address in (
        BOARD,
        f"{BOARD}?format=csv",
        f"{BOARD}s",
        f"/leaderboards/{hidden}",
        f"/leaderboards/{hidden}?format=csv",
    ):
        answer = asker.get(address, headers={"If-None-Match": etag})
        assert (answer.status_code, answer.json()["code"]) == (403, "NOT_YET"), address
        assert answer.json()["detail"].startswith("Phase main closes at ")


def test_a_hidden_board_is_open_to_organizers_and_admins(
    hidden: str, organizer: Any, admin: Any
) -> None:
    for who in (organizer, admin):
        assert who.get(BOARD).json()["total_rows"] == 1
        assert who.get(f"/leaderboards/{hidden}").status_code == 200
        assert len(who.get(f"{BOARD}s").json()) == 1


def test_a_hidden_board_opens_when_its_phase_closes(
    hidden: str, tiny: Any, tiny_phase: Any, organizer: Any, other: Any
) -> None:
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    phase = tiny_phase(visibility="hidden_until_close", closes_at=past)
    assert tiny.publish(organizer, phases=[phase]).status_code == 201
    assert other.get(BOARD).json()["total_rows"] == 1
    assert other.get(f"/leaderboards/{hidden}").status_code == 200


def test_a_members_board_is_not_found_by_others(
    three: dict[str, str], tiny: Any, organizer: Any, other: Any, anonymous: Any
) -> None:
    snapshot = anonymous.get(BOARD).json()["id"]
    assert tiny.publish(organizer, visibility="members").status_code == 201
    for who in (other, anonymous):
        for address in (BOARD, f"{BOARD}s", f"/leaderboards/{snapshot}"):
            assert who.get(address).status_code == 404
    assert organizer.get(BOARD).status_code == 200


def test_what_does_not_exist_is_not_found(published: Any, anonymous: Any) -> None:
    for address in (
        BOARD,
        "/challenges/tiny/phases/other/leaderboard",
        "/challenges/other/phases/main/leaderboard",
        "/leaderboards/lea_nothing",
    ):
        answer = anonymous.get(address)
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
    assert anonymous.get(f"{BOARD}s").json() == []
