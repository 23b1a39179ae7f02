"""`proctor rank` on tables as people have them."""

import csv
import json
from io import StringIO
from pathlib import Path

import pytest

SCORES = """algorithm,case,metric,value
a,1,dice,0.9
a,2,dice,0.8
a,3,dice,0.9
b,1,dice,0.5
b,2,dice,0.6
b,3,dice,0.4
a,1,hd95,2.0
a,2,hd95,3.0
a,3,hd95,1.0
b,1,hd95,9.0
b,2,hd95,8.0
b,3,hd95,7.0
"""


@pytest.fixture
def scores(tmp_path: Path) -> Path:
    path = tmp_path / "scores.csv"
    path.write_text(SCORES)
    return path


def ranked(proctor, path, *more) -> dict[str, float]:
    ended = proctor("rank", path, "--bootstrap", 100, "--format", "json", *more)
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    return dict(zip(found["algorithms"], found["ranks"], strict=True))


def test_a_table_is_ranked_with_intervals_and_under_all_schemes(proctor, scores):
    ended = proctor("rank", scores, "--metric", "dice")
    assert ended.code == 0
    assert "1 (1–1)" in ended.out
    assert "rank_then_median" in ended.out
    assert "dice: higher is better." in ended.err
    assert "P(first): the share" in ended.err


def test_known_metrics_bring_their_direction_and_several_are_combined(proctor, scores):
    assert ranked(proctor, scores) == {"a": 1, "b": 2}
    assert ranked(proctor, scores, "--metric", "hd95") == {"a": 1, "b": 2}
    assert ranked(proctor, scores, "--metric", "dice", "--lower-is-better") == {"b": 1, "a": 2}
    assert ranked(proctor, scores, "--lower", "dice", "--metric", "dice") == {"b": 1, "a": 2}
    assert ranked(proctor, scores, "--scheme", "mrbrains13") == {"a": 1, "b": 2}


def test_a_wide_table_is_ranked_by_the_column_that_is_named(proctor, tmp_path):
    path = tmp_path / "wide.csv"
    path.write_text("team;patient;slice;error\nx;p1;1;3\nx;p1;2;4\ny;p1;1;1\ny;p1;2;\n")
    names = ("--algorithm-column", "team", "--case-column", "slice", "--value-column", "error")
    more = (*names, "--group-column", "patient", "--lower-is-better", "--missing", "drop")
    assert ranked(proctor, path, *more) == {"y": 1, "x": 2}


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ("last", {"a": 2, "b": 1}),
        ("worst", {"a": 1, "b": 2}),
        ("drop", {"a": 1, "b": 2}),
        ("-9", {"a": 2, "b": 1}),
    ],
)
def test_what_a_missing_value_counts_as_is_the_callers_choice(proctor, tmp_path, missing, expected):
    path = tmp_path / "holes.csv"
    path.write_text("algorithm,case,value\na,1,0.9\na,2,NA\nb,1,0.5\nb,2,0.4\n")
    assert ranked(proctor, path, "--missing", missing) == expected
    assert "1 of 4 values are missing" in proctor("rank", path, "--missing", missing).err


def test_tasks_are_joined_by_a_consensus(proctor, tmp_path):
    rows = [
        f"t{task},{name},{case},{value}"
        for task in range(3)
        for name, value in (("a", 0.9 if task else 0.4), ("b", 0.5), ("c", 0.3))
        for case in range(4)
    ]
    path = tmp_path / "tasks.csv"
    path.write_text("\n".join(["task,algorithm,case,value", *rows]))
    for consensus in ("mean_rank", "euclidean", "kemeny"):
        assert ranked(proctor, path, "--consensus", consensus) == {"a": 1, "b": 2, "c": 3}
    ended = proctor("rank", path, "--format", "csv")
    rows = list(csv.DictReader(StringIO(ended.out)))
    assert [row["rank in t0"] for row in rows] == ["2.0", "1.0", "3.0"]


def test_the_same_seed_gives_the_same_answer(proctor, scores):
    first, again, other = (
        proctor("rank", scores, "--seed", seed, "--format", "json", "--metric", "dice").out
        for seed in (1, 1, 2)
    )
    assert first == again
    assert json.loads(other)["ranks"] == json.loads(first)["ranks"]


def test_the_report_is_one_file(proctor, scores, tmp_path):
    ended = proctor("rank", scores, "--metric", "dice", "--report", tmp_path / "out.html")
    assert ended.code == 0
    assert "<html" in (tmp_path / "out.html").read_text()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("--algorithm-column", "algoritm"), "no column 'algoritm'. It has: 'algorithm', 'case'"),
        (("--algorithm-column", "algoritm"), "Did you mean algorithm?"),
        (("--task-column", "organ"), "--task-column"),
        (("--metric", "dcie"), "There is no metric 'dcie'. There is: 'dice', 'hd95'."),
        (("--lower", "dcie"), "--lower names 'dcie', which does not rank."),
        (("--scheme", "meen"), "Did you mean mean?"),
        (("--scheme", "quantile", "-p", "q=2"), "a quantile lies between 0 and 1"),
        (("--scheme", "quantile", "-p", "p=2"), "no parameter of quantile 'p'; there is q"),
        (("--scheme", "quantile", "-p", "q:0.1"), "is not NAME=VALUE"),
        (("--ties", "first"), "there is no ties 'first'; there is min, average, dense, max"),
        (("--missing", "first"), "--missing also takes worst or a number."),
        (("--missing", "inf"), "no finite number"),
        (("--consensus", "borda"), "there is mean_rank, euclidean, kemeny"),
        (("--bootstrap-mode", "wrong"), "there is correct, challengeR-1.0.5"),
        (("--level", "95"), "lies between 0 and 1"),
    ],
)
def test_a_slip_is_answered_with_what_there_is(proctor, scores, given, says):
    ended = proctor("rank", scores, *given)
    assert ended.code == 2
    assert says in ended.err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "has no first line with the names of its columns"),
        ("case,a,b\n1,0.9,0.8\n", "table.melt('case', var_name='algorithm')"),
        ("algorithm,case,dice,hd95\na,1,0.9,3\n", "name the one to rank by"),
        ("algorithm,case,value\n", "has no rows below its first line"),
        ("algorithm,case,value\na,1,0,5\n", "line 2: 4 fields where the first line names 3"),
        ("algorithm,case,value\na,1,good\n", "line 2: 'good' is no finite number"),
        ("algorithm,case,value\na,1,inf\n", "line 2: 'inf' is no finite number"),
        ('algorithm,case,value\na,1,"0,5"\n', "A decimal comma is read where semicolons part"),
        ("algorithm,case,value\n,1,0.5\n", "line 2: the algorithm has no name"),
        ("algorithm,case,value\na,1,0.5\na,1,0.6\n", "lines 2 and 3 both have value of a"),
        ("algorithm,case,value\na,1,\xe9\n", "is no text in UTF-8"),
    ],
)
def test_a_fault_in_a_table_names_its_line(proctor, tmp_path, text, says):
    path = tmp_path / "scores.csv"
    path.write_text(text, encoding="latin-1")
    ended = proctor("rank", path)
    assert ended.code == 2
    assert says in ended.err


def test_a_table_of_a_spreadsheet_is_read_as_it_is_saved(proctor, tmp_path):
    path = tmp_path / "export.csv"
    text = "Algorithm;Case;Value\r\na;1;0,9\r\na;2;0.8\r\nb;1;0,5\r\nb;2;0,6\r\n"
    path.write_bytes(text.encode("utf-8-sig"))
    ended = proctor("rank", path, "--bootstrap", 100, "--format", "json")
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["scores"] == pytest.approx([0.85, 0.55])


def test_what_is_assumed_of_metrics_and_gaps_is_said_here_and_in_the_report(proctor, tmp_path):
    path, report = tmp_path / "scores.csv", tmp_path / "out.html"
    path.write_text("algorithm,case,metric,value\na,1,loss,1\na,2,loss,\nb,1,loss,2\nb,2,loss,1\n")
    ended = proctor("rank", path, "--bootstrap", 100, "--report", report)
    for said in (
        "Proctor does not know loss, so that higher is better is assumed",
        "1 of 4 values are missing (a 1); each is worse than every value",
    ):
        assert said in ended.err
        assert said in report.read_text()
    assert "does not know" not in proctor("rank", path, "--lower", "loss").err


def test_one_case_or_one_algorithm_is_ranked_without_a_word_on_how_sure(proctor, tmp_path):
    path = tmp_path / "scores.csv"
    path.write_text("algorithm,case,value\na,1,0.9\nb,1,0.8\n")
    ended = proctor("rank", path)
    assert "P(first)" not in ended.out
    assert "cannot be told from one case" in ended.err
    path.write_text("algorithm,case,value\na,1,0.9\na,2,0.8\n")
    assert "There is one algorithm" in proctor("rank", path).err


def scored(path: Path, algorithm: str, values: dict[str, float]) -> Path:
    """Write a table as `proctor score` does."""
    lines = [
        f"{algorithm},p{case},{metric},{structure},{value - case / 100},,"
        for metric in ("hd95:definition=voxel6", "nsd:tolerance_mm=2")
        for structure, value in values.items()
        for case in range(4)
    ]
    path.write_text("\n".join(["algorithm,case,metric,structure,value,unit,flag", *lines]))
    return path


def test_tables_that_score_wrote_are_ranked_together_as_they_are(proctor, tmp_path):
    near = scored(tmp_path / "near.csv", "near", {"edema": 1.0, "core": 2.0, "mean": 9.0})
    far = scored(tmp_path / "far.csv", "far", {"edema": 3.0, "core": 4.0, "mean": 1.0})
    voxels = ("--metric", "hd95:definition=voxel6")
    ended = proctor("rank", near, far, *voxels, "--format", "json", "--bootstrap", 100)
    assert ended.code == 0, ended.err
    assert "hd95:definition=voxel6: lower is better." in ended.err
    assert "does not know" not in ended.err
    assert "Rows of the mean are left out beside" in ended.err
    assert json.loads(ended.out)["algorithms"] == ["near", "far"]
    means = proctor("rank", near, far, *voxels, "--task", "mean", "--format", "json")
    assert json.loads(means.out)["algorithms"] == ["far", "near"]


def test_a_row_of_two_tables_names_both(proctor, scores, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text(SCORES)
    ended = proctor("rank", scores, other)
    assert ended.code == 2
    assert f"{scores}, line 2, and {other}, line 2, both have dice of a for case 1" in ended.err
    assert "call the algorithm otherwise" in ended.err


def test_a_task_that_is_not_there_is_answered_with_those_that_are(proctor, tmp_path):
    path = scored(tmp_path / "near.csv", "near", {"edema": 1.0, "core": 2.0})
    ended = proctor("rank", path, "--task", "edma")
    assert ended.code == 2
    assert "There is no task 'edma'. There is: 'edema', 'core'." in ended.err
