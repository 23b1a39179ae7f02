"""An image from a registry, with weights beside it: pinned, copied, run; and its next version."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker
import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.docker, pytest.mark.registry]

# A line of Python that answers a case with what the weights say is the threshold.
ANSWER = """
import csv, json, numpy as np
threshold = float(open("/model/deep/threshold").read())
case = json.load(open("/input/case.json"))
values = np.load("/input/" + case["inputs"]["values"]["file"])
with open("/output/probabilities.csv", "w", newline="") as stream:
    rows = csv.writer(stream)
    rows.writerow(["low", "high"])
    rows.writerows([[0.1, 0.9] if value > threshold else [0.9, 0.1] for value in values[:, 0]])
"""
LINES = """
COPY base.bin /base.bin
COPY answer.py /answer.py
COPY noise.bin /noise.bin
ENTRYPOINT ["python", "/answer.py"]
"""
CHANGED_BYTES = 10_000_000


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A folder that holds the threshold of the right answer."""
    folder = tmp_path / "weights"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "threshold").write_text("0.5")
    return folder


def build(image: Callable[..., str], base: bytes = b"") -> str:
    """Build an image whose last layer is unlike that of any other."""
    files = {"base.bin": base, "answer.py": ANSWER.encode(), "noise.bin": os.urandom(CHANGED_BYTES)}
    return image(LINES, files=files)


def test_a_registry_image_with_weights_is_pinned_copied_and_scored(
    stack: Any,
    challenge: str,
    joined: str,
    registry_server: str,
    image: Callable[..., str],
    weights: Path,
) -> None:
    client = docker.from_env(timeout=600)
    name = f"{registry_server}/models/half"
    client.images.get(build(image)).tag(name, "1")
    for line in client.images.push(name, "1", stream=True, decode=True):
        assert "error" not in line, line
    client.images.remove(f"{name}:1")
    client.close()
    options = ("--weights", str(weights), "--wait", "--poll-interval", "0.2")
    ended = stack.cli("submit", challenge, f"docker://{name}:1", *options, token=joined)
    said = re.search(r"is (sha256:[0-9a-f]{64})\.", ended.stderr)
    assert said is not None, ended.stderr
    (view,) = stack.client(joined).submissions(challenge).items
    assert view.progress == "scored"
    assert view.runs[0].evaluation.scores["half/top1/mean"] == 1.0
    assert view.source is not None
    assert (view.source.url, view.source.revision) == (name, said[1])


@pytest.mark.slow
def test_a_second_version_with_10_mb_changed_sends_about_10_mb(
    stack: Any, challenge: str, joined: str, image: Callable[..., str], weights: Path
) -> None:
    sent = []
    base = os.urandom(3 * CHANGED_BYTES)
    for _ in range(2):
        options = ("--weights", str(weights))
        ended = stack.cli("submit", challenge, build(image, base), *options, token=joined)
        said = re.search(r"Uploaded ([0-9.]+) MB", ended.stderr)
        assert said is not None, ended.stderr
        sent.append(float(said[1]))
    # The runtime image below is the challenge's, so nobody sends that, not even the first time.
    assert sent == pytest.approx([4 * CHANGED_BYTES / 1e6, CHANGED_BYTES / 1e6], rel=0.03)
