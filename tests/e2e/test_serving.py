"""A model that serves, from submission to score: what it is spared and what it must not do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proctor.spec.model import Protocol

pytestmark = [pytest.mark.e2e, pytest.mark.docker]

COUNTS = """
import os

class Model:
    def load(self, folder):
        self.cases = 0

    def predict(self, inputs):
        self.cases += 1
        print("case number", self.cases)
        {body}
        return [[1 - float(value[0]), float(value[0])] for value in inputs["values"]]
"""


@pytest.fixture
def served(model: Callable[..., Path]) -> Callable[[str], Path]:
    """A function that writes a model that serves, with a line of its own in ``predict``."""

    def write(body: str) -> Path:
        folder = model(COUNTS.replace("{body}", body))
        card = json.loads((folder / "model.json").read_text())
        (folder / "model.json").write_text(json.dumps(card | {"protocols": ["case", "serve"]}))
        return folder

    return write


def test_a_model_that_serves_is_loaded_once_and_scored(
    stack: Any, challenge: str, joined: str, served: Callable[[str], Path]
) -> None:
    submission = stack.submit(challenge, served("pass"), joined)
    view = stack.finish(submission, joined)

    assert (view.progress, view.outcome) == ("scored", "OK")
    assert view.runs[-1].protocol is Protocol.SERVE
    client = stack.client(joined)
    log = client.log(submission)
    assert sorted(line for line in log.splitlines() if line.startswith("case number")) == [
        f"case number {number}" for number in (1, 2, 3)
    ]


def test_a_crash_costs_one_case_and_a_start(
    stack: Any, challenge: str, joined: str, served: Callable[[str], Path]
) -> None:
    model = served("self.cases == 2 and os._exit(9)")
    view = stack.finish(stack.submit(challenge, model, joined), joined)

    cases = stack.client(joined).cases(view.id)
    assert sorted(case.outcome for case in cases) == ["CRASH", "OK", "OK"]
    assert view.progress == "scored"


def test_a_model_that_remembers_is_not_scored(
    stack: Any, challenge: str, joined: str, served: Callable[[str], Path]
) -> None:
    body = 'inputs["values"] = inputs["values"] / self.cases'
    view = stack.finish(stack.submit(challenge, served(body), joined), joined)

    assert (view.progress, view.outcome) == ("failed", "PROTOCOLS_DISAGREE")
    assert "keeps something from one case to the next" in view.detail
    assert view.runs[-1].evaluation is None
