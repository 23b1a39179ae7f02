"""A new model folder runs as it is, whatever it is for and whatever it is written with."""

from __future__ import annotations

import ast
import json
from importlib.util import find_spec

import pytest

from proctor.cli.made_up import task_of
from proctor.cli.new_challenge import new_challenge
from proctor.spec.model import ModelCard
from proctor.template.scaffold import RUNTIMES, TASKS, scaffold
from proctor_runner.challenge_folder import load_challenge

EVERY = [(task, framework) for framework in RUNTIMES for task in TASKS]
SEEN = [("detection", "numpy"), ("text", "onnx")]
PACKAGES = {"numpy": "numpy", "sklearn": "sklearn", "pytorch": "torch", "onnx": "onnxruntime"}
MOST_LINES = 30


@pytest.mark.parametrize("framework", ["numpy", "sklearn", "onnx"])
def test_every_scaffold_answers_a_case_of_its_task_the_same_twice(tmp_path, ask_models, framework):
    asked = []
    for task in TASKS:
        new_challenge(tmp_path / task / "exam", "exam", task)
        scaffold(tmp_path / task / "model", "mine", task, framework)
        asked += [(tmp_path / task / "exam", tmp_path / task / "model")] * 2
    answers = [answered.file.read_bytes() for answered in ask_models(asked)]
    assert answers[::2] == answers[1::2]


@pytest.mark.parametrize(
    ("task", "framework"),
    [pytest.param(*one, marks=[] if one in SEEN else [pytest.mark.slow]) for one in EVERY],
)
def test_a_scaffold_passes_its_test_unmodified(proctor, tmp_path, task, framework):
    if find_spec(PACKAGES[framework]) is None:
        pytest.skip(f"{PACKAGES[framework]} is not installed: its scaffolds are only read")
    folder = tmp_path / "mine"
    made = proctor("model", "init", folder, "--task", task, "--framework", framework)
    assert f"`proctor model test {folder}`" in made.err
    ended = proctor("model", "test", folder, "--sandbox", "process")
    assert ended.code == 0, ended.err
    assert f"made-up cases for {task}" in ended.err


@pytest.mark.parametrize(("task", "framework"), EVERY)
def test_a_scaffold_is_one_class_of_few_lines_for_the_oldest_python(tmp_path, task, framework):
    written = [path.name for path in scaffold(tmp_path, "mine", task, framework)]
    assert written[:4] == ["model.json", "model.py", "Dockerfile", "README.md"]
    assert written[4:-1] == (["model.onnx"] if framework == "onnx" else [])
    text = (tmp_path / "model.py").read_text()
    lines = text.splitlines()
    assert len(lines) < MOST_LINES
    assert max(map(len, lines)) <= 100
    parsed = ast.parse(text, feature_version=(3, 8))
    (model,) = (node for node in parsed.body if isinstance(node, ast.ClassDef))
    methods = {node.name for node in model.body if isinstance(node, ast.FunctionDef)}
    assert {"load", "predict"} <= methods <= {"load", "preprocess", "predict"}
    card = ModelCard.model_validate_json((tmp_path / "model.json").read_text())
    assert card.runtime == RUNTIMES[framework]
    assert f"proctor/{card.runtime}:" in (tmp_path / "Dockerfile").read_text()
    assert task_of(card) == task


@pytest.mark.parametrize("task", TASKS)
def test_a_scaffold_declares_what_the_made_up_challenge_of_its_task_asks(tmp_path, task):
    new_challenge(tmp_path / "exam", "exam", task)
    scaffold(tmp_path / "model", "mine", task)
    (asked,) = load_challenge(tmp_path / "exam").tasks
    io = json.loads((tmp_path / "model" / "model.json").read_text())["io"]
    assert list(io["inputs"]) == list(asked.inputs)
    assert {name: one["type"] for name, one in io["outputs"].items()} == {
        name: output.type.value for name, output in asked.outputs.items()
    }
    for name, output in asked.outputs.items():
        if output.type == "table":
            assert io["outputs"][name]["columns"] == list(output.columns)


def test_a_framework_that_has_no_scaffold_is_told_with_those_that_have(proctor, tmp_path):
    ended = proctor("model", "init", tmp_path / "mine", "--framework", "fortran")
    assert ended.code == 2
    assert "numpy, sklearn, pytorch, onnx" in ended.err
    assert not (tmp_path / "mine").exists()
