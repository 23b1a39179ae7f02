"""What a model that misbehaves gets: one named outcome, and never a submission without a state."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.docker]

ANSWER = 'np.tile([0.5, 0.5], (len(inputs["values"]), 1))'


def predict(body: str) -> str:
    lines = "\n".join(f"        {line}" for line in body.strip().splitlines())
    head = "import os, subprocess, sys, time\nimport numpy as np\n\nclass Model:\n"
    return f"{head}    def predict(self, inputs):\n{lines}\n"


WRITE = 'path = os.environ.get("PROCTOR_OUTPUT", "/output") + "/probabilities.csv"\n'
MISBEHAVIOR = {
    "raises": (predict('raise RuntimeError("no")'), "CRASH", "exit"),
    "exit-status-7": (predict("os._exit(7)"), "CRASH", "7"),
    "no-output": (predict("os._exit(0)"), "MISSING_OUTPUT", "probabilities.csv"),
    "wrong-name": (
        predict('open("/output/answer.csv", "w").write("low,high\\n")\nos._exit(0)'),
        "MISSING_OUTPUT",
        "probabilities.csv",
    ),
    "half-the-rows": (
        predict(WRITE + 'open(path, "w").write("low,high\\n0.5,0.5\\n")\nos._exit(0)'),
        "INVALID_OUTPUT",
        "4",
    ),
    "wrong-columns": (
        predict(WRITE + 'open(path, "w").write("a,b\\n" + "0.5,0.5\\n" * 4)\nos._exit(0)'),
        "INVALID_OUTPUT",
        "low",
    ),
    "not-a-number": (
        predict(WRITE + 'open(path, "w").write("low,high\\n" + "nan,0.5\\n" * 4)\nos._exit(0)'),
        "INVALID_OUTPUT",
        "probabilities.csv",
    ),
    "memory-hog": (predict("x = bytearray(1 << 30)\nreturn x"), "OOM", "256"),
    "child-killed-for-memory": (
        predict(
            'subprocess.run([sys.executable, "-c", "x = bytearray(1 << 30)"])\n'
            f'return {{"probabilities": {ANSWER}}}'
        ),
        "OOM",
        "256",
    ),
    "output-flood": (
        predict(
            'with open("/output/flood", "wb") as flood:\n'
            "    while True:\n"
            "        flood.write(bytes(1 << 20))"
        ),
        "OUTPUT_LIMIT",
        "4",
    ),
}


@pytest.fixture(scope="module")
def submitted(
    stack: Any, challenge: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Every misbehaving model, submitted at once by one participant."""
    import json

    token = stack.user("mischief")
    stack.client(token).join(challenge)
    ids = {"token": token}
    for name, (source, _, _) in MISBEHAVIOR.items():
        folder = tmp_path_factory.mktemp(name)
        (folder / "model.py").write_text(source)
        (folder / "model.json").write_text(
            json.dumps({"contract": 1, "name": name, "runtime": "runtime-cpu"})
        )
        ids[name] = stack.submit(challenge, folder, token)
    return ids


@pytest.mark.parametrize("name", sorted(MISBEHAVIOR))
def test_a_misbehaving_model_gets_its_own_outcome(
    stack: Any, submitted: dict[str, str], name: str
) -> None:
    _, code, words = MISBEHAVIOR[name]
    view = stack.finish(submitted[name], submitted["token"])
    assert view.outcome == code
    assert view.progress == "failed"
    cases = stack.client(submitted["token"]).cases(submitted[name])
    assert {case.outcome for case in cases} == {code}
    assert words in " ".join([view.detail, *(case.detail for case in cases)])


def test_a_case_over_its_time_is_named_so(
    stack: Any,
    organizer: str,
    participant: str,
    model: Callable[..., Path],
    tmp_path: Path,
    write_challenge: Callable[..., Path],
) -> None:
    limits = {"case_s": 1.5, "memory_bytes": 256 << 20, "tmp_bytes": 32 << 20}
    folder = write_challenge(tmp_path / "brief", "brief", limits=limits)
    stack.cli("challenge", "publish", str(folder), token=organizer)
    stack.client(participant).join("brief")
    submission = stack.submit("brief", model(predict("time.sleep(60)")), participant)
    view = stack.finish(submission, participant)
    assert view.outcome == "TIMEOUT"


def test_an_image_that_cannot_start_is_the_participants_failure(
    stack: Any, challenge: str, joined: str, tmp_path: Path, image: Callable[[str], str]
) -> None:
    reference = image('ENTRYPOINT ["/no/such/program"]')
    submission = stack.submit(challenge, Path(reference), joined)
    view = stack.finish(submission, joined)
    assert view.outcome == "START_FAILED"


def test_an_image_with_a_hostile_label_is_rejected_before_it_runs(
    stack: Any, challenge: str, joined: str, image: Callable[[str], str]
) -> None:
    reference = image('LABEL proctor.run="victim"')
    submission = stack.submit(challenge, Path(reference), joined)
    view = stack.finish(submission, joined)
    assert view.state == "rejected"
    assert view.outcome == "IMAGE_REJECTED"
    assert "proctor.run" in view.detail
