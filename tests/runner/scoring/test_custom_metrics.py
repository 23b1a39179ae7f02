"""An organizer's own function: in a sandbox, by its digest, and never a participant's fault."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from proctor.spec.base import FileRef
from proctor.spec.digests import digest_bytes
from proctor.spec.outcomes import Code, OrganizerError, PlatformError
from proctor.spec.ranking import BootstrapSpec
from proctor.spec.task import TaskSpec
from proctor.spec.work import ScoreCase, ScoreOrder
from proctor_runner.custom.answers import AnswerError, read_answers
from proctor_runner.rescoring import score_here
from proctor_runner.score_work import score_cases
from proctor_runner.workshop import SandboxWorkshop

ERRORS = """
import numpy as np
def score(prediction, reference, case):
    assert case["items"] == len(reference) and not prediction.flags.writeable
    away = np.abs(prediction - reference)[:, 0]
    return {"away": away, "far": (away > 1).astype(int)}
"""
POOLED = """
import numpy as np
def worst_of(predictions, references, cases):
    return max(
        9.0 if answer is None else float(np.abs(answer - truth).max())
        for answer, truth in zip(predictions, references)
    )
def mean(predictions, references, cases):
    pairs = zip(predictions, references)
    found = [9.0 if a is None else float(np.abs(a - r).mean()) for a, r in pairs]
    return {"all": sum(found) / len(found)}
"""


NUMBERS = (("a", (1, 2), (1, 4)), ("b", (3, 3), (3.5, 3)), ("c", None, (1, 1)))


class Desk:
    """A desk over a dict."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, content: bytes) -> FileRef:
        file = FileRef(digest=digest_bytes(content), size=len(content))
        (self._folder / file.digest[7:]).write_bytes(content)
        return file

    def array(self, *values: float) -> FileRef:
        stream = io.BytesIO()
        np.save(stream, np.array(values, dtype=np.float64)[:, np.newaxis])
        return self.put(stream.getvalue())

    def fetch(self, file: FileRef) -> Path:
        return self._folder / file.digest[7:]

    def store(self, path: Path) -> FileRef:
        return self.put(path.read_bytes())

    def store_bytes(self, content: bytes) -> FileRef:
        return self.put(content)

    def progress(self, stage: str, cases_done: int, cases_total: int) -> None: ...

    def stopped(self) -> bool:
        return False


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    (tmp_path / "blobs").mkdir()
    return Desk(tmp_path / "blobs")


@pytest.fixture
def bench(tmp_path: Path):
    return _opener("process", tmp_path, "")


def _opener(sandbox: str, folder: Path, image: str):
    @contextmanager
    def opened() -> Iterator:
        scratch = folder / "scratch"
        scratch.mkdir()
        with SandboxWorkshop(sandbox, folder / "state", "w", image).open(scratch) as tools:
            yield tools

    return opened


def order(desk: Desk, source: str, /, strata: tuple[str, ...] = (), **metric: object) -> ScoreOrder:
    """Make an order of three cases: two answered by numbers, and one that was not."""
    custom = {"file": "metrics/score.py", "source": desk.put(source.encode()).model_dump()}
    custom |= metric.pop("custom", {})
    spec = {
        "id": "own", "custom": custom, "direction": "lower", "unit": "years", "worst": 9.0,
        "output": "out", "reference": "ref",
    } | metric  # fmt: skip
    task = TaskSpec.model_validate(
        {
            "slug": "age", "title": "Age", "items_per_case": 2, "primary": "own",
            "inputs": {"x": {"type": "array", "file": "{case}.npy"}},
            "outputs": {"out": {"type": "table", "file": "o.csv", "columns": ["age"]}},
            "reference": {"ref": {"type": "values", "file": "{case}.npy"}},
            "data": {key: {"inputs": "i", "reference": "r"} for key in ("hidden", "sample")},
            "metrics": [spec, {"id": "mae", "name": "mae", "worst": 9, "output": "out",
                               "reference": "ref"}],
            "strata": list(strata),
        }
    )  # fmt: skip
    cases = []
    for name, answer, truth in (
        ("a", (1, 2), (1, 4)),
        ("b", (3, 3), (3.5, 3)),
        ("c", None, (1, 1)),
    ):
        cases.append(
            ScoreCase(
                id=name,
                group=name,
                strata=dict.fromkeys(strata, "north" if name == "a" else "south"),
                items=2,
                outcome=Code.OK if answer else Code.MISSING_OUTPUT,
                predictions={"out": desk.array(*answer)} if answer else {},
                reference={"ref": desk.array(*truth)},
            )
        )
    return ScoreOrder(
        id="eva_1", fence=1, token="", lease_s=0, run="run_1", challenge="c", task=task,
        cases=tuple(cases), inputs_digest="sha256:" + "a" * 64,
        bootstrap=BootstrapSpec(samples=200),
    )  # fmt: skip


def values(scores) -> dict[str, float | None]:
    return {f"{one.metric}/{one.label}": one.value for one in scores.aggregates}


def test_a_function_scores_items_and_missing_cases_count_at_the_declared_worst(desk, bench):
    made = order(desk, ERRORS, labels=["away", "far"])
    scores = score_cases(made, desk, bench)
    found = values(scores)
    assert found["own/away"] == pytest.approx((0 + 2 + 0.5 + 0 + 9 + 9) / 6)
    assert found["own/away"] == pytest.approx(found["mae/mean"])
    assert found["own/far"] == pytest.approx((1 + 18) / 6)
    facts = scores.metrics["own"]
    assert made.task.metrics[0].custom.source.digest in facts.definition_id
    assert facts.definition_id.endswith(";worst=9")
    assert not facts.higher_is_better
    assert facts.unit == "years"
    (lost,) = (row for row in scores.rows if row.case == "c" and row.label == "away")
    assert (lost.value, lost.flag) == (9.0, "missing")
    own, mae = (
        next(one for one in scores.aggregates if (one.metric, one.label) == key)
        for key in (("own", "away"), ("mae", "mean"))
    )
    assert own.replicates == mae.replicates


def test_a_pooled_function_is_called_on_sets_and_its_replicates_are_paired_and_bounded(desk, bench):
    made = order(desk, POOLED, ("site",), kind="pooled", custom={"function": "mean"})
    scores = score_cases(made, desk, bench)
    assert values(scores)["own/mean"] == pytest.approx(values(scores)["mae/mean"])
    strata = {one.level: one.value for one in scores.strata if one.metric == "own"}
    assert strata == {"north": 1.0, "south": pytest.approx((0.25 + 9) / 2)}
    replicates = [
        np.frombuffer(base64.b64decode(one.replicates))
        for one in scores.aggregates
        if one.label == "mean"
    ]
    assert np.isfinite(replicates[0]).all()
    assert np.corrcoef(*replicates)[0, 1] > 0.8
    assert any("jackknife" in rule for rule in scores.metrics["own"].edge_rules)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def score(p, r, c):\n    return 1 / 0", "ZeroDivisionError"),
        ("def other(p, r, c):\n    return 1", "no function 'score'"),
        ("import socket\nraise SystemExit(3)", "exit code 3"),
        ("def score(p, r, c):\n    return {'all': [1.0]}", "1 numbers for 'all' of case 'a'"),
        ("def score(p, r, c):\n    return {'all': [1.0, float('nan')]}", "gave 'nan' for 'all'"),
        ("def score(p, r, c):\n    return {'all': [True, 'x']}", "no finite number"),
        ("def score(p, r, c):\n    return {'mine': [1, 2]}", "gave mine for case 'a'"),
        ("def score(p, r, c):\n    return {'all': [10**400, 1]}", "401 digits"),
        ("def score(p, r, c):\n    p[0] = r[0]", "read-only"),
        ("import os\ndef score(p, r, c):\n    os._exit(0)", "was not written"),
    ],
)  # fmt: skip
def test_whatever_goes_wrong_is_the_organizers_failure_with_the_end_of_its_log(
    desk, bench, source, said
):
    made = order(desk, f"print('about to')\n{source}")
    with pytest.raises(OrganizerError) as caught:
        score_cases(made, desk, bench)
    assert caught.value.code is Code.METRIC_FAILED
    assert said in caught.value.detail
    assert "metrics/score.py" in caught.value.detail
    assert len(caught.value.detail) < 2000


def test_a_function_that_does_not_end_is_ended(desk, bench, monkeypatch):
    monkeypatch.setattr("proctor_runner.custom.score._START_S", 0.3)
    source = "import time\ndef score(p, r, c):\n    time.sleep(99)"
    with pytest.raises(OrganizerError, match="longer than allowed"):
        score_cases(order(desk, source, custom={"seconds": 0.1}), desk, bench)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[1]", b"{}", b'{"cases": 3}', b'{"cases": [{"all": 1}]}', b"[" * 100_000,
        b'{"cases": [{"all": 1, "all": 2}, {"all": 1}]}',
        b'{"cases": [{"all": 1e999}, {"all": 1}]}', b'{"cases": [{"all": Infinity}, {"all": 1}]}',
        b'{"cases": [{"all": null}, {"all": 1}]}', b'{"cases": [{"all": [[1]]}, {"all": 1}]}',
        b'{"cases": [[1], {"all": 1}]}', b"\xff\xfe",
    ],
)  # fmt: skip
def test_nonsense_in_place_of_scores_is_refused(tmp_path, content):
    path = tmp_path / "scores.json"
    path.write_bytes(content)
    with pytest.raises(AnswerError):
        read_answers(path, "cases", ["all"], [1, 1], ["case 'a'", "case 'b'"])


@pytest.mark.docker
def test_in_a_container_it_has_no_network_and_sees_neither_names_nor_other_files(
    desk, tmp_path, decode_image
):
    source = """
import os, socket
import numpy as np, scipy, sklearn
def score(prediction, reference, case):
    try:
        socket.create_connection(("1.1.1.1", 53), timeout=1)
    except OSError:
        pass
    else:
        return {"all": [100, 100]}
    assert os.getuid() != 0
    assert sorted(os.listdir("/input"))[0] == "metric.json"
    try:
        open("/input/metric.json", "a")
    except OSError:
        return {"all": np.abs(prediction - reference)[:, 0]}
"""
    scores = score_cases(order(desk, source), desk, _opener("docker", tmp_path, decode_image))
    assert values(scores)["own/mean"] == pytest.approx(values(scores)["mae/mean"])


ANSWER = """
import json, numpy as np
job = json.load(open("/input/metric.json"))
def read(entry):
    return np.load("/input/" + entry["file"])
found = [
    {"all": np.abs(read(one["prediction"]) - read(one["reference"]))[:, 0].tolist()}
    for one in job["cases"]
]
json.dump({"cases": found}, open("/output/scores.json", "w"))
"""


@pytest.fixture
def scoring_image(docker_client, decode_image) -> Iterator[str]:
    """Return the name of an image that scores, built on what is here."""
    name = "proctor-test/scoring:latest"
    lines = [
        f"FROM {decode_image}",
        f"ENV ANSWER={json.dumps(ANSWER)}".replace("\\n", "\\\\n"),
        'ENTRYPOINT ["/opt/venv/bin/python", "-c", "import os; exec(os.environ[\'ANSWER\']'
        ".replace(chr(92) + 'n', chr(10)))\"]",
    ]
    docker_client.images.build(fileobj=io.BytesIO("\n".join(lines).encode()), tag=name, rm=True)
    yield name
    docker_client.images.remove(name, force=True)


@pytest.mark.docker
def test_a_container_scores_the_same_and_is_named_by_its_image(
    desk, tmp_path, decode_image, scoring_image
):
    made = order(desk, "", custom={"file": None, "source": None, "image": scoring_image})
    scores = score_cases(made, desk, _opener("docker", tmp_path, decode_image))
    assert values(scores)["own/mean"] == pytest.approx(values(scores)["mae/mean"])
    assert f"source=image {scoring_image}" in scores.metrics["own"].definition_id


def test_without_docker_a_container_is_nobodys_failure_but_the_machines(desk, bench):
    made = order(desk, "", custom={"file": None, "source": None, "image": "scoring:1"})
    with pytest.raises(PlatformError, match="docker sandbox"):
        score_cases(made, desk, bench)


def test_scores_longer_than_honest_ones_are_not_read_to_their_end(tmp_path):
    path = tmp_path / "scores.json"
    path.write_bytes(b'{"cases": [{"all": 1}], "more": "' + b"x" * (1 << 20) + b'"}')
    with pytest.raises(AnswerError, match="more than"):
        read_answers(path, "cases", ["all"], [1], ["case 'a'"])


def test_an_archives_metric_never_runs_outside_the_sandbox_that_was_chosen(
    desk, tmp_path, monkeypatch
):
    marker = tmp_path / "it-ran"
    made = order(desk, f"open({str(marker)!r}, 'w').close()\ndef score(*_): return [0.0, 0.0]\n")
    blobs = {f"sha256:{path.name}": path for path in (tmp_path / "blobs").iterdir()}
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody-listens.sock")

    with pytest.raises(PlatformError):
        score_here(made, blobs, "docker")

    assert not marker.exists()
    score_here(made, blobs, "process")
    assert marker.exists()
