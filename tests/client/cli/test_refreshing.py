from typing import Any

import pytest

AGAIN = "/challenges/digits/refreshes"
BOARD = "/challenges/digits/phases/main/leaderboard"


def counts(**changes: Any) -> dict[str, Any]:
    return {
        "version": 2,
        "runs": 2,
        "outdated": 0,
        "predictions": 0,
        "waiting": 2,
        "failed": 0,
        "failure": "",
        **changes,
    }


@pytest.fixture
def challenge(logged_in, challenge_view):
    logged_in.on("GET /challenges/digits", (200, challenge_view))
    return logged_in


def test_ranks_on_the_new_test_set_are_told_when_all_have_run(challenge, proctor, board):
    new = board | {"id": "lea_2", "rows": [board["rows"][0] | {"rank": 2}]}
    challenge.on(f"GET {BOARD}", (200, board), (200, board), (200, new))
    challenge.on(f"POST {AGAIN}", (202, counts()))
    challenge.on(f"GET {AGAIN}", (200, counts(waiting=1)), (200, counts(waiting=0)))
    ended = proctor("challenge", "refresh", "digits", "--wait", "--poll-interval", "0.05")
    assert ended.code == 0, ended.err
    (moved,) = [line.split() for line in ended.out.splitlines() if "sub_" in line]
    assert moved[-2:] == ["1", "2"]
    assert challenge.made(f"POST {AGAIN}")[0].json() == {"phase": None, "best": False}


def test_what_cannot_run_is_counted(challenge, proctor):
    challenge.on(f"POST {AGAIN}", (202, counts(runs=0, outdated=3, predictions=4)))
    ended = proctor("challenge", "refresh", "digits", "--best", "--format", "csv")
    assert ended.code == 0
    assert ended.out.splitlines()[1] == "2,0,3,4,2,0"
    assert "4 submissions are predictions" in ended.err
    assert "3 submissions answer in other files" in ended.err
    assert challenge.made(f"POST {AGAIN}")[0].json()["best"] is True


def test_a_failure_that_is_no_models_ends_the_wait_with_its_reason(challenge, proctor, board):
    challenge.on(f"GET {BOARD}", (200, board))
    challenge.on(f"POST {AGAIN}", (202, counts()))
    failed = counts(waiting=0, failed=1, failure="SANDBOX_FAILED: no Docker")
    challenge.on(f"GET {AGAIN}", (200, failed))
    ended = proctor("challenge", "refresh", "digits", "--wait")
    assert ended.code == 1
    assert "SANDBOX_FAILED: no Docker" in ended.err


def test_an_organizer_is_told_why_the_board_is_held(challenge, proctor, board, challenge_view):
    held = "The board of main stays as it was: scoring 1 of its runs anew failed."
    told = {"version": 2, "outdated": 0, "waiting": 0, "failed": 1, "held": held}
    challenge.on(f"GET {BOARD}", (200, board))
    challenge.on("GET /challenges/digits/reevaluations", (200, told))
    assert held not in proctor("leaderboard", "digits").err
    challenge.on("GET /challenges/digits", (200, challenge_view | {"organizer": True}))
    assert held in proctor("leaderboard", "digits").err
