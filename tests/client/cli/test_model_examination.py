"""`proctor model test`, as a person types it: every check, the exit code and the report."""

import csv
import json
import shutil
from html.parser import HTMLParser
from io import StringIO

import pytest

LEARNED = """
from pathlib import Path
import numpy as np


class Model:
    def load(self, folder):
        self.weights = np.load(Path(folder) / "weights.npy")

    def predict(self, inputs):
        images = next(iter(inputs.values()))
        brightness = images.mean(axis=(1, 2)) * self.weights[0] + self.weights[1]
        bright = 1 / (1 + np.exp(-brightness))
        return np.stack([1 - bright, bright], axis=1)
"""


@pytest.fixture
def exam(proctor, tmp_path):
    proctor("challenge", "init", tmp_path / "exam")
    return tmp_path / "exam"


@pytest.fixture
def model(proctor, tmp_path):
    import numpy as np

    proctor("model", "init", tmp_path / "net")
    shutil.rmtree(tmp_path / "net" / "samples", ignore_errors=True)
    (tmp_path / "net" / "model.py").write_text(LEARNED)
    np.save(tmp_path / "net" / "weights.npy", np.array([0.1, -11.5]))
    return tmp_path / "net"


def state(folder, /, **fields):
    card = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(card | fields))


def examined(proctor, model, exam, *options):
    ended = proctor(
        *("model", "test", model, "--challenge", exam, "--sandbox", "process"),
        *("--format", "json", *options),
    )
    found = json.loads(ended.out)
    return ended, found, {check["name"]: check for check in found["checks"]}


class Page(HTMLParser):
    """Collects tags and addresses."""

    def __init__(self):
        super().__init__()
        self.tags = set()
        self.addresses = []

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.addresses += [
            value for name, value in attributes if name in ("src", "href", "action", "srcset")
        ]


def test_a_sound_model_passes_every_check_that_this_sandbox_can_make(proctor, model, exam):
    hostile = "<script>alert(1)</script><img src=x onerror=alert(2)>\u202e"
    state(
        model,
        title=hostile,
        description=hostile * 20,
        io={
            "inputs": {"images": {"type": "array"}},
            "outputs": {"probabilities": {"type": "table", "columns": ["0", "1"]}},
        },
        resources={"memory_bytes": 512 << 20},
        model={"framework": "numpy"},
        claimed_scores={"accuracy": 0.9},
    )
    (model / "samples").mkdir()
    shutil.copy(exam / "data/sample/inputs/sample-1.npy", model / "samples" / "bright.npy")
    report = model.parent / "report.html"
    ended, found, checks = examined(proctor, model, exam, "--report", report)
    assert ended.code == 0
    assert [name for name, check in checks.items() if check["finding"] == "failed"] == []
    for name in ("files", "card", "mounts", "starts", "serve", "case", "outputs", "name"):
        assert checks[name]["finding"] == "passed"
    for name in ("same_twice", "same_through_all", "io", "claims", "framework", "samples"):
        assert checks[name]["finding"] == "passed"
    assert "bright.npy twice: probabilities (table)" in checks["rest"]["reason"]
    assert checks["network"]["finding"] == "warned"
    assert sum(check["modelhub"] for check in found["checks"]) == 7
    assert found["limits"]["memory_bytes"] == 512 << 20
    turns = {(case["protocol"], case["turn"]) for case in found["cases"]}
    assert turns == {("serve", 1), ("serve", 2), ("case", 1), ("case", 2)}
    assert {case["same"] for case in found["cases"]} == {None, True}
    is_measured(found["metadata"])
    is_one_page_of_text(report.read_text())


def is_measured(metadata):
    arrays, *_ = metadata["models"]
    assert (arrays["framework"], arrays["parameters"]) == ("numpy", 2)
    weights = {file["path"]: file for file in metadata["weights"]}
    assert (weights["weights.npy"]["bytes"], weights["weights.npy"]["unpickled"]) == (144, False)
    assert metadata["folder_bytes"] > metadata["weights_bytes"] == 144
    assert "numpy" in {package["name"] for package in metadata["packages"]}


def is_one_page_of_text(text):
    page = Page()
    page.feed(text)
    assert page.addresses == []
    assert not {"script", "img", "iframe", "link", "object"} & page.tags
    assert "script-src 'none'" in text
    assert "&lt;script&gt;" in text
    for said in ("same_twice", "weights.npy", "Completeness:", "numpy"):
        assert said in text


def test_each_check_gives_a_reason_and_a_fix(proctor, model, exam):
    (model / "weights.pkl").write_bytes(b"cos\nsystem\n(S'touch /tmp/pwned'\ntR.")
    state(
        model,
        license="Apache 2",
        io={"inputs": {"photo": {"type": "image"}}, "outputs": {"p": {"type": "table"}}},
        resources={"cpus": 128},
        claimed_scores={"dice": 1},
        model={"framework": "tensorflow"},
    )
    ended, _, checks = examined(proctor, model, exam)
    assert ended.code == 1
    wanted = {
        "io": "io.inputs are photo; the task classify has images",
        "framework": "found was numpy",
        "legal": "did you mean Apache-2.0?",
        "resources": "cpus: it asks for 128, the phase gives",
        "claims": "claimed_scores has dice",
        "weights": "weights.pkl may run code when it is read",
        "filled": "`proctor model init`: description, authors",
        "samples": "no folder samples/",
        "complete": "% of the 26 elements",
    }
    for name, said in wanted.items():
        assert said in checks[name]["reason"], name
        assert checks[name]["fix"], name
    assert "io: io.inputs are photo" in ended.err


def test_warnings_fail_a_test_that_is_strict_and_checks_are_rows(proctor, model, exam):
    ended = proctor(
        *("model", "test", model, "--challenge", exam, "--sandbox", "process"),
        *("--strict", "--format", "csv"),
    )
    assert ended.code == 1
    assert "network: The process sandbox does not enforce it" in ended.err
    rows = list(csv.DictReader(StringIO(ended.out)))
    assert {"check", "result", "why", "what to do"} == set(rows[0])
    assert {row["result"] for row in rows} == {"passed", "warned"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "it is not JSON"),
        ("[" * 100_000, "recursion limit"),
        ('{"name": "m", "licence": "MIT"}', "licence: there is no such field"),
        ('{"name": "m"}' + " " * (1 << 20), "more than 1048576 bytes"),
    ],
)
def test_a_hostile_card_fails_its_check_and_nothing_runs(proctor, model, exam, text, said):
    (model / "model.json").write_text(text)
    ended, found, checks = examined(proctor, model, exam, "--report", model.parent / "report.html")
    assert ended.code == 1
    assert checks["card"]["finding"] == "failed"
    assert said in checks["card"]["reason"]
    assert found["cases"] == []
    assert "card" in (model.parent / "report.html").read_text()


def test_a_report_in_a_folder_that_is_not_there_is_refused_before_any_work(proctor, model, exam):
    ended = proctor(
        *("model", "test", model, "--challenge", exam, "--sandbox", "process"),
        *("--report", model.parent / "nowhere" / "report.html"),
    )
    assert ended.code == 2


def test_a_model_that_cannot_start_is_not_asked_again(proctor, model, exam):
    (model / "model.py").write_text("import nothing_like_this\n")
    ended, found, checks = examined(proctor, model, exam)
    assert ended.code == 1
    assert checks["starts"]["finding"] == "failed"
    assert {case["turn"] for case in found["cases"]} <= {1}
    assert checks["metadata"]["finding"] == "warned"
    assert "nothing_like_this" in ended.err


def test_a_folder_without_an_image_or_a_dockerfile_is_told_so(proctor, model, exam):
    state(model, runtime=None)
    (model / "Dockerfile").unlink()
    ended = proctor("model", "test", model, "--challenge", exam, "--sandbox", "process")
    assert ended.code == 1
    assert "names no runtime image" in ended.err
    assert '"runtime": "runtime-cpu"' in ended.err
