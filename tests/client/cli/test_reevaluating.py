from typing import Any

import pytest

AGAIN = "/challenges/digits/reevaluations"
BOARD = "/challenges/digits/phases/main/leaderboard"


def counts(**changes: Any) -> dict[str, Any]:
    return {
        "version": 2,
        "evaluations": 2,
        "outdated": 0,
        "waiting": 2,
        "failed": 0,
        "failure": "",
        **changes,
    }


def board(number: int, **ranks: int) -> dict[str, Any]:
    rows = [
        {
            "rank": rank,
            "submission": f"sub_{name}",
            "participant": name,
            "title": f"Model of {name}",
            "kind": "folder",
            "baseline": False,
            "content_digest": "sha256:" + "0" * 64,
            "evaluations": ["eva_1"],
            "values": {},
            "failed_cases": 0,
            "total_cases": 2,
            "seconds_per_case": 0.5,
            "hardware": "a CPU",
            "submitted_at": "2026-03-01T12:00:00Z",
        }
        for name, rank in ranks.items()
    ]
    return {
        "id": f"lea_{number}",
        "number": number,
        "challenge": "digits",
        "challenge_title": "Digits",
        "challenge_version": 1,
        "phase": "main",
        "created_at": "2026-03-01T12:00:00Z",
        "ranking": {},
        "ranking_sentence": "Ranked by top1.",
        "columns": [],
        "total_rows": len(rows),
        "rows": rows,
    }


@pytest.fixture
def challenge(logged_in, challenge_view):
    logged_in.on("GET /challenges/digits", (200, challenge_view))
    return logged_in


def test_ranks_that_moved_are_told_once_the_new_board_is_there(challenge, proctor):
    old, new = board(1, ada=1, bob=2, cat=3), board(2, bob=1, ada=2, cat=3)
    challenge.on(f"GET {BOARD}", (200, old), (200, old), (200, new))
    challenge.on(f"POST {AGAIN}", (202, counts()))
    challenge.on(f"GET {AGAIN}", (200, counts(waiting=1)), (200, counts(waiting=0)))
    ended = proctor("challenge", "reevaluate", "digits", "--wait", "--poll-interval", "0.05")
    assert ended.code == 0, ended.err
    moved = [line.split() for line in ended.out.splitlines() if "sub_" in line]
    assert [(row[1], row[-2], row[-1]) for row in moved] == [("bob", "2", "1"), ("ada", "1", "2")]
    assert challenge.made(f"POST {AGAIN}")[0].json() == {"phase": None}


def test_a_board_on_which_nothing_moved_says_so(challenge, proctor):
    challenge.on(f"GET {BOARD}", (200, board(1, ada=1)), (200, board(2, ada=1)))
    challenge.on(f"POST {AGAIN}", (202, counts()))
    challenge.on(f"GET {AGAIN}", (200, counts(waiting=0)))
    ended = proctor("challenge", "reevaluate", "digits", "--phase", "main", "--wait")
    assert (ended.code, ended.out) == (0, "")
    assert "No rank has moved." in ended.err
    assert challenge.made(f"POST {AGAIN}")[0].json() == {"phase": "main"}


def test_a_metric_that_fails_ends_the_wait_with_its_reason(challenge, proctor):
    challenge.on(f"GET {BOARD}", (200, board(1, ada=1)))
    challenge.on(f"POST {AGAIN}", (202, counts()))
    failed = counts(waiting=0, failed=2, failure="METRIC_FAILED: metric 'top1': boom")
    challenge.on(f"GET {AGAIN}", (200, failed))
    ended = proctor("challenge", "reevaluate", "digits", "--wait")
    assert ended.code == 1
    assert "2 scorings failed, and the board before stays. METRIC_FAILED: metric" in ended.err


def test_without_waiting_the_counts_are_printed(challenge, proctor):
    challenge.on(f"POST {AGAIN}", (202, counts(outdated=3)))
    ended = proctor("challenge", "reevaluate", "digits", "--format", "csv")
    assert ended.code == 0
    assert ended.out.splitlines()[1] == "2,2,3,2,0"
    assert "3 submissions stand on an older version" in ended.err
