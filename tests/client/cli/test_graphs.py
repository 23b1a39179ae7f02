"""An `.onnx` file alone, run and submitted by its name."""

import csv
import json
from importlib.resources import files
from io import StringIO
from pathlib import Path

import onnx
import pytest

SCAFFOLDS = Path(str(files("proctor.template"))) / "scaffolds" / "onnx"


@pytest.fixture
def exam(proctor, tmp_path):
    proctor("challenge", "init", tmp_path / "exam")
    return tmp_path / "exam"


@pytest.fixture
def graph(tmp_path):
    path = tmp_path / "Bright or dark.onnx"
    path.write_bytes((SCAFFOLDS / "classification.onnx").read_bytes())
    return path


@pytest.mark.parametrize("task", ["classification", "segmentation", "tabular", "text"])
def test_a_graph_alone_is_scored(proctor, tmp_path, task):
    proctor("challenge", "init", tmp_path / "exam", "--task", task)
    (tmp_path / "net.onnx").write_bytes((SCAFFOLDS / f"{task}.onnx").read_bytes())
    ended = proctor(
        "run", tmp_path / "net.onnx", "--challenge", tmp_path / "exam",
        "--sandbox", "process", "--format", "csv",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    first = next(csv.DictReader(StringIO(ended.out)))
    assert first["metric"] in {"accuracy", "dice"}
    assert float(first["value"]) > 0.8


def save_apart(path, location):
    """Save a graph as torch's exporter does: its weights in a file beside it."""
    model = onnx.load(SCAFFOLDS / "tabular.onnx")
    onnx.save(model, path, save_as_external_data=True, location=location, size_threshold=0)


def test_a_graph_whose_weights_lie_beside_it_is_scored(proctor, tmp_path):
    proctor("challenge", "init", tmp_path / "exam", "--task", "tabular")
    save_apart(tmp_path / "net.onnx", "net.onnx.data")
    assert (tmp_path / "net.onnx.data").stat().st_size > 0
    ended = proctor("run", tmp_path / "exam", tmp_path / "net.onnx", "--sandbox", "process")
    assert ended.code == 0, ended.err
    assert "accuracy" in ended.out


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("../secrets", "which is not beside it"),
        ("../mine/ab", "which is not beside it"),
        ("/etc/hosts", "which is not beside it"),
        ("weights.py", "a name that a model folder uses itself"),
        ("model.json", "a name that a model folder uses itself"),
    ],
)
def test_a_graph_takes_no_file_along_that_is_not_its_own(proctor, tmp_path, exam, place, why):
    folder = tmp_path / "mine"
    folder.mkdir()
    save_apart(folder / "net.onnx", "0123456789")
    graph = (folder / "net.onnx").read_bytes().replace(b"0123456789", place.encode())
    (folder / "net.onnx").write_bytes(graph)
    for path in (tmp_path / "secrets", folder / "ab", folder / "weights.py", folder / "model.json"):
        path.write_text("mine alone")
    ended = proctor("run", exam, folder / "net.onnx", "--sandbox", "process")
    assert ended.code == 1
    assert f"keeps weights in {place}, {why}" in ended.err


def test_a_graph_that_does_not_fit_is_told_before_it_runs(proctor, tmp_path, exam):
    (tmp_path / "net.onnx").write_bytes((SCAFFOLDS / "text.onnx").read_bytes())
    ended = proctor("run", exam, tmp_path / "net.onnx", "--sandbox", "process")
    assert ended.code == 1
    assert "does not fit task classify: The input 'texts' (string [n])" in ended.err
    assert "sandbox is in use" not in ended.err


def test_a_graph_whose_shape_does_not_fit_is_told_without_a_traceback(proctor, tmp_path, exam):
    (tmp_path / "net.onnx").write_bytes((SCAFFOLDS / "tabular.onnx").read_bytes())
    ended = proctor("run", exam, tmp_path / "net.onnx", "--sandbox", "process")
    assert ended.code == 1
    assert "cannot take 'images' (array) of the task, which has the shape (12, 8, 8)" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("content", [b"", b"not a graph", b"\x3a\x00"])
def test_what_only_has_the_name_of_a_graph_is_refused(proctor, tmp_path, exam, content):
    (tmp_path / "net.onnx").write_bytes(content)
    ended = proctor("run", exam, tmp_path / "net.onnx", "--sandbox", "process")
    assert ended.code == 1
    assert "net.onnx" in ended.err.splitlines()[0]
    assert "ONNX" in ended.err.splitlines()[0]


def test_a_graph_is_submitted_as_a_folder_of_two_files(
    proctor, logged_in, challenge_view, graph, submission_view
):
    logged_in.on("GET /challenges/digits", (200, challenge_view))
    logged_in.on("POST /submissions", (201, submission_view()))
    ended = proctor("submit", graph, "--challenge", "digits")
    assert ended.code == 0, ended.err
    sent = logged_in.made("POST /submissions")[-1].json()
    assert [one["path"] for one in sent["content"]["entries"]] == ["model.json", "model.onnx"]
    assert sent["content"]["runtime"] == "runtime-cpu"
    assert (sent["card"]["name"], sent["card"]["title"]) == ("bright-or-dark", "Bright or dark")


def test_a_graph_takes_a_card_of_its_own(
    proctor, logged_in, challenge_view, graph, submission_view, tmp_path
):
    logged_in.on("GET /challenges/digits", (200, challenge_view))
    logged_in.on("POST /submissions", (201, submission_view()))
    card = {"name": "mine", "license": "MIT", "runtime": "runtime-cpu"}
    (tmp_path / "card.json").write_text(json.dumps(card))
    proctor("submit", "digits", graph, "--card", tmp_path / "card.json")
    sent = logged_in.made("POST /submissions")[-1].json()
    assert (sent["card"]["name"], sent["card"]["license"]) == ("mine", "MIT")


def test_a_graph_of_other_columns_is_refused_before_anything_is_sent(
    proctor, logged_in, challenge_view, graph
):
    challenge_view["challenge"]["tasks"][0]["outputs"]["p"]["columns"] = ["a", "b", "c"]
    logged_in.on("GET /challenges/digits", (200, challenge_view))
    ended = proctor("submit", "digits", graph)
    assert ended.code == 1
    assert "gives 2 numbers an item; the task asks for 3 columns in 'p': a, b, c." in ended.err
    assert not logged_in.made("POST /submissions")
    assert logged_in.blobs == {}


@pytest.mark.parametrize("command", ["run", "submit"])
def test_challenge_and_model_are_both_needed_and_each_named_once(proctor, command):
    for arguments in (["net.onnx"], ["a", "net.onnx", "--challenge", "b"]):
        ended = proctor(command, *arguments)
        assert ended.code == 2
        assert "MODEL --challenge CHALLENGE" in ended.err
