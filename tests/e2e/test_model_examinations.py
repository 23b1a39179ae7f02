"""A model from its own test to its page: what is tested here is what a platform measures."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.docker]

LEARNED = """
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


class Model:
    def load(self, folder):
        values = np.linspace(0, 1, 40)[:, None]
        self.pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=3.0))
        self.pipeline.fit(values, values[:, 0] > 0.5)

    def predict(self, inputs):
        return self.pipeline.predict_proba(inputs["values"])
"""
IO = {
    "inputs": {"values": {"type": "array"}},
    "outputs": {"probabilities": {"type": "table", "columns": ["low", "high"]}},
}


@pytest.fixture
def learned(model: Callable[..., Path]) -> Path:
    """A model of scikit-learn that states another framework than it uses."""
    folder = model(LEARNED)
    card = json.loads((folder / "model.json").read_text())
    card |= {
        "protocols": ["case", "serve"],
        "io": IO,
        "model": {"framework": "tensorflow"},
        "resources": {"memory_bytes": 200 << 20},
    }
    (folder / "model.json").write_text(json.dumps(card))
    return folder


def test_a_model_is_tested_behind_the_walls_of_a_platform(
    stack: Any, challenge: str, joined: str, learned: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report.html"
    ended = stack.cli(
        *("model", "test", str(learned), "--challenge", challenge, "--sandbox", "docker"),
        *("--report", str(report), "--format", "json"),
        token=joined,
    )
    found = json.loads(ended.stdout)
    checks = {check["name"]: check for check in found["checks"]}
    assert not any(check["finding"] == "failed" for check in checks.values())
    for name in ("starts", "case", "serve", "same_twice", "same_through_all", "rest"):
        assert checks[name]["finding"] == "passed", checks[name]
    for name in ("network", "unprivileged", "read_only", "memory", "io"):
        assert checks[name]["finding"] == "passed", checks[name]
    assert found["limits"]["memory_bytes"] == 200 << 20
    assert found["metadata"]["models"][0]["framework"] == "scikit-learn"
    assert found["metadata"]["models"][0]["parameters"] == 5
    assert report.read_text().startswith("<!doctype html>")


def test_a_platform_measures_what_it_runs_and_no_statement_takes_its_place(
    stack: Any, challenge: str, joined: str, learned: Path
) -> None:
    submission = stack.submit(challenge, learned, joined)
    view = stack.finish(submission, joined)
    assert (view.progress, view.outcome) == ("scored", "OK")
    shown = json.loads(
        stack.cli("model", "show", submission, "--format", "json", token=joined).stdout
    )
    (found,) = shown["measured"]["models"]
    assert (found["framework"], found["type"]) == ("scikit-learn", "Pipeline")
    assert [step["type"] for step in found["steps"]] == [
        "Pipeline",
        "StandardScaler",
        "LogisticRegression",
    ]
    assert shown["card"]["model"]["framework"] == "tensorflow"
    assert shown["measured"]["folder_bytes"] == sum(
        path.stat().st_size for path in learned.iterdir()
    )
    assert shown["measured"]["image_bytes"] > 10_000_000
    assert "numpy" in {package["name"] for package in shown["measured"]["packages"]}


@pytest.mark.slow
def test_a_folder_is_tested_as_the_image_that_it_builds(
    stack: Any, challenge: str, joined: str, learned: Path
) -> None:
    (learned / "Dockerfile").write_text(
        f"FROM proctor/runtime-cpu:{version('proctor')}\n"
        'LABEL proctor.protocols="case,serve,describe"\n'
        "COPY . /model\n"
    )
    ended = stack.cli(
        *("model", "test", str(learned), "--build", "--challenge", challenge),
        *("--sandbox", "docker", "--format", "json"),
        token=joined,
    )
    found = json.loads(ended.stdout)
    checks = {check["name"]: check for check in found["checks"]}
    for name in ("builds", "case", "serve", "same_twice", "name", "metadata"):
        assert checks[name]["finding"] == "passed", checks[name]
