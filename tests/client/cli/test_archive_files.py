"""What an archive file must be before anything of it is used."""

from __future__ import annotations

import io
import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proctor.cli.archive_file import open_archive
from proctor.spec.digests import digest_bytes

DIGEST = "sha256:" + "0" * 64
MOMENT = "2026-03-01T12:00:00Z"
BLOB = b"class Model: ..."


def split(name: str) -> dict[str, Any]:
    file = {"digest": digest_bytes(BLOB), "size": len(BLOB)}
    case = {"id": "c1", "group": "c1", "files": {name: file}}
    return {
        "inputs": {"kind": "inputs", "cases": [case]},
        "reference": {"kind": "reference", "cases": [case]},
    }


@pytest.fixture
def manifest(challenge_view: dict[str, Any]) -> dict[str, Any]:
    file = {"digest": digest_bytes(BLOB), "size": len(BLOB)}
    return {
        "format": 1,
        "kind": "public",
        "made_by": "0.1.0",
        "requires": "0.1.0",
        "rerunnable": True,
        "challenge": challenge_view["challenge"],
        "challenge_version": 1,
        "submission": {
            "id": "sub_1",
            "participant": "ada",
            "phase": "main",
            "kind": "folder",
            "baseline": False,
            "card": {"name": "svc"},
            "content": {
                "kind": "folder",
                "runtime": "runtime-cpu",
                "entries": [{"path": "model.py", "file": file}],
            },
            "content_digest": DIGEST,
            "submitted_at": MOMENT,
        },
        "tasks": [
            {
                "slug": "classify",
                "inputs_digest": DIGEST,
                "reference_digest": DIGEST,
                "sample": split("images"),
                "run": {
                    "id": "run_1",
                    "challenge_version": 1,
                    "alias_seed": "a",
                    "protocol": "case",
                    "environment": None,
                    "seconds": 1.0,
                    "predictions_digest": DIGEST,
                    "cases": [],
                },
            }
        ],
        "files": [{"path": "blobs/model", "file": file}],
    }


def write(
    path: Path,
    manifest: dict[str, Any] | None,
    members: dict[str, bytes] | None = None,
    *more: tuple[str, bytes],
    compression: int = zipfile.ZIP_STORED,
) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        if manifest is not None:
            archive.writestr("proctor-archive.json", json.dumps(manifest))
        for name, content in (members or {"blobs/model": BLOB}).items():
            archive.writestr(name, content)
        for name, content in more:
            archive.writestr(name, content)
    return path


@pytest.fixture
def refused(proctor: Any, tmp_path: Path) -> Callable[[Path], str]:
    """Run `proctor rerun` on a file that must be refused, and return what it says."""

    def run(path: Path) -> str:
        ended = proctor("rerun", path)
        assert ended.code == 1, ended.err
        assert ended.out == ""
        return str(ended.err)

    return run


def test_a_damaged_member_is_named(refused, manifest, tmp_path):
    other = BLOB.replace(b"M", b"N")
    said = refused(write(tmp_path / "a.zip", manifest, {"blobs/model": other}))
    assert "blobs/model is not what proctor-archive.json says" in said


def test_a_flipped_bit_is_named_even_where_only_the_checksum_of_the_zip_knows(
    refused, manifest, tmp_path
):
    path = write(tmp_path / "a.zip", manifest)
    content = path.read_bytes()
    path.write_bytes(content.replace(BLOB, BLOB.replace(b"M", b"N"), 1))
    assert "blobs/model is not what" in refused(path)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("blobs/model", "is not what proctor-archive.json says"),
        ("proctor-archive.json", "cannot be read"),
    ],
)
def test_a_packed_member_that_is_damaged_is_named(refused, manifest, tmp_path, name, what):
    path = write(tmp_path / "a.zip", manifest, compression=zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo(name).header_offset + 30 + len(name)
    content = bytearray(path.read_bytes())
    content[start] |= 0x06
    path.write_bytes(content)
    assert f"{name} {what}" in refused(path)


def test_a_manifest_nested_deeper_than_can_be_read_is_refused(refused, tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("proctor-archive.json", "[" * 200_000)
    assert "proctor-archive.json cannot be read" in refused(path)


def test_a_member_packed_in_another_way_is_refused(refused, manifest, tmp_path):
    said = refused(write(tmp_path / "a.zip", manifest, compression=zipfile.ZIP_LZMA))
    assert "is neither stored nor deflated" in said


def test_a_newer_format_says_which_proctor_reads_it(refused, manifest, tmp_path):
    newer = manifest | {"format": 2, "requires": "3.1.0", "something": "new"}
    said = refused(write(tmp_path / "a.zip", newer))
    assert "format 2; this Proctor reads up to 1" in said
    assert "Proctor 3.1.0 or newer" in said
    del newer["requires"]
    assert "It needs a newer Proctor: install" in refused(write(tmp_path / "a.zip", newer))


@pytest.mark.parametrize("number", [None, "1", True, 0, 1.5])
def test_a_format_that_is_no_number_is_refused(refused, manifest, tmp_path, number):
    said = refused(write(tmp_path / "a.zip", manifest | {"format": number}))
    assert "names no format" in said


def test_a_member_that_is_missing_is_named(refused, manifest, tmp_path):
    path = write(tmp_path / "a.zip", manifest, {"README.md": b""})
    assert "lacks blobs/model" in refused(path)


def test_a_member_that_nobody_named_is_refused(refused, manifest, tmp_path):
    path = write(tmp_path / "a.zip", manifest, None, ("more", b""))
    assert "'more' is not named by" in refused(path)


@pytest.mark.parametrize(
    "name", ["../up", "/root", "a/../../up", "a\\b", "c:/x", "blobs//x", "folder/", "a\nb"]
)
def test_a_name_that_climbs_or_is_not_plain_is_refused(refused, manifest, tmp_path, name):
    path = write(tmp_path / "a.zip", manifest, None, (name, b""))
    assert "is no plain relative name" in refused(path)
    assert "Nothing of it was unpacked" in refused(path)


def test_a_name_that_is_there_twice_is_refused(refused, manifest, tmp_path):
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = write(tmp_path / "a.zip", manifest, None, ("blobs/model", b"other"))
    assert "is there twice" in refused(path)


def test_a_link_is_refused(refused, manifest, tmp_path):
    path = write(tmp_path / "a.zip", manifest)
    link = zipfile.ZipInfo("blobs/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    assert "is a link" in refused(path)


def test_a_zip_bomb_is_refused(refused, manifest, tmp_path):
    bomb = {"blobs/model": bytes(30_000_000)}
    path = write(tmp_path / "a.zip", manifest, bomb, compression=zipfile.ZIP_DEFLATED)
    assert "times its size" in refused(path)


@pytest.mark.parametrize("keep", [0.2, 0.9])
def test_an_archive_cut_off_is_refused(refused, manifest, tmp_path, keep):
    path = write(tmp_path / "a.zip", manifest)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    assert "is no whole zip archive" in refused(path)


def test_an_archive_cut_off_behind_an_inner_zip_is_told_to_be_fetched_again(refused, tmp_path):
    inner = write(tmp_path / "a.zip", None).read_bytes()
    (tmp_path / "cut.zip").write_bytes(b"outer" + inner + b"cut")
    assert "or only a part of one" in (said := refused(tmp_path / "cut.zip"))
    assert "Fetch it again" in said


def test_what_is_no_archive_of_proctor_says_so(refused, manifest, tmp_path):
    assert "no archive of Proctor" in refused(write(tmp_path / "a.zip", None))
    missing = refused(tmp_path / "none.zip")
    assert "There is no file" in missing
    assert "proctor archive" in missing
    (tmp_path / "text.zip").write_text("words")
    assert "is no whole zip archive" in refused(tmp_path / "text.zip")


def test_a_manifest_with_a_wrong_field_names_it(refused, manifest, tmp_path):
    manifest["tasks"][0]["run"]["alias_seed"] = 3
    assert "tasks.0.run.alias_seed" in refused(write(tmp_path / "a.zip", manifest))


def test_predictions_cannot_be_run_again(refused, manifest, tmp_path):
    path = write(tmp_path / "a.zip", manifest | {"rerunnable": False})
    assert "nothing can be run again" in refused(path)


def test_without_docker_a_strangers_model_runs_only_when_that_is_asked_for(
    refused, manifest, tmp_path, monkeypatch
):
    monkeypatch.setattr("proctor.cli.services.docker_daemon.daemon_answers", lambda: False)
    path = write(tmp_path / "a.zip", manifest | {"rerunnable": True})
    assert "would run with your rights" in refused(path)


def test_bytes_that_the_manifest_needs_and_does_not_list_are_named(refused, manifest, tmp_path):
    entry = manifest["submission"]["content"]["entries"][0]
    entry["file"] = {"digest": DIGEST, "size": 3}
    assert f"lacks {DIGEST}" in refused(write(tmp_path / "a.zip", manifest))


def test_an_archive_is_checked_as_it_arrives(proctor, logged_in, manifest, tmp_path):
    whole = write(tmp_path / "whole.zip", manifest).read_bytes()
    logged_in.on("GET /submissions/sub_1/archive", (200, whole))
    out = tmp_path / "out.zip"
    ended = proctor("archive", "sub_1", "--out", out)
    assert (ended.code, ended.out.strip()) == (0, str(out)), ended.err
    assert out.read_bytes() == whole
    assert logged_in.made("GET /submissions/sub_1/archive")[0].query == "kind=public&offset=0"
    assert proctor("archive", "sub_1", "--out", out).code == 2
    damaged = whole.replace(BLOB, BLOB[::-1], 1)
    logged_in.on("GET /submissions/sub_1/archive", (200, damaged))
    ended = proctor("archive", "sub_1", "--sealed", "--out", tmp_path / "other.zip")
    assert ended.code == 1
    assert "blobs/model is not what" in ended.err
    left = {path.name for path in tmp_path.iterdir() if path.is_file()}
    assert left == {"whole.zip", "out.zip"}
    assert logged_in.made("GET /submissions/sub_1/archive")[-1].query == "kind=sealed&offset=0"


def test_the_platform_is_asked_for_what_an_archive_is_of(
    proctor, logged_in, submission_view, run_view, manifest, tmp_path
):
    done = run_view(id="run_2", purpose="rerun", verdict="identical")
    answer = submission_view(runs=[run_view(), done], final=True)
    logged_in.on("POST /submissions/sub_1/reruns", (201, answer))
    path = write(tmp_path / "a.zip", manifest)
    assert proctor("rerun", path, "--server").code == 0
    assert len(logged_in.made("POST /submissions/sub_1/reruns")) == 1


def test_nothing_is_left_open(refused, manifest, tmp_path):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("proctor-archive.json", "{")
    (tmp_path / "a.zip").write_bytes(stream.getvalue())
    assert "proctor-archive.json cannot be read" in refused(tmp_path / "a.zip")


def test_the_organizers_own_metric_may_be_missing_in_a_public_archive_alone(
    refused, manifest, tmp_path
):
    """Only organizers and scorings read its source; a public archive goes to everybody."""
    task = manifest["challenge"]["tasks"][0]
    task["metrics"].append(
        {
            "id": "own",
            "custom": {"file": "metrics/score.py", "source": {"digest": DIGEST, "size": 3}},
            "direction": "higher",
            "worst": 0.0,
            "output": next(iter(task["outputs"])),
            "reference": next(iter(task["reference"])),
        }
    )
    with open_archive(write(tmp_path / "public.zip", manifest)) as archive:
        archive.check()
    assert f"lacks {DIGEST}" in refused(
        write(tmp_path / "sealed.zip", manifest | {"kind": "sealed"})
    )
