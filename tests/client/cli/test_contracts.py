"""Which contract an image keeps: as a person, its files, or its label say."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from proctor.cli.contracts import foreign_of, read_contract
from proctor.cli.failures import CommandError
from proctor.spec.contract import Contract, Door, ModelHubContract
from proctor.spec.digests import digest_bytes

INIT = {
    "docker_id": "modelhub/mxnet-modelhub:1.0.0",
    "external_contrib_files": [
        {"src_url": "https://example.org/m.h5", "dest_file_path": "/contrib_src/model/model.h5"}
    ],
}


def save(path: Path, labels: dict[str, str]) -> str:
    """Write the archive of an image of one file, as `docker save` does, and return its id."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("hello.txt"))
    digest = digest_bytes(layer.getvalue())
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Cmd": ["python3", "app.py"], "Labels": labels},
            "rootfs": {"type": "layers", "diff_ids": [digest]},
        }
    ).encode()
    manifest = [{"Config": "config.json", "RepoTags": None, "Layers": ["layer.tar"]}]
    files = {
        "manifest.json": json.dumps(manifest).encode(),
        "config.json": config,
        "layer.tar": layer.getvalue(),
    }
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return digest_bytes(config)


@pytest.fixture
def submitted(proctor, logged_in, challenge_view, submission_view, tmp_path):
    """Submit an image with a label and options, and return the content that was sent."""

    def submit(label: str | None = None, *options: object) -> dict[str, object]:
        logged_in.on("GET /challenges/digits", (200, challenge_view))
        logged_in.on("POST /submissions", (201, submission_view()))
        save(tmp_path / "image.tar", {} if label is None else {"proctor.contract": label})
        ended = proctor("submit", "digits", tmp_path / "image.tar", *options)
        assert ended.code == 0, ended.err
        *_, call = logged_in.made("POST /submissions")
        content = call.json()["content"]
        assert isinstance(content, dict)
        return content

    return submit


def test_an_image_is_native_when_nobody_says_otherwise(submitted):
    assert "contract" not in submitted()


def test_a_contract_is_sent_with_the_image(submitted, tmp_path):
    assert submitted(None, "--contract", "max")["contract"]["name"] == "max"
    (tmp_path / "c.json").write_text('{"name": "max", "query": {"threshold": "0"}}')
    content = submitted(None, "--contract", tmp_path / "c.json")
    assert content["contract"]["query"] == {"threshold": "0"}


def test_a_label_declares_what_an_option_may_overrule(submitted):
    assert submitted("modelhub")["contract"]["name"] == "modelhub"
    assert submitted('{"name": "modelhub", "door": "rest"}')["contract"]["door"] == "rest"
    assert "contract" not in submitted("modelhub", "--contract", "native")


def test_a_label_that_is_no_contract_is_told(proctor, logged_in, challenge_view, tmp_path):
    logged_in.on("GET /challenges/digits", (200, challenge_view))
    save(tmp_path / "image.tar", {"proctor.contract": "telepathy"})
    ended = proctor("submit", "digits", tmp_path / "image.tar")
    assert ended.code == 1
    assert "label proctor.contract is 'telepathy', which is no contract" in ended.err


def test_a_folder_keeps_the_native_contract(proctor, logged_in, challenge_view, tmp_path):
    proctor("model", "init", tmp_path / "net")
    logged_in.on("GET /challenges/digits", (200, challenge_view))
    ended = proctor("submit", "digits", tmp_path / "net", "--contract", "max")
    assert ended.code == 2
    assert "--contract max goes with an image" in ended.err


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("telepathy", "There is no contract 'telepathy'"),
        ("medperf", "There is no contract 'medperf' that its name alone describes"),
        ('{"name": "max", "send": "smoke"}', "max.send: Input should be"),
        ('{"name": "max", "field', "is not JSON"),
    ],
)
def test_what_is_no_contract_is_wrong_usage(tmp_path, said, told):
    if said.startswith("{"):
        (tmp_path / "c.json").write_text(said)
        said = str(tmp_path / "c.json")
    with pytest.raises(CommandError, match=told):
        read_contract(said)


@pytest.fixture
def repository(tmp_path):
    for folder in ("init", "contrib_src/model"):
        (tmp_path / "svc" / folder).mkdir(parents=True)
    (tmp_path / "svc/init/init.json").write_text(json.dumps(INIT))
    (tmp_path / "svc/contrib_src/model/model.h5").write_text("weights")
    return tmp_path / "svc"


def test_a_modelhub_repository_is_its_image_and_contrib_src(repository):
    found = foreign_of(repository)
    assert found is not None
    assert found.image == "modelhub/mxnet-modelhub:1.0.0"
    assert found.weights == repository / "contrib_src"
    assert found.contract == ModelHubContract(door=Door.AUTO)
    assert found.contract.name is Contract.MODELHUB


def test_a_file_that_a_repository_keeps_elsewhere_is_to_be_downloaded_first(repository):
    (repository / "contrib_src/model/model.h5").unlink()
    with pytest.raises(CommandError, match="is not there") as refused:
        foreign_of(repository)
    assert "Download https://example.org/m.h5" in refused.value.hint


def test_other_folders_and_files_are_nothing_foreign(tmp_path):
    (tmp_path / "model.json").write_text("{}")
    assert foreign_of(tmp_path) is None
    assert foreign_of(tmp_path / "model.json") is None
    assert foreign_of(tmp_path / "absent") is None


def test_a_submission_says_which_contract_it_keeps(proctor, logged_in, submission_view):
    logged_in.on("GET /submissions/sub_1", (200, submission_view(contract="grand-challenge")))
    assert "It keeps the contract grand-challenge." in proctor("submission", "sub_1").err
