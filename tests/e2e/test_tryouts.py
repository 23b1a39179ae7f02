"""Try-outs and predictions on a whole platform, through the command line."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.docker]

CRASHES = """
class Model:
    def predict(self, inputs):
        print("looking for the weights")
        raise SystemExit(3)
"""


@pytest.fixture
def entrant(stack: Any, tried: str, participant: str) -> str:
    """The token of a new participant of the challenge with try-outs."""
    stack.client(participant).join(tried)
    return participant


def test_a_model_is_tried_out_alone_and_then_enters(
    stack: Any, tried: str, entrant: str, model: Callable[..., Path]
) -> None:
    folder = model()
    checked = stack.cli("submit", tried, str(folder), "--check-only", "--wait", token=entrant)
    assert "checked  2/2 cases" in checked.stderr
    assert re.findall(r"^ *(c\d) +OK", checked.stdout, re.MULTILINE) == ["c1", "c2"]
    scored = stack.cli("submit", tried, str(folder), "--wait", token=entrant)
    assert "scored  3/3 cases" in scored.stderr
    rows = stack.client(entrant).submissions(tried).items
    runs = [[run.purpose for run in view.runs] for view in rows]
    assert runs == [["tryout", "first"], ["tryout"]]
    board = stack.client(entrant).leaderboard(tried, "main")
    assert rows[0].id in {row.submission for row in board.rows}
    assert rows[1].id not in {row.submission for row in board.rows}


def test_a_model_that_fails_on_the_sample_meets_no_hidden_case(
    stack: Any, tried: str, entrant: str, model: Callable[..., Path]
) -> None:
    ended = stack.cli("submit", tried, str(model(CRASHES)), "--wait", token=entrant, check=False)
    assert ended.returncode == 4
    assert "CRASH: 2 of 2 cases of the public sample failed; the first is c1" in ended.stderr
    (view,) = stack.client(entrant).submissions(tried).items
    assert [run.split for run in view.runs] == ["sample"]
    printed = stack.cli("logs", view.id, token=entrant).stdout
    assert "==> case c1 (try-out) <==" in printed
    assert "looking for the weights" in printed


def test_predictions_from_the_template_are_decoded_and_scored(
    stack: Any, tried: str, entrant: str, tmp_path: Path
) -> None:
    brought, mine = tmp_path / "inputs", tmp_path / "mine"
    stack.cli("challenge", "inputs", tried, "--out", str(brought), token=entrant)
    stack.cli("challenge", "template", "predictions", tried, str(mine), token=entrant)
    for case in ("c1", "c2"):
        high = np.load(brought / case / "values.npy")[:, 0] > 0.5
        rows = "".join("0.1,0.9\n" if answer else "0.9,0.1\n" for answer in high)
        (mine / case / "probabilities.csv").write_text(f"low,high\n{rows}")
    (mine / "c3/probabilities.csv").write_text("low,high\n1,nan\n")
    ended = stack.cli("submit", tried, str(mine), "--wait", token=entrant)
    assert "scored  3/3 cases  1 failed" in ended.stderr
    (view,) = stack.client(entrant).submissions(tried).items
    assert view.kind == "predictions"
    assert view.runs[0].evaluation.scores["half/top1/mean"] == pytest.approx(2 / 3)
    cases = {case.case: case for case in stack.client(entrant).cases(view.id)}
    assert cases["c3"].outcome == "INVALID_OUTPUT"
    refused = stack.cli("rerun", view.id, token=entrant, check=False)
    assert refused.returncode != 0
    assert "no model to run again" in refused.stderr
    board = stack.cli("leaderboard", tried, token=entrant)
    assert "Constant answers (predictions)" in board.stdout
    assert "not re-runnable" in board.stderr
