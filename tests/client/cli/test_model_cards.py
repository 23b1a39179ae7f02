"""`proctor model upgrade` and `proctor model check`, as a person types them."""

import csv
import json
import os
from io import StringIO
from pathlib import Path

import pytest

from proctor.spec.card.reading import read_card_file

CONFIG = {
    "id": "0f6a1c9e-0f7e-4a58-8d3a-6d5f0f2b9d11",
    "meta": {
        "name": "lobe-net",
        "application_area": "Lung CT",
        "task": "Segmentation",
        "task_extended": "Lung lobe segmentation",
        "data_type": "CT",
    },
    "model": {
        "description": "A small U-Net",
        "provenance": "contributed by author",
        "architecture": "CNN",
        "learning_type": "Supervised learning",
        "format": ".onnx",
        "io": {
            "input": {"format": ["image/jpg"], "dim_limits": [{"min": 1, "max": 4}]},
            "output": [{"name": "probabilities", "type": "label_list"}],
        },
    },
    "modelhub": {},
}


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "lobe-net"
    for name, text in {
        "contrib_src/model/config.json": json.dumps(CONFIG),
        "contrib_src/license/model": "Apache License, Version 2.0",
        "init/init.json": json.dumps({"docker_id": "modelhub/pytorch:1"}),
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_a_modelhub_repository_without_a_card_is_told_how_to_get_one(proctor, repository):
    ended = proctor("model", "check", repository)
    assert ended.code == 1
    assert f"proctor model upgrade {repository}" in " ".join(ended.err.split())


def test_a_modelhub_repository_gets_a_card_and_a_list_of_what_changed(proctor, repository):
    ended = proctor("model", "upgrade", repository, "--format", "csv")
    assert ended.code == 0
    rows = list(csv.DictReader(StringIO(ended.out)))
    assert {row["what"] for row in rows} == {"changed", "lost"}
    assert "modelhub/pytorch:1" in ended.out
    card = read_card_file(repository / "model.json")
    assert (card.name, card.license) == ("lobe-net", "Apache-2.0")
    assert json.loads((repository / "model.json").read_text())["io"]["inputs"]["single"] == {
        "type": "image",
        "formats": ["image/jpeg"],
        "form": "both",
        "dim_limits": [{"min": 1, "max": 4}],
    }
    assert "% complete" in ended.err


def test_a_card_is_not_written_over(proctor, repository):
    config = repository / "contrib_src/model/config.json"
    assert proctor("model", "upgrade", config).code == 0
    again = proctor("model", "upgrade", config)
    assert again.code == 2
    assert "is there already" in again.err
    assert proctor("model", "upgrade", config, "--force").code == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "recursion limit"),
        ('{"name": "m"}', "is no ModelHub config"),
        ('{"meta": {"name": "m"}, "model": {"io": {}}}', "io.inputs: "),
    ],
)
def test_a_file_that_is_no_config_is_refused_in_words(proctor, tmp_path, text, said):
    (tmp_path / "config.json").write_text(text)
    ended = proctor("model", "upgrade", tmp_path)
    assert ended.code == 1
    assert said in ended.err
    assert not (tmp_path / "model.json").exists()


def test_a_folder_without_a_config_is_wrong_usage(proctor, tmp_path):
    ended = proctor("model", "upgrade", tmp_path)
    assert ended.code == 2
    assert "holds no ModelHub config" in ended.err


@pytest.fixture
def model(proctor, tmp_path):
    proctor("model", "init", tmp_path / "net")
    return tmp_path / "net"


def test_a_card_is_checked_without_running_anything(proctor, model):
    (model / "model.py").write_text("raise SystemExit(7)")
    ended = proctor("model", "check", model, "--format", "json")
    assert ended.code == 0
    found = json.loads(ended.out)
    checks = {check["name"]: check["finding"] for check in found["checks"]}
    assert checks["card"] == checks["files"] == "passed"
    assert checks["filled"] == "warned"
    assert found["completeness"]["percent"] < 60
    assert "training_set (training.data)" in ended.err


@pytest.mark.parametrize("name", [b"a\nb", b"a\\b", b"\xff", b"\x1b[31m"])
def test_a_name_that_cannot_be_taken_along_is_told(proctor, model, name):
    Path(os.fsdecode(os.fsencode(model) + b"/" + name)).touch()
    ended = proctor("model", "check", model)
    assert ended.code == 1
    assert "give it another name" in ended.err
    assert "\x1b" not in ended.err


def test_every_problem_of_a_card_is_a_row_with_its_path(proctor, model):
    (model / "model.json").write_text(
        json.dumps({"name": "m", "io": {"inputs": {}}, "resources": {"cpus": 0}})
    )
    ended = proctor("model", "check", model / "model.json", "--format", "csv")
    assert ended.code == 1
    told = {row["why"].partition(":")[0] for row in csv.DictReader(StringIO(ended.out))}
    assert told == {"io.inputs", "io.outputs", "resources.cpus"}


def test_a_folder_shows_what_its_card_states(proctor, model):
    ended = proctor("model", "show", model, "--format", "csv")
    assert ended.code == 0
    rows = {row["field"]: row for row in csv.DictReader(StringIO(ended.out))}
    assert rows["license"]["value"] == "Apache-2.0"
    assert rows["protocols"]["value"] == "case, serve"
    assert {row["from"] for row in rows.values()} == {"stated"}
    assert "Nothing was measured yet" in ended.err
