import csv
import json
from io import StringIO

import pytest
import yaml

from proctor.cli.sandboxes import ReadySandbox, ready_sandbox, usable_sandbox
from proctor.cli.services.errors import ServiceError
from proctor.client import Blob
from proctor_runner.images.errors import ImageBuildError

RANDOM_MODEL = """
import numpy as np

class Model:
    def predict(self, inputs):
        rows = np.random.default_rng().random((12, 2))
        return rows / rows.sum(axis=1, keepdims=True)
"""
FAILING_MODEL = """
class Model:
    def predict(self, inputs):
        print("looking at", sorted(inputs))
        raise RuntimeError("no weights")
"""


@pytest.fixture
def exam(proctor, tmp_path):
    proctor("challenge", "init", tmp_path / "exam")
    return tmp_path / "exam"


@pytest.fixture
def model(proctor, tmp_path):
    proctor("model", "init", tmp_path / "net")
    return tmp_path / "net"


def test_a_model_runs_on_the_public_sample_of_a_platform(
    proctor, logged_in, challenge_view, exam, model
):
    spec = yaml.safe_load((exam / "challenge.yaml").read_text())
    challenge_view["challenge"] = json.loads(json.dumps(spec, default=str))
    logged_in.on("GET /challenges/exam", (200, challenge_view))
    split = {"inputs": [], "reference": []}
    for half, name in (("inputs", "images"), ("reference", "labels")):
        for case in ("sample-1", "sample-2"):
            path = exam / "data" / "sample" / half / f"{case}.npy"
            blob = Blob.of_file(path)
            logged_in.blobs[blob.ref.digest] = path.read_bytes()
            split[half].append(
                {
                    "id": case,
                    "group": case,
                    "strata": {"site": "north"},
                    "items": 12,
                    "files": {name: blob.ref.model_dump()},
                }
            )
    sample = {half: {"kind": half, "cases": cases} for half, cases in split.items()}
    logged_in.on("GET /challenges/exam/sample", (200, {"classify": sample}))
    ended = proctor("run", "exam", model, "--sandbox", "process", "--format", "csv")
    assert ended.code == 0
    rows = list(csv.DictReader(StringIO(ended.out)))
    assert {row["metric"]: row["n"] for row in rows} == {"accuracy": "24/24", "log_loss": "24/24"}
    assert "PROCESS sandbox is in use" in ended.err


def test_a_machine_without_the_gpus_of_a_phase_is_told_to_be_at_fault(proctor, exam, model):
    spec = yaml.safe_load((exam / "challenge.yaml").read_text())
    spec["phases"][0]["limits"] = {"gpu": {"min_vram_bytes": 10**15}}
    (exam / "challenge.yaml").write_text(yaml.safe_dump(spec))
    ended = proctor("run", exam, model, "--sandbox", "process")
    assert ended.code == 1
    assert "GPUs" in ended.err
    assert "This machine is at fault, not the model." in ended.err
    assert "tried again by itself" not in ended.err


def test_a_model_that_answers_differently_fails_its_test(proctor, exam, model):
    (model / "model.py").write_text(RANDOM_MODEL)
    card = json.loads((model / "model.json").read_text())
    (model / "model.json").write_text(json.dumps(card | {"protocols": ["case"]}))
    ended = proctor("model", "test", model, "--challenge", exam, "--sandbox", "process")
    assert ended.code == 1
    assert "same_twice: It answers differently the second time" in ended.err
    assert "Hint: Seed whatever it draws" in ended.err


def test_a_serving_model_that_answers_differently_is_told_so_by_its_first_run(proctor, exam, model):
    (model / "model.py").write_text(RANDOM_MODEL)
    ended = proctor("model", "test", model, "--challenge", exam, "--sandbox", "process")
    assert ended.code == 1
    assert "PROTOCOLS_DISAGREE" in ended.err
    assert "seed" in ended.err


def test_a_model_that_fails_says_where_and_what_it_printed(proctor, exam, model, monkeypatch):
    (model / "model.py").write_text(FAILING_MODEL)
    monkeypatch.chdir(exam.parent)
    ended = proctor("run", exam.name, model, "--sandbox", "process")
    assert ended.code == 1
    assert "CRASH" in ended.err
    assert "no weights" in ended.err
    assert "| looking at ['images']" in ended.err
    assert "All 2 cases failed alike: " in ended.err
    assert "The challenge is the folder exam here, not one of a platform." in ended.err


def test_a_log_that_differs_in_the_name_of_its_case_alone_is_shown_once(proctor, exam, model):
    card = json.loads((model / "model.json").read_text())
    card["io"]["inputs"]["scan"] = card["io"]["inputs"].pop("images")
    (model / "model.json").write_text(json.dumps(card))
    ended = proctor("run", exam, model, "--sandbox", "process")
    assert ended.code == 1
    assert "case sample-2: CRASH" in ended.err
    assert ended.err.count("| Traceback") == 1


def test_a_crashed_case_is_not_the_same_again(proctor, exam, model):
    (model / "model.py").write_text(FAILING_MODEL)
    ended = proctor(
        "model", "test", model, "--challenge", exam, "--sandbox", "process", "--format", "json"
    )
    assert ended.code == 1
    found = json.loads(ended.out)
    assert {(case["outcome"], case["same"]) for case in found["cases"]} == {("CRASH", None)}
    checks = {check["name"]: check["finding"] for check in found["checks"]}
    assert (checks["serve"], checks["case"]) == ("failed", "skipped")
    assert "| looking at ['images']" in ended.err
    assert "proctor model test" not in ended.err


def test_a_platform_gives_no_hidden_data(proctor, logged_in, model):
    ended = proctor("run", "exam", model, "--split", "hidden", "--sandbox", "process")
    assert ended.code == 2
    assert logged_in.calls == []


def test_a_task_that_the_challenge_does_not_have_is_named(proctor, exam, model):
    card = json.loads((model / "model.json").read_text())
    (model / "model.json").write_text(json.dumps(card | {"tasks": ["segment"]}))
    ended = proctor("run", exam, model, "--sandbox", "process")
    assert ended.code == 1
    assert "has none of segment" in ended.err


@pytest.mark.parametrize("command", [["run", "exam", "net"], ["model", "test", "net"]])
def test_an_unknown_sandbox_is_wrong_usage(proctor, exam, model, monkeypatch, command):
    monkeypatch.chdir(exam.parent)
    assert proctor(*command, "--sandbox", "cardboard").code == 2


def test_the_process_sandbox_is_announced_loudly(tmp_path):
    said = []
    with ready_sandbox(None, "process", tmp_path, said.append) as ready:
        assert ready.name == "process"
    assert "PROCESS" in said[0]
    assert "Run only models that you trust" in said[0]


def test_without_a_daemon_auto_is_the_process_sandbox(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr("proctor.cli.services.docker_daemon.daemon_answers", lambda: False)
    assert usable_sandbox("auto", tmp_path, said.append) == "process"
    assert "no Docker daemon answers" in said[0]


@pytest.mark.parametrize("error", [ImageBuildError, ServiceError])
def test_an_image_that_cannot_be_made_is_a_message_and_a_hint(
    proctor, exam, model, monkeypatch, error
):
    def fail(_images, _say):
        raise error("The disk is full.", "Free some space.")

    monkeypatch.setattr("proctor.cli.sandboxes._with_images", fail)
    ended = proctor("run", exam, model, "--sandbox", "docker")
    assert ended.code == 1
    assert ended.err == "Error: The disk is full.\nHint: Free some space.\n"


def test_a_local_run_says_that_it_uses_docker(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(
        "proctor.cli.sandboxes._with_images", lambda _images, _say: ReadySandbox("docker", "a", "b")
    )
    assert usable_sandbox("docker", tmp_path, said.append) == "docker"
    assert said == ["Using the docker sandbox, as a platform does."]


@pytest.mark.parametrize("place", ["docker://127.0.0.1:1/quin/net:1", "git+https://a.b/c@d#e"])
def test_a_model_that_lies_elsewhere_is_told_how_it_gets_here(proctor, exam, place):
    ended = proctor("run", exam, place)
    assert ended.code == 2
    assert "only `proctor submit` fetches from there" in ended.err
    assert "`docker pull`" in ended.err
