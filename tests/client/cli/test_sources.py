"""`proctor submit` and `proctor run` with what a model may come from, as a person uses them."""

import json
import subprocess

import pytest

from proctor.spec.work import ImageContent
from proctor.template.scaffold import scaffold

LIMITS = {
    "part_bytes": 64 << 20,
    "max_blob_bytes": 1 << 30,
    "max_folder_bytes": 1 << 20,
    "max_weights_bytes": 1 << 20,
    "max_image_bytes": 1 << 30,
    "git_hosts": ["file://"],
}


@pytest.fixture
def open_challenge(logged_in, challenge_view, submission_view, problem):
    logged_in.on("GET /challenges/digits", (200, challenge_view))
    logged_in.on("GET /limits", (200, LIMITS))
    refusal = problem(409, "BLOB_MISSING", "A file is not here.")
    logged_in.on("POST /submissions", (409, refusal), (201, submission_view()))
    return logged_in


@pytest.fixture
def archive(tmp_path):
    """A `docker save` archive of one image."""
    import hashlib
    import io
    import tarfile

    def packed(**files):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as tar:
            for name, content in files.items():
                entry = tarfile.TarInfo(name.replace("__", "."))
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
        return stream.getvalue()

    layer = packed(hello__txt=b"good morning")
    config = {
        "os": "linux",
        "architecture": "amd64",
        "config": {"Cmd": ["/x"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": None, "Layers": ["layer.tar"]}]
    path = tmp_path / "image.tar"
    path.write_bytes(
        packed(
            manifest__json=json.dumps(manifest).encode(),
            config__json=json.dumps(config).encode(),
            layer__tar=layer,
        )
    )
    return path


def test_weights_go_up_beside_the_image(proctor, open_challenge, archive, tmp_path):
    weights = tmp_path / "weights"
    (weights / "deep").mkdir(parents=True)
    (weights / "deep" / "model.bin").write_bytes(b"0123456789")
    ended = proctor("submit", "digits", archive, "--weights", weights)
    assert ended.code == 0, ended.err
    *_, call = open_challenge.made("POST /submissions")
    content = ImageContent.model_validate(call.json()["content"])
    assert [entry.path for entry in content.weights] == ["deep/model.bin"]
    assert open_challenge.blobs[content.weights[0].file.digest] == b"0123456789"
    assert content.config.digest in open_challenge.blobs


def test_weights_that_cannot_be_used_are_refused(proctor, open_challenge, archive, tmp_path):
    folder, empty, linked = tmp_path / "svc", tmp_path / "empty", tmp_path / "linked"
    scaffold(folder, "svc", "classification")
    empty.mkdir()
    linked.mkdir()
    (linked / "x").symlink_to("/etc/passwd")
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "w").write_text("w")
    for model, weights, code, said in [
        (folder, tmp_path / "weights", 2, "--weights goes with an image"),
        (archive, empty, 1, "has 0 files"),
        (archive, linked, 1, "is a link"),
        (archive, tmp_path / "nowhere", 2, "There is no folder"),
    ]:
        ended = proctor("submit", "digits", model, "--weights", weights)
        assert (ended.code, said in ended.err) == (code, True), ended.err
    assert open_challenge.made("POST /submissions") == []


def test_a_repository_at_a_commit_is_submitted_with_its_source(
    proctor, open_challenge, tmp_path, monkeypatch
):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "ada")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "ada@example.org")
    repository = tmp_path / "repository"
    scaffold(repository / "models" / "svc", "svc", "classification")

    def git(*arguments):
        done = subprocess.run(
            ["git", "-C", repository, *arguments], check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "-m", "a model")
    commit = git("rev-parse", "HEAD")
    place = f"git+file://{repository}@{commit}#models/svc"
    ended = proctor("submit", "digits", place)
    assert ended.code == 0, ended.err
    *_, call = open_challenge.made("POST /submissions")
    sent = call.json()
    assert sent["content"]["kind"] == "folder"
    assert "model.py" in [entry["path"] for entry in sent["content"]["entries"]]
    assert sent["source"] == {
        "kind": "git",
        "url": f"file://{repository}",
        "revision": commit,
        "folder": "models/svc",
    }
    open_challenge.on("GET /limits", (200, {**LIMITS, "git_hosts": ["github.com"]}))
    refused = proctor("submit", "digits", place)
    assert refused.code == 4
    assert "It takes github.com" in refused.err


def test_where_a_submission_comes_from_is_shown_letter_by_letter(
    proctor, logged_in, submission_view
):
    source = {
        "kind": "git",
        "url": "https://github.com/ada/\u001b[31msvc",
        "revision": "b" * 40,
        "folder": "m",
    }
    logged_in.on("GET /submissions/sub_1", (200, submission_view(source=source)))
    shown = proctor("submission", "sub_1").err
    assert f"[31msvc@{'b' * 40}, folder m" in shown
    assert "\u001b" not in shown
