"""The board as a person in a terminal and a program see it."""

import csv
import json
from io import StringIO

import pytest

from proctor import leaderboard
from proctor.cli.output import fitting

KEY = "classify/top1/mean"


@pytest.fixture
def boards(logged_in, challenge_view, board):
    logged_in.on("GET /challenges/digits", (200, challenge_view))
    logged_in.on("GET /challenges/digits/phases/main/leaderboard", (200, board))
    return logged_in


def test_csv_is_the_platforms_own(proctor, boards, board):
    board["total_rows"] = 700

    def page(call):
        start = 500 if "offset=500" in call.query else 0
        return 200, f"rank,{KEY},{KEY} low\n{start + 1},0.9,0.8\n"

    boards.on("GET /leaderboards/lea_1", page)
    ended = proctor("leaderboard", "digits", "--format", "csv")
    rows = list(csv.DictReader(StringIO(ended.out)))
    assert [row["rank"] for row in rows] == ["1", "501"]
    assert rows[0][f"{KEY} low"] == "0.8"
    assert all("format=csv" in call.query for call in boards.made("GET /leaderboards/lea_1"))


def test_the_table_shows_intervals_and_cleans_titles(proctor, boards):
    ended = proctor("leaderboard", "digits")
    assert "0.9912 [0.980, 1.000]" in ended.out
    assert "1 (1–2)" in ended.out
    assert "8/9" in ended.out
    assert "ada (baseline)" in ended.out
    assert "\u001b[31m" not in ended.out


def test_rows_that_cannot_be_separated_share_a_mark_that_is_explained(proctor, boards, board):
    (row,) = board["rows"]
    board["rows"] = [row | {"tie_group": group} for group in (1, 1, 2)]
    board["total_rows"] = 3
    ended = proctor("leaderboard", "digits")
    lines = [line for line in ended.out.splitlines() if "(1–2)" in line]
    assert ["=1" in line for line in lines] == [True, True, False]
    assert "=2" not in ended.out
    assert "[a, b] and (1–2): where score and rank fall in 95%" in ended.err
    assert "cannot be separated" in ended.err


def test_claims_stand_beside_what_was_measured_and_are_marked(proctor, boards, board):
    (column,), (row,) = board["columns"], board["rows"]
    board["columns"] = [column | {"claimed": True}]
    claims = ({"score": 0.999, "flag": "better than measured"}, {"score": 0.98}, None)
    board["rows"] = [row | {"claimed": {KEY: claim} if claim else {}} for claim in claims]
    board["total_rows"] = 3
    ended = proctor("leaderboard", "digits")
    heading, _, *rows = ended.out.splitlines()
    assert "Top-1 claimed" in heading
    assert ["0.9990 !" in line for line in rows] == [True, False, False]
    assert "0.9800" in rows[1]
    assert "! better than the measured interval" in ended.err


def test_without_claims_there_is_no_column_for_them(proctor, boards):
    ended = proctor("leaderboard", "digits")
    assert "claimed" not in ended.out + ended.err


def test_without_ties_no_mark_is_explained(proctor, boards):
    assert "cannot be separated" not in proctor("leaderboard", "digits").err


def test_a_wide_board_does_without_what_matters_least(proctor, boards, board):
    (column,), (row,) = board["columns"], board["rows"]
    more = [f"classify/m{number}/mean" for number in range(4)]
    board["columns"] = [
        column,
        *(
            column | {"key": key, "title": f"A metric with a long name {key[10]}", "decides": False}
            for key in more
        ),
    ]
    row["values"] |= dict.fromkeys(more, row["values"][KEY])
    row["title"] = "A title " * 12
    ended = proctor("leaderboard", "digits")
    assert max(map(len, ended.out.splitlines())) <= 120
    assert "Top-1*" in ended.out
    assert "Left out for want of width: " in ended.err
    assert "kind" in ended.err.splitlines()[-1]
    wide = proctor("leaderboard", "digits", "--labels").out
    assert all(f"name {number}" in wide for number in range(4))


def test_no_line_of_a_table_ends_in_spaces(proctor, boards):
    lines = proctor("leaderboard", "digits").out.splitlines()
    assert lines == [line.rstrip() for line in lines]


def test_what_fits_is_left_as_it_is():
    rows = [{"a": 1, "kind": "folder"}]
    assert fitting(rows, ("kind",)) == rows


def test_a_snapshot_is_found_by_its_number(proctor, boards, board):
    entries = [
        {"id": f"lea_{number}", "number": number, "created_at": "2026-03-01T12:00:00Z"}
        for number in (1, 7)
    ]
    boards.on("GET /challenges/digits/phases/main/leaderboards", (200, entries))
    boards.on("GET /leaderboards/lea_7", (200, board | {"id": "lea_7"}))
    shown = json.loads(proctor("leaderboard", "digits", "--snapshot", "7", "--format", "json").out)
    assert shown["id"] == "lea_7"
    ended = proctor("leaderboard", "digits", "--snapshot", "99")
    assert ended.code == 4
    assert "digits/main has no snapshot 99." in ended.err
    assert "It has 1 to 7." in ended.err


def test_a_data_frame_of_a_board_has_what_authors_claim(boards, board):
    assert f"{KEY} claimed" not in leaderboard("digits").columns
    board["rows"][0]["claimed"] = {KEY: {"score": 0.5, "flag": "worse than measured"}}
    frame = leaderboard("digits")
    assert (frame.loc["sub_1", KEY], frame.loc["sub_1", f"{KEY} claimed"]) == (0.9912, 0.5)


def test_a_board_that_is_not_there_yet_says_only_that(proctor, boards, problem):
    title = "There is no such thing, or it is not yours to see."
    missing = problem(404, "NOT_FOUND", title, "Nothing was scored in phase main yet.")
    boards.on("GET /challenges/digits/phases/main/leaderboard", (404, missing))
    ended = proctor("leaderboard", "digits")
    assert ended.code == 4
    assert ended.err.startswith("Error: Nothing was scored in phase main yet.\n")
    assert "`proctor challenge show digits`" in ended.err


def test_who_fails_a_gate_is_marked_and_the_reason_told(proctor, boards, board):
    (row,) = board["rows"]
    failed = {"rank": None, "rank_low": None, "rank_high": None, "ineligible": ["top1 is 0.4"]}
    board["rows"] = [row, row | failed | {"title": "Other", "participant": "bob"}]
    board["total_rows"] = 2
    ended = proctor("leaderboard", "digits")
    assert "not eligible" in ended.out
    assert "Other of bob is not eligible: top1 is 0.4." in ended.err


def test_what_the_order_is_made_from_has_a_column_of_its_own(proctor, boards, board):
    board["score"] = {"title": "mean rank within cases"}
    board["rows"] = [row | {"score": 1.25} for row in board["rows"]]
    heading, _, first = proctor("leaderboard", "digits").out.splitlines()
    assert "mean rank within cases*" in heading
    assert "1.25" in first


def test_the_private_board_comes_with_how_far_it_orders_otherwise(proctor, boards, board):
    report = {
        "snapshot": {"id": "lea_1", "number": 7, "created_at": board["created_at"]},
        "sentence": "Of 9 rows 4 moved.",
        "kendall_tau": 0.5,
        "rows": 9,
        "moved_rows": 4,
        "largest_move": 3,
        "first_stays": False,
        "moves": [],
    }
    boards.on("GET /leaderboards/lea_1/overfitting", (200, report))
    private = board | {"part": "private", "ranking_sentence": "These are the private cases."}
    boards.on("GET /leaderboards/lea_1/private", (200, private))
    ended = proctor("leaderboard", "digits", "--private")
    assert "Of 9 rows 4 moved." in ended.err
    assert "These are the private cases." in ended.err
    assert "ada (baseline)" in ended.out


def test_statistics_show_how_sure_the_ranks_are_and_those_of_every_scheme(proctor, boards):
    known = {
        "title": "Top-1",
        "higher_is_better": True,
        "scheme": "mean",
        "sentence": "Ranked by Top-1.",
        "algorithms": ["a", "b"],
        "scores": [0.9, 0.8],
        "ranks": [1, 2],
        "rank_low": [1, 1],
        "rank_high": [1, 2],
        "first_probability": [0.75, 0.25],
        "tie_groups": [1, 1],
        "draws": 1000,
        "schemes": [{"name": "median", "sentence": "By the median.", "ranks": [2, 1]}],
    }
    boards.on("GET /leaderboards/lea_1/statistics", (200, known))
    ended = proctor("leaderboard", "digits", "--statistics", "--column", KEY)
    assert "2 (1–2) =1" in ended.out
    assert "median" in ended.out
    assert "Ranked by Top-1." in ended.err
    (call,) = boards.made("GET /leaderboards/lea_1/statistics")
    assert f"column={KEY.replace('/', '%2F')}" in call.query
    refused = proctor("leaderboard", "digits", "--column", KEY)
    assert "--column goes with --statistics" in refused.err


def test_statistics_of_a_metric_of_the_whole_set_have_no_intervals_to_print(proctor, boards):
    known = {
        "title": "AUROC",
        "higher_is_better": True,
        "scheme": "mean",
        "sentence": "Ranked by AUROC.",
        "algorithms": ["a"],
        "scores": [0.9],
        "ranks": [1],
    }
    boards.on("GET /leaderboards/lea_1/statistics", (200, known))
    for style in ("table", "csv"):
        assert "0.9" in proctor("leaderboard", "digits", "--statistics", "--format", style).out
