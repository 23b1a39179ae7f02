"""A zipped model folder is the folder in it, and nothing of a hostile zip is unpacked."""

from __future__ import annotations

import json
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest

from proctor.cli.failures import CommandError
from proctor.cli.zipped_folders import unzipped_folder


@pytest.fixture
def model(proctor: Any, tmp_path: Path) -> Path:
    proctor("model", "init", tmp_path / "net")
    return tmp_path / "net"


def zipped(model: Path, path: Path, top: str = "", **more: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        if top:
            archive.mkdir(top)
        for file in sorted(model.rglob("*")):
            if file.is_file():
                archive.write(file, f"{top}{file.relative_to(model)}")
        for name, content in more.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("top", ["", "net-main/"])
def test_a_zipped_folder_runs_as_the_folder_does(
    proctor: Any, model: Path, tmp_path: Path, top: str
) -> None:
    proctor("challenge", "init", tmp_path / "exam")
    path = zipped(model, tmp_path / "net.zip", top, **{"__MACOSX/._model.py": b"x"})
    ended = proctor("run", tmp_path / "exam", path, "--sandbox", "process", "--format", "json")
    assert ended.code == 0, ended.err
    assert {case["outcome"] for case in json.loads(ended.out)["cases"]} == {"OK"}


def test_a_zipped_folder_is_submitted_as_the_same_content(
    proctor: Any,
    logged_in: Any,
    challenge_view: Any,
    submission_view: Any,
    model: Path,
    tmp_path: Path,
) -> None:
    logged_in.on("GET /challenges/digits", (200, challenge_view))
    logged_in.on("POST /submissions", (201, submission_view()))
    path = zipped(model, tmp_path / "any name.zip", "net-main/")
    for name in (model, path):
        ended = proctor("submit", name, "--challenge", "digits")
        assert ended.code == 0, ended.err
    first, second = (call.json() for call in logged_in.made("POST /submissions"))
    assert first["content"] == second["content"]
    assert first["card"] == second["card"]


def link(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name)
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    return member


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("../climbs.py", "is no plain relative name"),
        ("/etc/passwd", "is no plain relative name"),
        ("a\\\\b", "is no plain relative name"),
        (link("weights.npy"), "is a link or a special file"),
        ("model.py", "is there twice"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_nothing_of_a_hostile_zip_is_unpacked(
    proctor: Any, model: Path, tmp_path: Path, name: Any, said: str
) -> None:
    path = zipped(model, tmp_path / "net.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, b"/etc/passwd")
    ended = proctor("model", "test", path, "--sandbox", "process")
    assert ended.code == 1
    assert said in ended.err
    assert "Nothing of it was unpacked" in ended.err
    assert not (tmp_path / "climbs.py").exists()


@pytest.mark.parametrize("flag", [0x1, 0x20, 0x40])
def test_a_zip_whose_members_cannot_be_read_is_refused(tmp_path: Path, flag: int) -> None:
    path = tmp_path / "net.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.py", b"")
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= flag
    path.write_bytes(content)

    with pytest.raises(CommandError, match="or patches another"), unzipped_folder(path):
        pass


def test_a_zip_that_unpacks_to_very_much_is_refused(
    proctor: Any, model: Path, tmp_path: Path
) -> None:
    path = zipped(model, tmp_path / "net.zip", **{"zeros.npy": bytes(1 << 24)})
    ended = proctor("model", "test", path, "--sandbox", "process")
    assert ended.code == 1
    assert "more than 100 times its size" in ended.err


def test_a_zip_without_a_model_is_told_as_its_folder_is(proctor: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    path = zipped(tmp_path / "empty", tmp_path / "net.zip", **{"notes.txt": b"x"})
    ended = proctor("model", "test", path, "--sandbox", "process")
    assert ended.code == 1
    assert "model.json cannot be read" in ended.err
