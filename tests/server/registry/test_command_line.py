"""`proctor models …` as people type it, against a platform that listens."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from proctor.cli import main
from proctor.spec.digests import FolderEntry


class Ended(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def proctor(
    served: tuple[Any, int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> Callable[..., Ended]:
    """Run a command as somebody, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PROCTOR_HOST", f"http://127.0.0.1:{served[1]}")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    def run(who: Any, *arguments: str) -> Ended:
        monkeypatch.setenv("PROCTOR_TOKEN", who.token)
        capsys.readouterr()
        code = main(["models", *arguments])
        said = capsys.readouterr()
        return Ended(int(code), said.out, said.err)

    return run


def test_a_model_is_found_shown_compared_and_cited(
    published: Any, person: Any, other: Any, enter: Any, proctor: Any
) -> None:
    ann = person("ann")
    enter(ann, 0.5, title="A net", version="1.0", license="MIT")
    model = enter(ann, 0.9, title="A net", version="2.0", license="MIT", authors=["Ada L."])
    enter(person("bob"), 0.7, name="tree", title="A tree")
    found = proctor(other, "list", "net", "--license", "mit", "--format", "json")
    assert [one["id"] for one in json.loads(found.out)["items"]] == [model]
    table = proctor(other, "list", "--challenge", "tiny", "--order", "score")
    assert table.out.index("A net") < table.out.index("A tree")
    assert "2 of 2 models" in table.err
    shown = proctor(other, "show", model)
    assert "Algorithm" in shown.out
    assert "Rank 1 of 2." in shown.err
    assert "missing" in shown.out
    listed = proctor(other, "versions", model, "--format", "csv")
    assert [line.split(",")[0] for line in listed.out.splitlines()] == ["entry", "2 *", "1"]
    differs = proctor(other, "diff", model)
    assert "0.5000" in differs.out
    assert "Files that are the same: 2." in differs.err
    assert proctor(other, "cite", model).out.startswith("@software{l2")
    out = proctor(other, "cite", model, "--as", "cff", "--out", "CITATION.cff")
    assert out.code == 0
    assert "cff-version: 1.2.0" in Path("CITATION.cff").read_text()


def test_licenses_of_third_party_software_are_listed_and_held_against_open_source(
    published: Any, person: Any, other: Any, enter: Any, proctor: Any
) -> None:
    packages = [
        {"name": "numpy", "version": "2.4.6", "license": "BSD-3-Clause AND 0BSD"},
        {"name": "cuda", "version": "13", "license": "LicenseRef-NVIDIA-Proprietary"},
    ]
    model = enter(person("ann"), metadata={"packages": packages})
    listed = proctor(other, "licenses", model)
    assert listed.code == 0
    assert listed.out.index("restricted") < listed.out.index("open source")
    assert "2 packages: 1 open source, 1 restricted." in listed.err
    rows = proctor(other, "licenses", model, "--format", "csv").out.splitlines()
    assert rows[1] == "cuda,13,LicenseRef-NVIDIA-Proprietary,restricted"
    strict = proctor(other, "licenses", model, "--strict")
    assert strict.code == 1
    assert "1 of 2 packages are not surely open source: cuda." in strict.err
    unseen = enter(person("bob"), name="unseen")
    assert "Nobody has looked into this model yet." in proctor(other, "licenses", unseen).err


def test_files_are_listed_by_digest_for_those_who_may_have_them(
    published: Any, tiny: Any, person: Any, other: Any, enter: Any, proctor: Any
) -> None:
    ann = person("ann")
    closed, free = enter(ann), enter(person("bob"), name="free", license="MIT")
    entry = tiny.model.entries[0]
    line = f"{entry.path},{entry.file.size},{entry.file.digest}"
    assert line in proctor(ann, "files", closed, "--format", "csv").out.splitlines()
    assert line in proctor(other, "files", free, "--format", "csv").out.splitlines()
    refused = proctor(other, "files", closed)
    assert refused.code != 0
    assert "by its license" in refused.err


def test_layers_are_listed_as_they_were_measured(
    published: Any, person: Any, other: Any, enter: Any, proctor: Any
) -> None:
    conv = {"name": "c1", "type": "Conv", "weight_shapes": [[8, 1, 3, 3]], "parameters": 72}
    found = {"source": "net.onnx", "framework": "onnx", "type": "net", "layers": [conv]}
    model = enter(person("ann"), metadata={"models": [found | {"parameters": 72}]})
    listed = proctor(other, "layers", model)
    assert "8x1x3x3" in listed.out
    assert "72 parameters" in listed.err


def test_a_fork_has_the_files_and_says_where_it_is_from(
    published: Any, tiny: Any, person: Any, other: Any, enter: Any, proctor: Any
) -> None:
    card = b'{"name": "m", "claimed_scores": {"top1": 1.0}, "license": "MIT"}'
    ann = person("ann")
    file = ann.put_blob(card)
    tiny.blobs[file.digest] = card
    entries = (FolderEntry(path="model.json", file=file), tiny.model.entries[1])
    content = tiny.model.model_copy(update={"entries": entries})
    model = enter(ann, content=content, license="MIT")
    made = proctor(other, "fork", model, "my-own")
    assert made.out.strip() == "my-own", made.err
    written = json.loads(Path("my-own/model.json").read_text())
    assert written == {"name": "my-own", "license": "MIT", "forked_from": model}
    assert Path("my-own/model.py").read_bytes() == b"class Model: ..."
    again = proctor(other, "download", model, "--to", "my-own")
    assert (again.code, "is there already" in again.err) == (2, True)
    usage = json.loads(proctor(other, "show", model, "--format", "json").out)["elements"]
    facts = next(one for one in usage if one["element"] == "usage_statistics")["facts"]
    assert {one["name"]: one["text"] for one in facts}["downloads"] == "2"


def test_organizers_review_and_owners_withdraw(
    tiny: Any, organizer: Any, participant: Any, enter: Any, proctor: Any
) -> None:
    policy = {"version": "1", "checklist": [{"id": "fair", "text": "It is fair."}]}
    assert tiny.publish(organizer, review=policy).status_code == 201
    model = enter(participant)
    waiting = proctor(organizer, "reviews", "tiny")
    assert model in waiting.out
    assert "fair: It is fair." in waiting.err
    refused = proctor(organizer, "review", model, "--outcome", "approved")
    assert refused.code != 0
    assert "fair" in refused.err
    done = proctor(organizer, "review", model, "--outcome", "approved", "--yes", "fair")
    assert done.code == 0, done.err
    assert "1 of 1 hold" in proctor(participant, "reviews", model).out
    gone = proctor(participant, "withdraw", model, "--yes", "--reason", "Too old.")
    assert gone.code == 0
    assert "Too old." in proctor(organizer, "show", model).err
