"""An organizer's own container that scores, and an audit of the board, on a whole platform."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker
import numpy as np
import pytest
import yaml

pytestmark = [pytest.mark.e2e, pytest.mark.docker]

SCORE = """
import json
import numpy as np

job = json.load(open("/input/metric.json"))

def read(entry):
    return np.load("/input/" + entry["file"])

found = [
    {"all": np.abs(read(one["prediction"])[:, 1] - read(one["reference"])).tolist()}
    for one in job["cases"]
]
json.dump({"cases": found}, open("/output/scores.json", "w"))
"""
LINES = """
COPY score.py /score.py
ENTRYPOINT ["python", "/score.py"]
"""
OWN = {
    "id": "gap",
    "direction": "lower",
    "worst": 1.0,
    "output": "probabilities",
    "reference": "labels",
}


@pytest.fixture
def folder(tmp_path: Path, write_challenge: Callable[..., Path], image: Callable[..., str]) -> Path:
    """A challenge whose second metric is a container of its organizer's."""
    made = write_challenge(tmp_path / "own-metric", "own-metric")
    document = yaml.safe_load((made / "challenge.yaml").read_text())
    custom = {
        "image": image(LINES, files={"score.py": SCORE.encode()}),
        "seconds": 20,
        "memory_bytes": 256 << 20,
    }
    document["tasks"][0]["metrics"].append(OWN | {"custom": custom})
    (made / "challenge.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    return made


def test_a_container_scores_what_models_answer_and_an_audit_recomputes_the_rest(
    stack: Any, organizer: str, participant: str, folder: Path, model: Callable[..., Path]
) -> None:
    stack.cli("challenge", "publish", str(folder), token=organizer)
    stack.client(participant).join("own-metric")
    submission = stack.submit("own-metric", model(), participant)
    view = stack.finish(submission, participant)
    assert view.progress == "scored", view.detail
    scores = view.runs[0].evaluation.scores
    assert scores["half/gap/mean"] == pytest.approx(0.1)
    assert scores["half/top1/mean"] == 1.0
    name = yaml.safe_load((folder / "challenge.yaml").read_text())
    name = name["tasks"][0]["metrics"][2]["custom"]["image"]
    client = docker.from_env(timeout=600)
    digest = client.images.get(name).id
    client.close()
    assert digest in view.runs[0].evaluation.definitions["gap"]

    ended = stack.cli("audit", "own-metric", token=organizer)
    assert "Not recomputed: gap." in ended.stderr
    assert "0 differ by more than rounding" in ended.stderr
    assert "scikit-learn log_loss" in ended.stdout
    refused = stack.cli("audit", "own-metric", token=participant, check=False)
    assert refused.returncode != 0

    path = folder / "data" / "hidden" / "reference" / "c1.npy"
    np.save(path, 1 - np.load(path))
    ended = stack.cli(
        "audit", "own-metric", "--challenge", str(folder), token=organizer, check=False
    )
    assert ended.returncode == 1
    assert f"top1 mean, {submission}, c1: shown 1.0" in ended.stderr
