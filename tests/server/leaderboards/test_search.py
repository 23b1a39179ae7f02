"""Searching a board, and what moved between two of its snapshots."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

BOARD = "/challenges/tiny/phases/main/leaderboard"


@pytest.fixture
def enter(fake: Any, tiny: Any) -> Callable[..., str]:
    """Enter under a title, run and score."""

    def one(who: Any, title: str, values: Any, **fields: Any) -> str:
        assert who.post("/challenges/tiny/join", {"terms_version": "1"}).status_code == 204
        who.have_blobs(tiny.blobs[entry.file.digest] for entry in tiny.model.entries)
        answer = who.submit(tiny.model, tiny.card.model_copy(update={"title": title}), **fields)
        assert answer.status_code == 201, answer.text
        fake.run()
        fake.score(values)
        return str(answer.json()["id"])

    return one


@pytest.fixture
def three(
    published: Any, enter: Any, person: Any, organizer: Any, scores: Any, dispatch: Any
) -> dict[str, str]:
    """Ann .9 with a U-Net, bob .5 with a forest, the organizer's baseline .2."""
    made = {
        "ann": enter(person("ann"), "Große U-Net 100%", scores(1.0, 0.9, 0.8)),
        "bob": enter(person("bob"), "Random forest", scores(0.0, 0.5, 1.0)),
        "baseline": enter(organizer, "Guess", scores(0.2, 0.2, 0.2), baseline=True),
    }
    dispatch()
    return made


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("u-net", ["ann"]),
        ("GROSSE", ["ann"]),
        ("bob", ["bob"]),
        ("forest random", ["bob"]),
        ("bob u-net", []),
        ("100%", ["ann"]),
        ("o", ["ann", "bob", "olga"]),
    ],
)
def test_a_search_finds_participants_and_titles(
    three: dict[str, str], anonymous: Any, words: str, found: list[str]
) -> None:
    board = anonymous.get(BOARD, params={"search": words}).json()
    assert [row["participant"] for row in board["rows"]] == found
    assert (board["found_rows"], board["total_rows"]) == (len(found), 3)
    assert board["search"] == words


def test_a_search_has_pages_an_etag_and_a_table_of_its_own(
    three: dict[str, str], anonymous: Any
) -> None:
    page = anonymous.get(BOARD, params={"search": "o", "limit": 1, "offset": 1})
    assert [row["participant"] for row in page.json()["rows"]] == ["bob"]
    assert page.json()["rows"][0]["rank"] == 2
    etag = page.headers["ETag"]
    assert etag != anonymous.get(BOARD, params={"limit": 1, "offset": 1}).headers["ETag"]
    assert anonymous.get(page.headers["Content-Location"].removeprefix("/api/v1")).json() == (
        page.json()
    )
    table = anonymous.get(BOARD, params={"search": "forest", "format": "csv"}).text
    assert table.count("\n") == 2
    assert "bob" in table


def test_a_submission_is_found_by_its_id(three: dict[str, str], anonymous: Any) -> None:
    board = anonymous.get(BOARD, params={"search": three["bob"]}).json()
    assert [row["submission"] for row in board["rows"]] == [three["bob"]]


def test_a_search_of_more_than_a_hundred_letters_is_refused(three: Any, anonymous: Any) -> None:
    assert anonymous.get(BOARD, params={"search": "x" * 101}).status_code == 422


def test_what_moved_is_told_by_participant_the_arrivals_first(
    three: dict[str, str],
    anonymous: Any,
    person: Any,
    enter: Any,
    scores: Any,
    dispatch: Any,
) -> None:
    before = anonymous.get(BOARD).json()["id"]
    enter(person("cleo"), "New", scores(1.0, 1.0, 1.0))
    dispatch()
    after = anonymous.get(BOARD).json()["id"]
    changes = anonymous.get(f"/leaderboards/{after}/changes", params={"since": before}).json()
    counts = [changes[f"{name}_rows"] for name in ("moved", "new", "gone")]
    assert counts == [3, 1, 0]
    told = [(move["participant"], move["before"], move["now"]) for move in changes["moves"]]
    assert told == [("cleo", None, 1), ("ann", 1, 2), ("bob", 2, 3), ("olga", 3, 4)]
    back = anonymous.get(f"/leaderboards/{before}/changes", params={"since": after}).json()
    assert (back["new_rows"], back["gone_rows"]) == (0, 1)
    assert anonymous.get(f"/leaderboards/{after}/changes").json() == changes
    assert anonymous.get(f"/leaderboards/{before}/changes").status_code == 404


def test_a_participants_better_entry_is_a_move_and_no_arrival(
    published: Any, anonymous: Any, person: Any, enter: Any, scores: Any, dispatch: Any
) -> None:
    ann, bob = person("ann"), person("bob")
    enter(ann, "First", scores(0.5, 0.5, 0.5))
    enter(bob, "Second", scores(0.4, 0.4, 0.4))
    dispatch()
    before = anonymous.get(BOARD).json()["id"]
    better = enter(bob, "Better", scores(1.0, 1.0, 1.0))
    dispatch()
    after = anonymous.get(BOARD).json()["id"]
    changes = anonymous.get(f"/leaderboards/{after}/changes", params={"since": before}).json()
    assert (changes["moved_rows"], changes["new_rows"], changes["gone_rows"]) == (2, 0, 0)
    moved = {move["participant"]: move for move in changes["moves"]}
    assert (moved["bob"]["before"], moved["bob"]["now"]) == (2, 1)
    assert moved["bob"]["submission"] == better


def test_changes_of_a_board_that_is_hidden_are_not_found(three: Any, anonymous: Any) -> None:
    board = anonymous.get(BOARD).json()["id"]
    stranger = f"lea_{'0' * 26}"
    answer = anonymous.get(f"/leaderboards/{board}/changes", params={"since": stranger})
    assert answer.status_code == 404
